"""Rows that go together, exactly once, and calls that are let go only after a reading that knows them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from analyzer.judge import journal as module
from analyzer.judge.budget import Budget, Moment
from analyzer.judge.inquiry import row_of
from analyzer.judge.journal import Journal, RowRefused
from analyzer.judge.purse import Purse
from config.judge import JudgeBudget
from store.errors import StoreRefused, StoreUnavailable
from store.judging.rows import CallRow
from tests.analyzer.judge.fake_books import FakeBooks
from tests.analyzer.judge.made import pair

D = Decimal


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_S", 0.002)
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(module, "READ_EVERY_S", 0.02)


class Desk:
    def __init__(self, usd: Any = 10) -> None:
        self.books = FakeBooks()
        self.faults: list[str] = []
        self.purse = Purse(Budget(JudgeBudget.model_validate({"usd_per_day": usd})), now, lambda: True)
        self.journal = Journal(self.books, self.purse, "j", now, lambda name, error: self.faults.append(f"{error}"))

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        keeping = asyncio.get_running_loop().create_task(self.journal.keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def now() -> Moment:
    return Moment(datetime.now(UTC), asyncio.get_running_loop().time())


def asked(bound: Any = "0.1", **fields: Any) -> CallRow:
    row = row_of(pair(), judge="j", rubric="r", kind="verdict", form="pairwise_pc", probability=1.0)
    return replace(row, **{"call": uuid4(), "committed_usd": D(bound), "asked_at": datetime.now(UTC), **fields})


async def ask(desk: Desk, bound: Any = "0.1", **fields: Any) -> bool:
    await desk.purse.reserve(D(bound))
    return await desk.journal.ask(asked(bound, **fields))


async def test_rows_that_come_together_are_one_insert() -> None:
    desk = Desk()
    async with desk.kept():
        await asyncio.gather(*[desk.journal.add(asked(stage="ended")) for _ in range(50)])
    assert (len(desk.books.rows), desk.books.writes) == (50, 1)
    assert desk.journal.rows == {"judge_calls": 50}


async def test_a_call_is_let_go_when_it_is_stored_and_the_spend_was_read_after_that() -> None:
    desk = Desk()
    async with desk.kept():
        assert await ask(desk)
        assert desk.books.calls
        assert desk.purse.budget.spent_usd(now()) == D("0.1")


async def test_a_call_is_taken_back_when_another_process_was_quicker() -> None:
    desk = Desk(1)
    async with desk.kept():
        await asyncio.gather(*[desk.purse.reserve(D("0.1")) for _ in range(2)])  # by a reading of an empty day
        desk.books.others_usd = D("0.85")
        made = await asyncio.gather(desk.journal.ask(asked()), desk.journal.ask(asked()))
    assert list(made) == [True, False]
    assert desk.journal.withdrawn == 1


async def test_a_store_that_is_away_gets_the_same_rows_under_the_same_token() -> None:
    desk = Desk()
    desk.books.errors = [StoreUnavailable("away")] * 5
    async with desk.kept():
        await asyncio.gather(*[desk.journal.add(asked(stage="ended")) for _ in range(3)])
    assert len(desk.books.rows) == 3
    assert desk.journal.retries == 5
    assert desk.journal.reason == "away"
    assert desk.journal.away_s() == 0


async def test_nothing_is_called_without_a_reading() -> None:
    desk = Desk()
    async with desk.kept():
        await desk.purse.reserve(D("0.1"))
        calling = asyncio.get_running_loop().create_task(desk.journal.ask(asked()))
        await asyncio.sleep(0)
        desk.books.errors = [StoreUnavailable("away")] * 100_000
        await asyncio.sleep(0.05)
        assert not calling.done()
        assert desk.journal.away_s() > 0
        desk.books.errors.clear()
        assert await asyncio.wait_for(calling, 5)


async def test_a_refused_row_does_not_take_others_with_it() -> None:
    desk = Desk()
    bad = asked(stage="ended", request_id=uuid4())
    desk.books.refused = {bad.request_id}
    async with desk.kept():
        rows = [*(asked(stage="ended") for _ in range(6)), bad, asked(stage="ended")]
        ends = await asyncio.gather(*[desk.journal.add(row) for row in rows], return_exceptions=True)
    assert [type(end) for end in ends] == [type(None)] * 6 + [RowRefused, type(None)]
    assert len(desk.books.rows) == 7
    assert desk.journal.refused == 1


async def test_a_refused_call_gives_its_money_back() -> None:
    desk = Desk(1)
    bad = uuid4()
    desk.books.refused = {bad}
    async with desk.kept():
        with pytest.raises(RowRefused):
            await ask(desk, "0.9", request_id=bad)
        assert await ask(desk, "0.9")


async def test_the_spend_is_read_while_nothing_is_written() -> None:
    desk = Desk()
    async with desk.kept():
        await asyncio.sleep(0.15)
    assert desk.books.spent_readings >= 3
    assert desk.books.writes == 0


async def test_rows_without_calls_do_not_keep_the_spend_from_being_read() -> None:
    desk = Desk()
    async with desk.kept():
        for _ in range(40):
            await desk.journal.add(asked(stage="ended"))
    assert desk.books.spent_readings >= 2


async def test_a_surprise_ends_those_that_it_met_and_nothing_else() -> None:
    desk = Desk()
    desk.books.errors = [ValueError("odd")]  # type: ignore[list-item]
    async with desk.kept():
        with pytest.raises(RowRefused, match="odd"):
            await desk.journal.add(asked(stage="ended"))
        await desk.journal.add(asked(stage="ended"))
    assert desk.faults == ["odd"]


async def test_the_number_of_waiting_rows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_ROWS", 4)
    monkeypatch.setattr(module, "MAX_BATCH_ROWS", 3)
    desk = Desk()
    adding = [asyncio.get_running_loop().create_task(desk.journal.add(asked(stage="ended"))) for _ in range(20)]
    await asyncio.sleep(0)
    assert len(desk.journal._waiting) == 4
    async with desk.kept():
        await asyncio.wait_for(asyncio.gather(*adding), 5)
    assert len(desk.books.rows) == 20


def test_refusals_are_told_from_absence() -> None:
    """What the journal rests on: a refusal is final, everything else is worth the same rows again."""
    assert not issubclass(StoreUnavailable, StoreRefused)
