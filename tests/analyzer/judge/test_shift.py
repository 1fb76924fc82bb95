"""One stretch of judging: where it takes up, what it notes, and how it ends, in peace or not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from analyzer.judge import shift as module
from analyzer.judge.inquiry import row_of
from analyzer.judge.shift import LONG_AGO, Shift
from runtime.offload import Offload
from store.errors import QueryFailed, StoreUnavailable
from store.judging.pair import Pair
from store.judging.rows import CallRow
from tests.analyzer.judge.desk import Desk, configuration, desk, judge, quick, until
from tests.analyzer.judge.fake_books import FakeBooks
from tests.analyzer.judge.made import pair
from tests.fakes.judge import Call, JudgeUpstream, Reply

D = Decimal


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    monkeypatch.setattr(module, "NOTE_EVERY_S", 0.01)


def traffic(process: Desk, n: int, *, age: timedelta = timedelta(hours=1)) -> list[Pair]:
    begin = process.shared.around.now().utc - age
    made = []
    for second in range(n):
        one = pair("The same.", f"Another one, {second}.", request_id=UUID(int=second << 64 | uuid4().int >> 64))
        made.append(replace(one, ts=begin + timedelta(seconds=second)))
    return made


@contextlib.asynccontextmanager
async def begun(process: Desk) -> AsyncIterator[Shift]:
    offload = Offload("scores of a test")
    shift = Shift(process.plan, process.shared, process.models_seen, offload, lambda: None)
    await shift.begin()
    try:
        yield shift
    finally:
        shift.stop()
        await asyncio.wait_for(shift.ended(), 10)
        await shift.close()
        offload.close()


def is_done(shift: Shift) -> bool:
    return shift.figures().get("due_pairs") == 0


def call_of(process: Desk, rubric: str, asked_at: datetime) -> CallRow:
    row = row_of(pair(), judge="judge-a", rubric=rubric, kind="verdict", form="pairwise_pc", probability=1.0)
    return replace(row, call=uuid4(), asked_at=asked_at, committed_usd=D("0.01"))


async def test_it_notes_how_far_it_came_and_the_next_one_goes_on_there() -> None:
    books = FakeBooks()
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream), metrics=["token_f1"]), books) as process,
    ):
        books.pairs = traffic(process, 12)
        async with begun(process) as shift:
            await until(lambda: is_done(shift))
            await until(lambda: len(books.progress) == 2)
        taken = books.progress[process.plan.digest]
        assert taken > books.pairs[-1].ts
        assert books.progress[process.plan.scores_digest] > books.pairs[-1].ts
        books.texts_held.clear()
        late = replace(books.pairs[0], request_id=uuid4())  # before what was taken: nobody looks there again
        books.pairs.append(late)
        async with begun(process) as shift:
            await until(lambda: is_done(shift))
    assert len(upstream.calls) == 24
    assert books.texts_held == []


async def test_pairs_that_nobody_took_up_in_time_are_counted() -> None:
    books = FakeBooks()
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream), max_age="1h"), books) as process,
    ):
        books.pairs = traffic(process, 9, age=timedelta(hours=3))
        books.progress[process.plan.digest] = books.pairs[2].ts
        async with begun(process) as shift:
            await until(lambda: is_done(shift))
        assert process.shared.figures.expired == 7
    assert upstream.calls == []


async def test_open_calls_of_dead_processes_are_ended_and_their_bounds_stay() -> None:
    books = FakeBooks()
    async with JudgeUpstream() as upstream, desk(configuration(judge(upstream)), books) as process:
        now = process.shared.around.now().utc
        ours, embedding = (call_of(process, name, now) for name in (process.plan.rubric.id, ""))
        beside = call_of(process, "other@00000000", now - timedelta(minutes=1))
        forgotten = call_of(process, "other@00000000", now - LONG_AGO - timedelta(minutes=1))
        books.rows = [ours, embedding, beside, forgotten]
        async with begun(process):
            ended = {row.call: row for row in books.ended()}
    assert set(ended) == {ours.call, embedding.call, forgotten.call}
    for row in ended.values():
        assert (row.outcome, row.is_final, row.cost_usd, row.committed_usd) == ("interrupted", False, None, D(0))
    assert (await books.spent()).committed_usd == D("0.04")


async def test_calls_that_do_not_end_in_time_are_cut_and_said_to_be_open() -> None:
    async def decide(call: Call) -> Reply:
        await asyncio.sleep(60)
        return Reply.winner("A")

    books = FakeBooks()
    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream, max_in_flight=4)), books) as process,
    ):
        books.pairs = traffic(process, 12)
        offload = Offload("scores of a test")
        shift = Shift(process.plan, process.shared, process.models_seen, offload, lambda: None)
        await shift.begin()
        await until(lambda: upstream.under_way == 4)
        shift.stop()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(shift.ended(), 0.1)
        await asyncio.wait_for(shift.cut(), 5)
        await asyncio.wait_for(shift.close(), 5)
        offload.close()
        await until(lambda: upstream.under_way == 0 or all(not call.is_delivered for call in upstream.calls))
    asked = [row for row in books.calls if row.stage == "asked"]
    assert {row.call for row in asked} == {row.call for row in books.ended("interrupted")}
    unknown = [row for row in books.ended() if row.cost_usd is None]
    assert len(unknown) == 4
    assert books.judgements == []
    assert books.progress[process.plan.digest] == books.pairs[0].ts


async def test_what_it_waits_for_is_in_its_figures() -> None:
    books = FakeBooks()
    async with (
        JudgeUpstream(lambda call: Reply("down", status=500)) as upstream,
        desk(configuration(judge(upstream, max_in_flight=1)), books) as process,
    ):
        books.pairs = traffic(process, 5)
        async with begun(process) as shift:
            await until(lambda: shift.figures()['away{judge="judge-a"}'] == 1 and is_open(shift))
            found = shift.figures()
    assert found["due_pairs"] == found["open_pairs"] == 5
    lag_s = found['lag_seconds{work="judging"}']
    assert lag_s is not None
    assert 3590 < lag_s < 3700
    assert found['questions_waiting{judge="judge-a"}']


def is_open(shift: Shift) -> bool:
    return shift.figures().get("open_pairs") == 5


async def test_a_store_that_is_away_at_the_begin_is_waited_for() -> None:
    books = FakeBooks(read_errors=[StoreUnavailable("away")] * 5)
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream)), books) as process,
    ):
        books.pairs = traffic(process, 3)
        async with begun(process) as shift:
            await until(lambda: len(books.judgements) == 3)
            assert shift.broken is None


async def test_a_surprise_ends_it_and_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role ends then, and is started anew; it must not sit there and judge nothing."""
    books, heard = FakeBooks(), list[str]()

    async def odd(*_: Any) -> Any:
        raise ZeroDivisionError("odd")

    async with JudgeUpstream() as upstream, desk(configuration(judge(upstream)), books) as process:
        offload = Offload("scores of a test")
        shift = Shift(process.plan, process.shared, process.models_seen, offload, lambda: heard.append("broken"))
        monkeypatch.setattr(books, "listed", odd)
        await shift.begin()
        await until(lambda: heard != [])
        assert isinstance(shift.broken, ZeroDivisionError)
        shift.stop()
        await asyncio.wait_for(shift.ended(), 5)
        await shift.close()
        offload.close()


async def test_an_answer_that_the_store_refuses_to_give_is_asked_for_again() -> None:
    books = FakeBooks(read_errors=[QueryFailed("no such table", 60)] * 3)
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream)), books) as process,
    ):
        books.pairs = traffic(process, 2)
        async with begun(process):
            await until(lambda: len(books.judgements) == 2)
