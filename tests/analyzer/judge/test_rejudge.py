"""A closed window judged once, by another rubric and beside the role: estimate, progress, budget, and what is left."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analyzer.judge import rejudge as module
from analyzer.judge.books import StoreBooks
from analyzer.judge.leading import RUN_PREFIX
from analyzer.judge.plan import plan_of
from analyzer.judge.rejudge import Asked, Outcome, Progress, Rejudge, RejudgeError
from config.model import Config
from tests.analyzer.judge.conftest import Ask, requests
from tests.analyzer.judge.desk import Said
from tests.fakes.judge import Call, JudgeUpstream, Reply
from tests.fakes.judge_role import configuration
from tests.fakes.judged_pairs import fill
from tests.store.owners import store_at

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
"""Far too old for the role."""
END = BEGIN + timedelta(hours=1)
N = 24
LEFT = N * 2 - N // 4
"""Pairs of both candidates whose answers differ."""


@pytest.fixture
def filled(place: Path) -> Path:
    fill(store_at(place / "store"), requests(N, BEGIN))
    return place


def model(upstream: JudgeUpstream, **settings: Any) -> dict[str, Any]:
    price = upstream.price.configured()
    return {
        "name": "judge-a",
        "url": upstream.url,
        "model": "judge-model",
        "price": price,
        "max_tokens": 64,
        **settings,
    }


def config(place: Path, upstream: JudgeUpstream, **judge: Any) -> Config:
    return configuration(place, [model(upstream)], **judge)


async def judged(settings: Config, asked: Asked, heard: list[Progress] | None = None) -> Outcome:
    async with Rejudge(settings, asked, Said()) as window:
        estimate = await window.estimate()
        return await asyncio.wait_for(window.run(estimate.pairs, (heard if heard is not None else []).append), 60)


def says(winner: str) -> Any:
    return lambda call: Reply.winner(winner)


async def test_a_window_is_judged_once_and_what_was_estimated_comes_true(filled: Path, ask: Ask) -> None:
    heard: list[Progress] = []
    # As long as judges' reasons are.
    async with JudgeUpstream(lambda call: Reply.winner("tie", "They say the same. " * 22)) as upstream:
        settings = config(filled, upstream)
        async with Rejudge(settings, Asked(BEGIN, END), Said()) as window:
            estimate = await window.estimate()
            outcome = await window.run(estimate.pairs, heard.append)
        async with Rejudge(settings, Asked(BEGIN, END), Said()) as again:
            left = await again.estimate()
            nothing = await again.run(left.pairs, heard.append)
    assert (estimate.pairs, estimate.with_texts, estimate.judged, estimate.is_exact) == (2 * N, 2 * N, 0, True)
    assert (estimate.to_judge, estimate.questions) == (LEFT, 2 * LEFT)
    assert len(upstream.calls) == 2 * LEFT
    assert estimate.usd_low < outcome.usd == upstream.usd < estimate.usd_high
    assert (outcome.judged, outcome.settled, outcome.left, outcome.why_stopped) == (LEFT, N // 4, 0, None)
    assert heard[-1].pairs == heard[-1].of == 2 * N
    assert (left.judged, left.to_judge, left.usd_high) == (LEFT, 0, Decimal(0))
    assert (nothing.known, nothing.calls) == (2 * N, 0)
    assert {row["candidate"] for row in ask("SELECT DISTINCT candidate FROM judgements")} == {"swift", "sage"}


async def test_another_rubric_is_another_judgement_of_the_same_pairs(filled: Path, ask: Ask) -> None:
    async with JudgeUpstream(says("A")) as upstream:
        settings = config(filled, upstream)
        await judged(settings, Asked(BEGIN, END))
        outcome = await judged(settings, Asked(BEGIN, END, rubric="instruction_following"))
    assert (outcome.judged, outcome.known) == (LEFT, N // 4)
    rubrics = ask("SELECT rubric, count() AS n FROM judgements WHERE judge != '' GROUP BY rubric")
    assert sorted(row["n"] for row in rubrics) == [LEFT, LEFT]
    assert {row["rubric"].partition("@")[0] for row in rubrics} == {"helpfulness", "instruction_following"}


async def test_a_share_is_drawn_unless_all_are_asked_for(filled: Path, ask: Ask) -> None:
    async with JudgeUpstream(says("A")) as upstream:
        settings = config(filled, upstream, sample=0.3)
        some = await judged(settings, Asked(BEGIN, END, candidates=("swift",)))
        drawn = len(upstream.calls) // 2
        every = await judged(settings, Asked(BEGIN, END, candidates=("swift",), takes_all=True))
    assert 0 < some.judged == drawn < N
    assert some.not_drawn == N - N // 4 - drawn
    assert every.judged == N - N // 4 - drawn
    # Now that all are judged none stands for others: a weight of 1 / 0.3 would make less of what the free rungs said.
    shares = ask("SELECT inclusion_probability AS p, count() AS n FROM judgements FINAL WHERE judge != '' GROUP BY p")
    assert {row["p"]: row["n"] for row in shares} == {1.0: N - N // 4}
    assert every.known == N // 4 + drawn


async def test_the_days_budget_holds_and_what_is_left_is_said(filled: Path) -> None:
    async with JudgeUpstream(says("A")) as upstream:
        upstream.most_usd_per_day = Decimal("0.05")
        settings = config(filled, upstream, budget={"usd_per_day": "0.05"})
        outcome = await judged(settings, Asked(BEGIN, END))
    assert outcome.why_stopped is not None
    assert "usd_per_day" in outcome.why_stopped
    assert upstream.over_budget == []
    assert outcome.left > 0
    assert outcome.usd == upstream.usd


async def test_a_judge_that_never_answers_is_named(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_ANSWER_S", 0.5)
    async with JudgeUpstream(lambda call: Reply("no such model", status=404)) as upstream:
        outcome = await judged(config(filled, upstream), Asked(BEGIN, END))
    assert outcome.why_stopped is not None
    assert outcome.why_stopped.startswith("judge-a does not answer: http_error: status 404: no such model")
    assert outcome.left == 2 * N - outcome.settled


async def test_calls_of_a_run_that_died_are_asked_again(filled: Path, ask: Ask) -> None:
    """Cut in the middle, without a word; the next run ends what is open, and judges the rest."""
    go_on = asyncio.Event()

    async def decide(call: Call) -> Reply:
        if call.number > 10:
            await go_on.wait()
        return Reply.winner("B")

    async with JudgeUpstream(decide) as upstream:
        settings = config(filled, upstream)
        window = Rejudge(settings, Asked(BEGIN, END), Said())
        await window.__aenter__()
        running = asyncio.get_running_loop().create_task(window.run(2 * N, lambda progress: None))
        while len(upstream.calls) < 14:
            await asyncio.sleep(0.01)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if task is not running and "journal" in task.get_name():
                task.cancel()  # nothing is stored any more
        module_end, module._END_S = module._END_S, 0.1  # type: ignore[misc]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await window.__aexit__(None, None, None)
        module._END_S = module_end  # type: ignore[misc]
        go_on.set()

        outcome = await judged(settings, Asked(BEGIN, END))
    assert outcome.why_stopped is None
    assert int(ask("SELECT uniqExact(request_id, candidate) AS n FROM judgements WHERE judge != ''")[0]["n"]) == LEFT
    interrupted = ask("SELECT count() AS n FROM judge_calls WHERE outcome = 'interrupted'")[0]["n"]
    assert 0 < interrupted <= 2 * 16
    assert len(upstream.calls) <= 2 * LEFT + interrupted


async def test_beside_a_role_of_the_same_rubric_the_window_ends_where_the_role_has_come(filled: Path, ask: Ask) -> None:
    books = StoreBooks(store_at(filled / "store"))
    async with JudgeUpstream(says("A")) as upstream:
        settings = config(filled, upstream)
        await books.beat("a-role")
        with pytest.raises(RejudgeError, match="takes up these pairs itself"):
            await judged(settings, Asked(BEGIN, END))
        middle = BEGIN + timedelta(seconds=N // 4)  # two requests a second: half of them
        await books.advance(plan_of(settings).digest, middle, datetime.now(UTC))
        await judged(settings, Asked(BEGIN, END))
        assert {row["late"] for row in ask(f"SELECT DISTINCT ts >= {_sql(middle)} AS late FROM judgements")} == {0}
        # By another rubric nobody is in anybody's way.
        outcome = await judged(settings, Asked(BEGIN, END, rubric="instruction_following"))
        assert outcome.judged == LEFT
        leader = await books.beat("a-role")
        assert leader is not None
        assert leader.is_us
    await books.close()


async def test_while_a_window_is_judged_a_role_of_the_same_rubric_stands_by(filled: Path) -> None:
    books = StoreBooks(store_at(filled / "store"))
    async with JudgeUpstream(says("A")) as upstream:
        settings = config(filled, upstream)
        async with Rejudge(settings, Asked(BEGIN, END), Said()):
            leader = await books.beat("a-role")
            assert leader is not None
            assert leader.judge.startswith(RUN_PREFIX)
            with pytest.raises(RejudgeError, match="another `judge run`"):
                await judged(settings, Asked(BEGIN, END))
        leader = await books.beat("a-role")
        assert leader is not None
        assert leader.is_us
    await books.close()


@pytest.mark.parametrize(
    ("asked", "models", "said"),
    [
        (Asked(BEGIN, END, rubric="missing.yaml"), True, "judge.rubric: missing.yaml"),
        (Asked(BEGIN, END), False, "judge.models names nobody"),
    ],
)
async def test_what_nobody_can_judge_by_is_refused(tmp_path: Path, asked: Asked, models: bool, said: str) -> None:
    async with JudgeUpstream() as upstream:
        settings = configuration(tmp_path, [model(upstream)] if models else [])
        with pytest.raises(RejudgeError, match=said.replace(".", r"\.")):
            Rejudge(settings, asked, Said())


def _sql(moment: datetime) -> str:
    return f"toDateTime64('{moment:%Y-%m-%d %H:%M:%S}', 6, 'UTC')"
