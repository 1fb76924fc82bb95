"""Values as JSON has them: no NaN, no infinity, times as text."""

import math
from datetime import datetime

from analyzer.stats.interval import Interval

Json = dict[str, object]


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def number(value: float | None) -> float | None:
    """What is not finite is unknown."""
    return value if value is not None and math.isfinite(value) else None


def interval(ends: Interval | None) -> Json | None:
    """Low and high."""
    return None if ends is None else {"low": number(ends.low), "high": number(ends.high)}
