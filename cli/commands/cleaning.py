"""Takes out of texts from files what `privacy` does not let the store keep."""

from config.model import Privacy
from proxy.recorder.redaction import Redactor


def cleaner_of(privacy: Privacy) -> Redactor | None:
    """None: no texts may be stored."""
    if privacy.bodies == "none":
        return None
    return Redactor(privacy.redact if privacy.bodies == "redacted" else ())
