"""Points in time and windows as people write them: `24h` (ago), `now`, `2026-03-01T12:00`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from analyzer.source import Window
from config.scalars import PositiveDurationS

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing was recorded before or will be after; the store's times reach a little further."""
ALLOWED = "write how long ago (90s, 10m, 24h, 7d), or 2026-03-01T12:00 (UTC)"
_duration = TypeAdapter[float](PositiveDurationS)
_STARTS_LIKE_DURATION = re.compile(r"\d+(\.\d+)?\s*[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as people say it: `24h` (ago) or `2026-03-01T12:00`."""

    ago: timedelta | None = None
    at: datetime | None = None

    def resolve(self, now: datetime) -> datetime:
        """The point in time, UTC."""
        return self.at if self.at is not None else now - (self.ago or timedelta())


def moment(said: str) -> Moment:
    """What a text says; a time without an offset is UTC.

    Raises:
        ValueError: it says no time.
    """
    text = said.strip()
    if text == "now":
        return Moment(ago=timedelta())
    try:
        if _STARTS_LIKE_DURATION.fullmatch(text):
            return Moment(ago=timedelta(seconds=_duration.validate_python(text)))
        at = datetime.fromisoformat(text)
        return Moment(at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValidationError, ValueError, OverflowError):
        raise ValueError(f"{said!r} is no time; {ALLOWED}") from None


def window_of(since: Moment, until: Moment, now: datetime) -> Window:
    """Both ends resolved, and brought into the years that the store knows: `9999d` ago asks for everything.

    Raises:
        ValueError: it ends before it starts, or has not begun yet.
    """
    start, end = (min(max(_resolved(one, now), FIRST), LAST) for one in (since, until))
    if start >= now and end > start:
        raise ValueError(f"the window begins ({start:%Y-%m-%d %H:%M:%S} UTC) after now: nothing can be in it")
    if start >= end:
        raise ValueError(f"the window ends ({end:%Y-%m-%d %H:%M:%S}) before it starts ({start:%Y-%m-%d %H:%M:%S})")
    return Window(start, end)


def _resolved(said: Moment, now: datetime) -> datetime:
    try:
        return said.resolve(now)
    except OverflowError:
        return FIRST
