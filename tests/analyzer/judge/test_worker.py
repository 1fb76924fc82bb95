"""Pairs from the store to their rows: in order, all of them once, bounded, and from where the last process died."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from analyzer.judge import worker as module
from analyzer.judge.judging import Judging
from analyzer.judge.walk import Walk, behind_watermark
from analyzer.judge.worker import Worker
from store.errors import StoreUnavailable
from store.judging.pair import Pair
from store.judging.rows import CallRow
from tests.analyzer.judge.desk import Desk, configuration, desk, judge, quick, until
from tests.analyzer.judge.fake_books import FakeBooks
from tests.analyzer.judge.made import START, pair
from tests.fakes.judge import Call, JudgeUpstream, Reply

END = START + timedelta(days=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def traffic(n: int, *, equal_every: int = 3, names: Sequence[str] = ("cand",), texts: str = "") -> list[Pair]:
    """A request a second; every third one has equal answers."""
    random = Random(n)
    made = []
    for second in range(n):
        request_id = UUID(int=random.getrandbits(128))
        for name in names:
            other = "The same." if second % equal_every == 0 else f"Another one, {second}. {texts}"
            one = pair("The same.", other, request_id=request_id, name=name)
            made.append(replace(one, ts=START + timedelta(seconds=second), block=START))
    return made


def worker(process: Desk, since: datetime = START) -> Worker:
    async def until_end(_: datetime) -> datetime:
        return END

    judging = Judging(
        process.plan.judge,
        process.plan.rubric,
        process.panel.judges,
        journal=process.shared.journal,
        models_seen=process.models_seen,
        now=process.shared.around.now,
    )
    walk = Walk(process.books, since, until_end)
    rubric = process.plan.rubric.id
    return Worker(process.shared, judging, None, walk, rubric=rubric, max_age=None, new_drawing=None)


@contextlib.asynccontextmanager
async def working(process: Desk) -> AsyncIterator[Worker]:
    work = worker(process)
    running = asyncio.get_running_loop().create_task(work.run())
    try:
        yield work
    finally:
        work.stop()
        process.panel.stop()
        process.shared.purse.send_away()
        await asyncio.wait_for(running, 10)
        await asyncio.wait_for(work.ended(), 10)


def is_done(work: Worker) -> bool:
    return not work.is_behind and not work.open


def keys(pairs: Sequence[Any]) -> list[tuple[UUID, str]]:
    return sorted((one.request_id, one.candidate) for one in pairs)


async def test_every_pair_is_judged_once_in_both_orders() -> None:
    books = FakeBooks(traffic(60, names=("swift", "sage", "control")))
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie")) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        await until(lambda: is_done(work))
        assert work.taken_until == END
    judged = [row for row in books.judgements if row.rung == "judge"]
    settled = [row for row in books.judgements if row.rung == "equal"]
    expected = [p for p in books.pairs if p.candidate != "control" and p.answer.text != "The same."]
    assert keys(judged) == keys(expected)
    assert keys(settled) == keys([p for p in books.pairs if p.answer.text == "The same."])
    assert len(upstream.calls) == 2 * len(expected)
    assert not any(row.candidate == "control" for row in books.calls)
    assert process.shared.figures.pairs("judged") == len(expected)


async def test_only_the_drawn_share_is_asked_about_and_the_same_requests_for_all_candidates() -> None:
    books = FakeBooks(traffic(300, equal_every=1000, names=("swift", "sage")))
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie")) as upstream,
        desk(configuration(judge(upstream), sample=0.2), books) as process,
        working(process) as work,
    ):
        await until(lambda: is_done(work))
    of = {name: {row.request_id for row in books.judgements if row.candidate == name and row.judge} for name in
          ("swift", "sage")}  # fmt: skip
    assert of["swift"] == of["sage"]
    assert 35 < len(of["swift"]) < 85
    assert {row.inclusion_probability for row in books.judgements if row.judge} == {0.2}


async def test_pairs_are_asked_about_oldest_first() -> None:
    books = FakeBooks(traffic(40, equal_every=1000))
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie", after_s=0.001)) as upstream,
        desk(configuration(judge(upstream, max_in_flight=1), orders="random"), books) as process,
        working(process) as work,
    ):
        await until(lambda: is_done(work))
    asked = [row.ts for row in books.calls if row.stage == "asked"]
    assert asked == sorted(asked)


async def test_what_is_settled_is_not_stored_before_the_verdicts_of_older_pairs() -> None:
    """While the judge is away no tie is stored but those before the first pair that waits for it."""
    away = True
    books = FakeBooks(traffic(50))

    def decide(call: Call) -> Reply:
        return Reply("down", status=500) if away else Reply.winner("B")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        await until(lambda: len(upstream.calls) > 3 and not work.is_behind)
        assert [row.ts for row in books.judgements] == [START]  # the first pair is a tie, the second one waits
        assert work.taken_until == START + timedelta(seconds=1)
        away = False
        await until(lambda: is_done(work))
    assert len(books.judgements) == 50


async def test_a_store_that_does_not_answer_costs_time_and_no_pair() -> None:
    books = FakeBooks(traffic(600, equal_every=2))
    books.read_errors = [StoreUnavailable("away")] * 4
    random = Random(3)
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie")) as upstream,
        desk(configuration(judge(upstream), sample=0.1), books) as process,
        working(process) as work,
    ):
        while not is_done(work):
            if random.random() < 0.05:
                books.errors.append(StoreUnavailable("away"))
                books.read_errors.append(StoreUnavailable("away"))
            await asyncio.sleep(0.002)
    assert len([row for row in books.judgements if not row.judge]) == 300
    assert len({(row.request_id, row.judge) for row in books.judgements}) == len(books.judgements)


async def test_pairs_without_texts_are_counted_and_passed() -> None:
    books = FakeBooks(traffic(10))
    books.without_texts = {books.pairs[4].request_id}
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie")) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        await until(lambda: is_done(work))
    assert process.shared.figures.pairs("without_texts") == 1
    assert len(books.judgements) == 9


async def test_pairs_that_are_too_old_are_counted_and_passed() -> None:
    books = FakeBooks(traffic(20, equal_every=1))
    async with JudgeUpstream() as upstream, desk(configuration(judge(upstream)), books) as process:
        now = process.shared.around.now().utc
        books.pairs = [replace(p, ts=now - timedelta(hours=20 - k)) for k, p in enumerate(books.pairs)]

        async def until_now(moment: datetime) -> datetime:
            return moment

        work = Worker(
            process.shared,
            Judging(
                process.plan.judge,
                process.plan.rubric,
                {},
                journal=process.shared.journal,
                models_seen=process.models_seen,
                now=process.shared.around.now,
            ),
            None,
            Walk(books, now - timedelta(days=2), until_now),
            rubric=process.plan.rubric.id,
            max_age=timedelta(hours=10),
            new_drawing=None,
        )
        await work.run_to_end()
    assert process.shared.figures.expired == 11  # the one of ten hours ago is a little older by now
    assert len(books.judgements) == 9


async def test_the_number_of_pairs_whose_texts_are_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 10)
    books, most = FakeBooks(traffic(200, equal_every=1000)), 0
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie", after_s=0.002)) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        while not is_done(work):
            most = max(most, work._texts)
            await asyncio.sleep(0)
    assert most == 10
    assert len(books.judgements) == 200


async def test_bytes_of_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT_BYTES", 50_000)
    books, most = FakeBooks(traffic(40, equal_every=1000, texts="x" * 9_000)), 0
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie", after_s=0.002)) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        while not is_done(work):
            most = max(most, work._text_bytes)
            await asyncio.sleep(0)
    assert 40_000 < most <= 50_000
    assert len(books.judgements) == 40


async def test_verdicts_that_wait_for_their_turn_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SETTLED", 5)
    away, books, most = True, FakeBooks(traffic(60, equal_every=2)), 0
    books.pairs = books.pairs[1:]  # the first one waits for the judge

    def decide(call: Call) -> Reply:
        return Reply("down", status=500) if away else Reply.winner("B")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        await until(lambda: work.open - work._texts == 5)
        for _ in range(50):
            most = max(most, work.open - work._texts)
            await asyncio.sleep(0.001)
        away = False
        await until(lambda: is_done(work))
    assert most == 5
    assert len(books.judgements) == 59


async def test_a_fault_of_ours_gives_one_pair_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    books = FakeBooks(traffic(20, equal_every=1000))
    books.refused = {books.pairs[3].request_id}
    async with (
        JudgeUpstream(lambda call: Reply.winner("tie")) as upstream,
        desk(configuration(judge(upstream)), books) as process,
        working(process) as work,
    ):
        await until(lambda: is_done(work))
        said = process.said.text()
    assert process.shared.figures.pairs("given_up") == 1
    assert process.shared.figures.faults == 1
    assert len(books.judgements) == 19
    assert "internal error" in said


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_dies_and_when_nothing_is_lost_doubled_or_paid_twice_beyond_what_was_under_way(
    seed: int,
) -> None:
    """Processes die one after the other, without a word, each somewhere else; the last one finishes."""
    random, books = Random(seed), FakeBooks(traffic(60, names=("swift", "sage")))
    lost = 0

    def decide(call: Call) -> Reply:
        if random.random() < 0.1:
            return Reply(random.choice(["garbage", "", '{"winner": "A"}x']))
        return Reply.winner(random.choice(["A", "B", "tie"]), after_s=random.random() * 0.01)

    async with JudgeUpstream(decide) as upstream:
        config = configuration(judge(upstream, max_in_flight=6, attempts=8))
        for life in range(8):
            async with desk(config, books) as process:
                await _end_open_calls(process)
                work, done_before = worker(process), len(books.judgements)
                running = asyncio.get_running_loop().create_task(work.run())
                some = len(books.pairs) if life == 7 else random.randrange(1, 12)
                await until(lambda n=done_before + some, w=work: len(books.judgements) >= n or is_done(w))
                await _die(process, work, running)
                lost += _open(books)
        answered = len(upstream.answered())
    expected = keys(books.pairs)
    assert keys(books.judgements) == expected
    assert len(books.judgements) == len(expected)
    verdicts = books.ended("ok")
    paid_twice = len(verdicts) - len({(row.request_id, row.candidate, row.question) for row in verdicts})
    assert paid_twice == 0
    assert answered <= len([row for row in books.ended() if row.cost_usd]) + lost
    assert (await books.spent()).committed_usd >= upstream.usd


async def _die(process: Desk, work: Worker, running: "asyncio.Task[None]") -> None:
    """kill -9: tasks end where they are, rows that were not stored are gone."""
    process.shared.journal._waiting.clear()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await work.cut()
    process.shared.journal._waiting.clear()


async def _end_open_calls(process: Desk) -> None:
    from analyzer.judge.asking import interrupted  # noqa: PLC0415 - what a shift does when it begins

    rows = await process.books.open_calls(process.shared.around.now().utc)
    await process.shared.journal.add(*map(interrupted, rows))


def _open(books: FakeBooks) -> int:
    ended = {row.call for row in books.ended()}
    return sum(isinstance(row, CallRow) and row.stage == "asked" and row.call not in ended for row in books.rows)


async def test_without_a_watermark_the_last_minute_is_left_alone() -> None:
    books = FakeBooks()
    now = START + timedelta(hours=1)
    assert await behind_watermark(books)(now) == now - timedelta(seconds=60)
    books.mark = START
    assert await behind_watermark(books)(now) == START


async def test_a_walk_hands_out_every_pair_once_however_they_share_their_time() -> None:
    """All of one microsecond, page by page, while new ones come behind."""
    pairs = [replace(p, ts=START + timedelta(seconds=k // 7)) for k, p in enumerate(traffic(50, names=("a", "b")))]
    books = FakeBooks(pairs)
    ends = iter([START + timedelta(seconds=3), START + timedelta(seconds=3), *[END] * 50])

    async def until_later(_: datetime) -> datetime:
        return next(ends)

    walk, found = Walk(books, START, until_later), list[Any]()
    while len(found) < 100:
        found += await walk.page(8, END)
    assert keys(found) == keys(pairs)
    assert [one.ts for one in found] == sorted(one.ts for one in found)
    assert await walk.page(8, END) == []
    assert walk.passed == END
