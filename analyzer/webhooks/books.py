"""The store as webhooks see it: questions in one thread, rows in another, so that neither waits for the other."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from analyzer.answering import Question, answer
from analyzer.metrics import Metric
from analyzer.results import Study
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.experiment import experiments
from config.model import Config, Store
from runtime.offload import Offload
from store import notices, spending
from store.errors import StoreUnavailable
from store.judging import calls, progress
from store.judging.calls import Spend
from store.judging.progress import Leader
from store.locate import StoreConnection
from store.notices import LeftOut, NoticeRow, Told
from store.reader import Reader
from store.spending import Asked, Day
from store.tables import NOTIFIERS
from store.writer import Writer

T = TypeVar("T")
_CLOSE_S: Final = 0.5
_DAY_S: Final = 86400.0
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Money:
    """What the day has cost; None: it has no budget, or nothing of it is known."""

    day: Day | None
    judging: Spend | None
    dearest: Decimal | None
    """The most that one of the day's calls to a judge could cost."""


class Books(Protocol):
    """What is asked of the store. Each call raises StoreError; `StoreUnavailable` where it may work later."""

    async def study(self, config: Config, now: datetime) -> Study:
        """The study that a nightly report would have now."""
        ...

    async def money(self, config: Config) -> Money:
        """What the day has cost, of everything that has a budget."""
        ...

    async def left_out(self, since: datetime) -> list[LeftOut]:
        """See `notices.left_out`."""
        ...

    async def told(self) -> list[Told]:
        """See `notices.told`; with all that this process has written."""
        ...

    async def waiting(self, now: datetime) -> list[NoticeRow]:
        """See `notices.waiting`; with all that this process has written."""
        ...

    async def write(self, rows: Sequence[NoticeRow], token: str) -> None:
        """See `notices.write_notices`."""
        ...

    async def beat(self, judge: str) -> Leader | None:
        """Says that a process is at work; who tells webhooks then."""
        ...

    async def resign(self, number: str) -> None:
        """See `progress.resign`."""
        ...

    async def close(self) -> None:
        """Lets go of the connections; a call that hangs is not waited for."""
        ...


def window_of(config: Config, now: datetime) -> Window:
    """As long as that of nightly reports, or a day; it ends now."""
    reports = config.reports
    length_s = _DAY_S if reports is None else reports.since or reports.every
    return Window(now - timedelta(seconds=length_s), now)


class StoreBooks:
    """The configured store."""

    def __init__(self, store: Store, metrics: tuple[Metric, ...]) -> None:
        """`metrics`: all that there are."""
        self._metrics = metrics
        self._reading = StoreConnection(store, access="reader")
        self._writing = StoreConnection(store, access="writer")
        self._writer = Writer(self._writing)
        self._readers = Offload("webhook reads")
        self._writers = Offload("webhook writes")

    async def study(self, config: Config, now: datetime) -> Study:
        """See `Books`."""
        asked = Question(config, window_of(config, now), (), "anytime", config.policy, self._metrics)
        configured = [candidate.name for candidate in config.candidates]
        return await self._ask(lambda r: answer(StoredPairs(r.columns), asked, now, configured=configured).study)

    async def money(self, config: Config) -> Money:
        """See `Books`."""
        asked = _with_budgets(config)
        limit = None if config.judge is None else config.judge.budget.usd_per_day

        def look(reader: Reader) -> Money:
            day = spending.day(reader, asked) if asked else None
            judging = None if limit is None else calls.spent_today(reader)
            # Before a tenth of the day's budget is spent, no call is so dear that it makes the difference.
            is_near = limit is not None and judging is not None and 10 * judging.committed_usd > limit
            return Money(day, judging, calls.dearest_today(reader) if is_near else None)

        return await self._ask(look)

    async def left_out(self, since: datetime) -> list[LeftOut]:
        """See `Books`."""
        return await self._ask(lambda r: notices.left_out(r, since))

    async def told(self) -> list[Told]:
        """See `Books`."""
        return await self._ask_writer(notices.told)

    async def waiting(self, now: datetime) -> list[NoticeRow]:
        """See `Books`."""
        return await self._ask_writer(lambda r: notices.waiting(r, now))

    async def write(self, rows: Sequence[NoticeRow], token: str) -> None:
        """See `Books`."""
        await self._writers.call(lambda: notices.write_notices(self._writer, rows, token))

    async def beat(self, judge: str) -> Leader | None:
        """See `Books`."""

        def say() -> Leader | None:
            progress.beat(self._writing, judge, NOTIFIERS)
            return progress.leader(self._writing, judge, NOTIFIERS)

        return await self._writers.call(say)

    async def resign(self, number: str) -> None:
        """See `Books`."""
        await self._writers.call(lambda: progress.resign(self._writing, number, NOTIFIERS))

    async def close(self) -> None:
        """See `Books`."""
        parts = ((self._readers, self._reading), (self._writers, self._writing))
        drops = [asyncio.wait_for(offload.call(connection.drop), _CLOSE_S) for offload, connection in parts]
        await asyncio.gather(*drops, return_exceptions=True)
        for offload, _ in parts:
            offload.close()

    async def _ask(self, question: Callable[[Reader], T]) -> T:
        return await self._readers.call(lambda: _asked(self._reading, question))

    async def _ask_writer(self, question: Callable[[Reader], T]) -> T:
        """With the writer's connection: what it has written is what it reads."""
        return await self._writers.call(lambda: _asked(self._writing, question))


def _asked(connection: StoreConnection, question: Callable[[Reader], T]) -> T:
    try:
        return question(Reader(connection.client()))
    except StoreUnavailable:
        connection.drop()
        raise


def _with_budgets(config: Config) -> Mapping[str, Asked]:
    """Candidates with a budget of dollars. Of copies without a price it does not matter since when they have none."""
    ids = experiments(config)
    return {c.name: Asked(ids[c.name].id, _LONG_AGO) for c in config.candidates if c.budget.usd_per_day is not None}
