"""Rows on their way to the store: those that come within a moment go together, and who hands one in waits until it is
on the store's disk.

That wait is what makes calls safe. A call is written down before it is made, so whoever comes after a death knows of
it; and the day's spend is read after it was written down, so it was counted by everybody before it could cost
anything (`budget`). A store that does not answer makes everybody wait: nothing is called meanwhile, nothing is lost.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

from analyzer.judge.books import Books
from analyzer.judge.budget import Moment
from analyzer.judge.purse import Purse
from runtime.tasks import OnError
from store.errors import StoreError, StoreRefused
from store.judging.rows import TABLE_OF, CallRow, JudgementRow, Row, ScoreRow

T = TypeVar("T")

GATHER_S: Final = 0.04
"""Rows that come within this time share an insert."""
MAX_BATCH_ROWS: Final = 2_000
MAX_WAITING_ROWS: Final = 20_000
"""Of rows handed in and not stored; whoever hands in one more waits for room."""
READ_EVERY_S: Final = 5.0
"""While nothing is written the spend is read so often: others may spend, and midnight comes."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
_ORDER: Final[tuple[type[Row], ...]] = (CallRow, JudgementRow, ScoreRow)
"""What a judgement rests on is stored before it."""


class RowRefused(Exception):  # noqa: N818 - says what happened
    """The store read a row and did not take it: a fault of ours."""


@dataclass(slots=True)
class _Entry:
    row: Row
    done: "asyncio.Future[bool]"
    is_asked: bool
    """It stands for a call that is about to be made: the day's spend has to be read first."""


class Journal:
    """Group commit; serves one event loop. `keep` does the work."""

    def __init__(self, books: Books, purse: Purse, name: str, now: Callable[[], Moment], on_fault: OnError) -> None:
        """Of one process.

        Args:
            books: takes the rows.
            purse: hears of every reading of the spend.
            name: of this process, never used before by another: tokens begin with it.
            now: both clocks.
            on_fault: hears of surprises.
        """
        self._books = books
        self._purse = purse
        self._name = name
        self._now = now
        self._on_fault = on_fault
        self._waiting: list[_Entry] = []
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()
        self._batches = 0
        self._read_at_s = -math.inf
        self._failed_since_s: float | None = None
        self.reason = ""
        """Why the store took no rows, as last heard."""
        self.rows: Counter[str] = Counter()
        """Rows in the store, by table."""
        self.retries = 0
        self.refused = 0
        """Rows that the store did not take."""
        self.withdrawn = 0
        """Calls that were written down and not made, since the day would have cost too much."""

    def away_s(self) -> float:
        """For how long the store has taken nothing though it was asked to; 0 while it does."""
        return 0.0 if self._failed_since_s is None else self._now().steady_s - self._failed_since_s

    async def add(self, *some: Row) -> None:
        """Returns when these rows are stored.

        Raises:
            RowRefused: one is not, and never will be.
        """
        await self._room()
        await asyncio.gather(*[self._enter(row, is_asked=False) for row in some])

    async def ask(self, row: CallRow) -> bool:
        """Writes down a call that is about to be made, for which `Purse.reserve` gave leave. May it be made?

        Raises:
            RowRefused: it is not written down, so it may not.
        """
        await self._room()
        return await self._enter(row, is_asked=True)

    async def _room(self) -> None:
        while len(self._waiting) >= MAX_WAITING_ROWS:
            self._taken.clear()
            await self._taken.wait()

    def _enter(self, row: Row, *, is_asked: bool) -> "asyncio.Future[bool]":
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(row, done, is_asked))
        self._wake.set()
        return done

    async def keep(self) -> None:
        """Stores what is handed in; to be run as a task."""
        # At once, so that the spend is read: until it is known nothing is asked.
        self._wake.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S):
                    await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            some, self._waiting = self._waiting[:MAX_BATCH_ROWS], self._waiting[MAX_BATCH_ROWS:]
            if not self._waiting:
                self._wake.clear()
            self._taken.set()
            try:
                await self._store(some)
            except Exception as error:  # noqa: BLE001 - it must live on: everybody waits for it
                self._on_fault("journal", error)
                self._refuse(some, f"{type(error).__name__}: {error}")

    async def _store(self, some: Sequence[_Entry]) -> None:
        self._batches += 1
        for kind in _ORDER:
            entries = [entry for entry in some if type(entry.row) is kind]
            if entries:
                await self._write(entries, f"{self._name}-{self._batches}")
        asked = [entry for entry in some if entry.is_asked and not entry.done.done()]
        is_stale = self._now().steady_s - self._read_at_s >= READ_EVERY_S
        # Ends of calls give back what was held for them: who waits for money need not wait for the next reading.
        if asked or is_stale or self._purse.held == "dollars":
            for entry, is_kept in zip(asked, await self._read(asked), strict=True):
                self.withdrawn += not is_kept
                _settle(entry, is_kept=is_kept)

    async def _write(self, entries: Sequence[_Entry], token: str) -> None:
        """Stores rows of one kind; refused ones are found by halves, so that one does not stand for all."""
        try:
            await self._until_it_works(lambda: self._books.write([entry.row for entry in entries], token))
        except StoreRefused as error:
            if len(entries) == 1:
                self._refuse(entries, str(error))
                return
            half = len(entries) // 2
            await self._write(entries[:half], token + "a")
            await self._write(entries[half:], token + "b")
            return
        self.rows[TABLE_OF[type(entries[0].row)].name] += len(entries)
        for entry in entries:
            if not entry.is_asked:
                _settle(entry, is_kept=True)

    def _refuse(self, entries: Sequence[_Entry], reason: str) -> None:
        for entry in entries:
            if not entry.done.done():
                self.refused += 1
                entry.done.set_exception(RowRefused(reason))
            if entry.is_asked and isinstance(entry.row, CallRow):
                self._purse.budget.give_back(entry.row.committed_usd)

    async def _read(self, asked: Sequence[_Entry]) -> list[bool]:
        """Which of these calls may be made, by a reading that knows them all."""
        bounds = [(row.asked_at, row.committed_usd) for entry in asked if isinstance(row := entry.row, CallRow)]
        covered = sum((bound for _, bound in bounds), Decimal(0))
        begun = self._now()
        spend = await self._until_it_works(self._books.spent)
        self._read_at_s = begun.steady_s
        self._purse.read(spend, begun, covered)
        return self._purse.budget.kept(bounds)

    async def _until_it_works(self, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Again and again with the same rows; only a refusal of the rows is raised."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                result = await attempt()
            except StoreRefused:
                self._failed_since_s = None
                raise
            except StoreError as error:
                self.reason = str(error)
                if self._failed_since_s is None:
                    self._failed_since_s = self._now().steady_s
                self.retries += 1
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            else:
                self._failed_since_s = None
                return result


def _settle(entry: _Entry, *, is_kept: bool) -> None:
    if not entry.done.done():
        entry.done.set_result(is_kept)
