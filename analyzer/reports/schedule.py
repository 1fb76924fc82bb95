"""When reports are due: every so often, counted from a time of day, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from analyzer.source import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every` seconds, from `at` (HH:MM, UTC)."""

    every_s: float
    at: str
    since_s: float | None = None
    """Length of a report's window; None: as long as `every_s`."""

    def latest(self, now: datetime) -> datetime:
        """The latest moment at which a report was due, not after `now`."""
        every = timedelta(seconds=self.every_s)
        return self._first + (now - self._first) // every * every

    def next(self, now: datetime) -> datetime:
        """The first moment after `now` at which one is due."""
        return self.latest(now) + timedelta(seconds=self.every_s)

    def window(self, due: datetime) -> Window:
        """What the report that is due then is about."""
        length_s = self.every_s if self.since_s is None else self.since_s
        return Window(due - timedelta(seconds=length_s), due)

    @property
    def _first(self) -> datetime:
        hours, minutes = self.at.split(":")
        return _EPOCH + timedelta(hours=int(hours), minutes=int(minutes))
