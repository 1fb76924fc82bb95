"""Why a pair has no texts."""

from datetime import datetime, timedelta

from analyzer.dashboard.templating import lasting
from config.model import Privacy


def why_missing(privacy: Privacy, ts: datetime, now: datetime) -> str:
    """In one line.

    Args:
        privacy: as of now; the pair may be older than it.
        ts: start of the request of which they are missing.
        now: UTC.
    """
    keeps = timedelta(seconds=privacy.retention)
    if privacy.bodies == "none":
        return "no texts are stored (privacy.bodies is none)"
    if ts < now - keeps:
        return f"texts are kept for {lasting(keeps)} (privacy.retention), and this pair is older"
    return "no texts are stored: none were kept when it was recorded or imported, or they were erased"
