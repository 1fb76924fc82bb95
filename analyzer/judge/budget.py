"""Whether one more call may be made: dollars of the day, calls of the minute. Without a fresh reading, none. Pure.

Nobody has to know of anybody else: a call's bound is in the store before the call is made, and the store is read after
that. The sum that comes back holds this bound and those of everybody who was earlier, so of two processes that both
fill up the budget at least the later one sees it, and takes its call back.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from config.judge import JudgeBudget
from store.judging.calls import Spend

STALE_S: Final = 30.0
"""A reading that is older says nothing any more."""
_MINUTE: Final = timedelta(minutes=1)
_REMEMBERED: Final = 3 * _MINUTE
_NONE: Final = Decimal(0)

Held = Literal["store", "clock", "dollars", "rate"]
"""Why no call may be made: no fresh reading of the store; its day is not ours; the day's, or the minute's, is used."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks."""

    utc: datetime
    steady_s: float
    """A clock that nobody sets; it goes on while the machine sleeps."""


class Budget:
    """What is known of the spend, and what of ours it does not know yet."""

    def __init__(self, settings: JudgeBudget) -> None:
        self._settings = settings
        self._spend: Spend | None = None
        self._read_at_s = 0.0
        self._unread_usd = _NONE
        self._minute: deque[datetime] = deque()
        self._own: deque[datetime] = deque()
        self._others_last_minute = 0

    @property
    def limit_usd(self) -> Decimal | None:
        """Per day; None: there is none."""
        return self._settings.usd_per_day

    @property
    def is_read(self) -> bool:
        """Does the store know of every call that there was leave for?"""
        return self._unread_usd == 0

    @property
    def limit_per_minute(self) -> int | None:
        """Calls; None: there is none."""
        return self._settings.calls_per_minute

    def spent_usd(self, now: Moment) -> Decimal | None:
        """The day's spend, bounds of calls under way among it; None: no fresh reading."""
        return None if self._spend is None or self._held_by_reading(now) else self._spend.committed_usd

    def configure(self, settings: JudgeBudget) -> None:
        """From now on these limits."""
        self._settings = settings

    def can_ever(self, bound_usd: Decimal) -> bool:
        """Would an unused day have room for this call?"""
        return self.limit_usd is None or bound_usd <= self.limit_usd

    def held(self, bound_usd: Decimal, now: Moment) -> Held | None:
        """Why a call may not be made now; None: it may be asked for (`reserve`)."""
        if self._spend is None or (why := self._held_by_reading(now)) is not None:
            return "store" if self._spend is None else why
        limit = self.limit_usd
        if limit is not None and self._spend.committed_usd + self._unread_usd + bound_usd > limit:
            return "dollars"
        most = self.limit_per_minute
        if most is not None and self._started_last_minute(now) >= most:
            return "rate"
        return None

    def _held_by_reading(self, now: Moment) -> Held | None:
        if self._spend is None or now.steady_s - self._read_at_s > STALE_S:
            return "store"
        return "clock" if self._spend.day != now.utc.date() else None

    def _started_last_minute(self, now: Moment) -> int:
        _forget(self._minute, now.utc - _MINUTE)
        return len(self._minute) + self._others_last_minute

    def reserve(self, bound_usd: Decimal, now: Moment) -> None:
        """A call is about to be written down."""
        self._unread_usd += bound_usd
        if self.limit_per_minute is not None:
            self._minute.append(now.utc)
            self._own.append(now.utc)

    def give_back(self, bound_usd: Decimal) -> None:
        """A call for which there was leave is not written down after all."""
        self._unread_usd = max(_NONE, self._unread_usd - bound_usd)

    def read(self, spend: Spend, asked: Moment, covered_usd: Decimal) -> None:
        """A reading of the store.

        Args:
            spend: what came back.
            asked: when it was asked for.
            covered_usd: bounds of our own calls that were stored since the reading before; this one knows them.
        """
        self._spend = spend
        self._read_at_s = asked.steady_s
        self._unread_usd = max(_NONE, self._unread_usd - covered_usd)
        _forget(self._own, asked.utc - _REMEMBERED)
        # The store counts by whole minutes, so for others rather too many than too few.
        begin = asked.utc.replace(second=0, microsecond=0) - _MINUTE
        self._others_last_minute = max(0, spend.last_minute - sum(at >= begin for at in self._own))

    def kept(self, bounds_usd: list[tuple[datetime, Decimal]]) -> list[bool]:
        """Which of the calls that the last reading is the first to know may be made, in the order of the list.

        Args:
            bounds_usd: when each was asked, and the most that it can cost.

        Returns:
            The last ones are taken back where the day would cost too much, and those of another day than the store's.
        """
        spend, limit = self._spend, self.limit_usd
        if spend is None:
            return [False] * len(bounds_usd)
        over = _NONE if limit is None else spend.committed_usd - limit
        made = []
        for asked_at, bound in reversed(bounds_usd):
            is_kept = over <= 0 and asked_at.date() == spend.day
            over -= _NONE if is_kept or asked_at.date() != spend.day else bound
            made.append(is_kept)
        return made[::-1]


def _forget(times: deque[datetime], before: datetime) -> None:
    while times and times[0] < before:
        times.popleft()
