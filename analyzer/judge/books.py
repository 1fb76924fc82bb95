"""The store as judging sees it: questions in one thread, rows in another, so that neither waits for the other."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from config.model import Store
from record.pair import CONTROL
from runtime.offload import Offload
from store.errors import StoreUnavailable
from store.judging import calls, due, progress, rows
from store.judging.calls import Spend
from store.judging.due import Listed, Position
from store.judging.pair import Pair
from store.judging.progress import Leader
from store.judging.rows import CallRow, JudgementRow, Row
from store.judging.standing import Waiting, waiting
from store.judging.survey import Due, Spread
from store.locate import StoreConnection
from store.reader import Reader
from store.watermark import Watermark, watermark
from store.writer import Writer

T = TypeVar("T")
_CLOSE_S: Final = 0.5
Key = tuple[UUID, str]
"""Request and candidate."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of some pairs already."""

    judged: frozenset[tuple[UUID, str, str]]
    """(request, candidate, judge); the judge is empty where a free rung settled the pair."""
    calls: Mapping[Key, Sequence[CallRow]]
    """All calls that have ended, oldest first."""
    judgements: Mapping[Key, Sequence[JudgementRow]] = field(default_factory=dict)
    """Those of pairs that were drawn with a probability below 1."""


class Books(Protocol):
    """What is asked of the store. Each call raises StoreError; `StoreUnavailable` where it may work later."""

    async def listed(
        self, since: datetime, until: datetime, after: Position | None, limit: int, candidates: Sequence[str] | None
    ) -> list[Listed]:
        """See `due.listed`."""
        ...

    async def known(self, pairs: Sequence[Listed], rubric: str) -> Known:
        """What there is of these pairs."""
        ...

    async def scored(self, pairs: Sequence[Listed]) -> set[tuple[UUID, str, str]]:
        """See `due.scored`."""
        ...

    async def texts(self, pairs: Sequence[Listed]) -> dict[Key, Pair]:
        """See `due.with_texts`."""
        ...

    async def waiting(self, since: datetime, until: datetime) -> Waiting:
        """See `standing.waiting`."""
        ...

    async def watermark(self, now: datetime) -> Watermark:
        """See `store.watermark`."""
        ...

    async def spreads(self, since: datetime) -> dict[int, Spread]:
        """See `survey.spreads`."""
        ...

    async def due(self, since: datetime, until: datetime, candidates: Sequence[str], rubric: str) -> dict[str, Due]:
        """See `survey.count_due`."""
        ...

    async def candidates(self, since: datetime, until: datetime) -> list[str]:
        """Names of all that have pairs there, the control left out."""
        ...

    async def output_tokens(self, since: datetime) -> dict[str, float]:
        """See `calls.mean_output_tokens`."""
        ...

    async def open_calls(self, before: datetime) -> list[CallRow]:
        """See `calls.open_calls`."""
        ...

    async def taken_until(self, plan: str) -> datetime | None:
        """See `progress.taken_until`."""
        ...

    async def advance(self, plan: str, until: datetime, now: datetime) -> None:
        """See `progress.advance`."""
        ...

    async def beat(self, judge: str) -> Leader | None:
        """Says that a process is at work; who judges then."""
        ...

    async def resign(self, judge: str) -> None:
        """See `progress.resign`."""
        ...

    async def write(self, some: Sequence[Row], token: str) -> None:
        """See `rows.write`."""
        ...

    async def spent(self) -> Spend:
        """The day's spend, after all that was written before."""
        ...

    async def close(self) -> None:
        """Lets go of the connections; a call that hangs is not waited for."""
        ...


class StoreBooks:
    """The configured store."""

    def __init__(self, store: Store) -> None:
        self._reading = StoreConnection(store, access="reader")
        self._writing = StoreConnection(store, access="writer")
        self._writer = Writer(self._writing)
        self._readers = Offload("judge reads")
        self._writers = Offload("judge writes")

    async def listed(
        self, since: datetime, until: datetime, after: Position | None, limit: int, candidates: Sequence[str] | None
    ) -> list[Listed]:
        """See `Books`."""
        return await self._ask(lambda r: due.listed(r, since, until, after, limit, candidates=candidates))

    async def known(self, pairs: Sequence[Listed], rubric: str) -> Known:
        """See `Books`."""

        def look(reader: Reader) -> Known:
            calls_of: dict[Key, list[CallRow]] = {}
            for row in due.attempts(reader, pairs, rubric):
                calls_of.setdefault((row.request_id, row.candidate), []).append(row)
            judged = due.judged(reader, pairs, rubric)
            drawn: dict[Key, list[JudgementRow]] = {}
            some = {key[:2] for key in judged if key[2]}
            for made in due.drawn_before(reader, [pair for pair in pairs if pair.key in some], rubric):
                drawn.setdefault((made.request_id, made.candidate), []).append(made)
            return Known(frozenset(judged), calls_of, drawn)

        return await self._ask(look)

    async def scored(self, pairs: Sequence[Listed]) -> set[tuple[UUID, str, str]]:
        """See `Books`."""
        return await self._ask(lambda r: due.scored(r, pairs))

    async def texts(self, pairs: Sequence[Listed]) -> dict[Key, Pair]:
        """See `Books`."""
        return await self._ask(lambda r: due.with_texts(r, pairs))

    async def waiting(self, since: datetime, until: datetime) -> Waiting:
        """See `Books`."""
        return await self._ask(lambda r: waiting(r, since, until))

    async def watermark(self, now: datetime) -> Watermark:
        """See `Books`."""
        return await self._ask(lambda r: watermark(r.columns, now))

    async def spreads(self, since: datetime) -> dict[int, Spread]:
        """See `Books`."""
        return await self._ask(lambda r: due.spreads(r, since))

    async def due(self, since: datetime, until: datetime, candidates: Sequence[str], rubric: str) -> dict[str, Due]:
        """See `Books`."""
        return await self._ask(lambda r: due.count_due(r, since, until, candidates, rubric))

    async def candidates(self, since: datetime, until: datetime) -> list[str]:
        """See `Books`."""
        counts = await self._ask(lambda r: r.pair_counts(since, until))
        return sorted({candidate for _, candidate in counts} - {CONTROL})

    async def output_tokens(self, since: datetime) -> dict[str, float]:
        """See `Books`."""
        return await self._ask(lambda r: calls.mean_output_tokens(r, since))

    async def open_calls(self, before: datetime) -> list[CallRow]:
        """See `Books`."""
        return await self._ask(lambda r: calls.open_calls(r, before))

    async def taken_until(self, plan: str) -> datetime | None:
        """See `Books`."""
        return await self._ask(lambda r: progress.taken_until(r, plan))

    async def advance(self, plan: str, until: datetime, now: datetime) -> None:
        """See `Books`."""
        await self._writers.call(lambda: progress.advance(self._writer, plan, until, now))

    async def beat(self, judge: str) -> Leader | None:
        """See `Books`."""

        def say() -> Leader | None:
            progress.beat(self._writing, judge)
            return progress.leader(self._writing, judge)

        return await self._writers.call(say)

    async def resign(self, judge: str) -> None:
        """See `Books`."""
        await self._writers.call(lambda: progress.resign(self._writing, judge))

    async def write(self, some: Sequence[Row], token: str) -> None:
        """See `Books`."""
        await self._writers.call(lambda: rows.write(self._writer, some, token))

    async def spent(self) -> Spend:
        """See `Books`."""

        def ask() -> Spend:
            try:
                # With the writer's connection: what it has written is what it reads.
                return calls.spent_today(Reader(self._writing.client()))
            except StoreUnavailable:
                self._writing.drop()
                raise

        return await self._writers.call(ask)

    async def _ask(self, question: Callable[[Reader], T]) -> T:
        def ask() -> T:
            try:
                return question(Reader(self._reading.client()))
            except StoreUnavailable:
                self._reading.drop()
                raise

        return await self._readers.call(ask)

    async def close(self) -> None:
        """See `Books`."""
        for offload, connection in ((self._readers, self._reading), (self._writers, self._writing)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(offload.call(connection.drop), _CLOSE_S)
            offload.close()
