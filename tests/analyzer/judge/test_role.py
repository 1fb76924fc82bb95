"""The role as a process, with a real store and a played judge: killed, drained, reloaded, refused, beside another."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from config.model import Config
from tests.analyzer.judge.conftest import Ask, requests
from tests.fakes.judge import Call, JudgeUpstream, Reply
from tests.fakes.judge_role import JudgeRole, configuration, until
from tests.fakes.judged_pairs import fill
from tests.store.owners import store_at

AN_HOUR_AGO = timedelta(hours=1)
N = 40
JUDGED = N * 2 - N // 4
"""Of the pairs of both candidates those that are not equal."""


def filled(place: Path, n: int = N) -> None:
    fill(store_at(place / "store"), requests(n, datetime.now(UTC) - AN_HOUR_AGO))


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


def count(ask: Ask, sql: str) -> int:
    return int(ask(f"SELECT count() AS n FROM {sql}")[0]["n"])


def judgements(ask: Ask) -> int:
    return count(ask, "judgements WHERE judge != ''")


def slowly(seconds: float) -> Callable[[Call], Reply]:
    return lambda call: Reply.winner("A" if call.number % 3 else "tie", after_s=seconds)


async def test_pairs_are_judged_scored_and_paid_for_and_the_role_drains(place: Path, ask: Ask) -> None:
    filled(place)
    async with JudgeUpstream(slowly(0.001)) as upstream:
        with JudgeRole(config(place, upstream, metrics=["token_f1"], repeats=0.1)) as role:
            await asyncio.to_thread(role.until_ready)
            assert "judge-a (judge-model)" in str(role.detail)
            await until(lambda: count(ask, "judgements") >= JUDGED + N // 4 + N, "all pairs are judged", role)
            await until(lambda: count(ask, "text_scores") >= 3 * N, "all pairs are scored", role)
            await until(lambda: role.figure("shadowbench_judge_open_pairs") == 0, "all is finished", role)
            figures = role.figures
            assert await asyncio.to_thread(role.stop) == 0
    assert judgements(ask) == JUDGED
    assert count(ask, "judgements WHERE rung = 'equal'") == N // 4 + N
    assert count(ask, "judge_calls WHERE candidate = 'control'") == 0
    money = ask("SELECT sum(cost_usd) AS cost, sum(committed_usd) AS committed FROM judge_calls")[0]
    assert Decimal(money["cost"]) == Decimal(money["committed"]) == upstream.usd
    paid = ask("SELECT sum(cost_usd) AS cost FROM judge_calls WHERE kind = 'verdict' AND stage = 'ended'")[0]
    assert Decimal(ask("SELECT sum(cost_usd) AS cost FROM judgements")[0]["cost"]) == Decimal(paid["cost"])
    assert figures["shadowbench_judge_at_work"] == 1
    assert figures['shadowbench_judge_pairs_total{state="judged"}'] == JUDGED


async def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(place: Path, ask: Ask) -> None:
    """What is paid twice is at most what was under way when it was killed; nobody waits until it is given up."""
    filled(place)
    lost, kills = 0, 3
    async with JudgeUpstream(slowly(0.02)) as upstream:
        settings = config(place, upstream)
        for life in range(kills + 1):
            some = JUDGED if life == kills else min(JUDGED, judgements(ask) + 12)
            with JudgeRole(settings) as role:
                await asyncio.to_thread(role.until_ready)
                await until(partial(_has, ask, some), "some are judged", role, patience_s=30)
                if life < kills:
                    await asyncio.to_thread(role.kill)
                    asked, ended = (count(ask, f"judge_calls WHERE stage = '{s}'") for s in ("asked", "ended"))
                    assert asked - ended <= 2 * 16
                    lost += asked - ended
                else:
                    assert await asyncio.to_thread(role.stop) == 0
        paid = len(upstream.answered())
    assert judgements(ask) == JUDGED
    assert count(ask, "(SELECT DISTINCT request_id, candidate FROM judgements WHERE judge != '')") == JUDGED
    assert 2 * JUDGED <= paid <= 2 * JUDGED + lost
    ends = ask("SELECT outcome, count() AS n FROM judge_calls WHERE stage = 'ended' GROUP BY outcome")
    assert {row["outcome"] for row in ends} <= {"ok", "interrupted"}
    asked, ended = count(ask, "judge_calls WHERE stage = 'asked'"), count(ask, "judge_calls WHERE stage = 'ended'")
    assert asked == ended
    committed = ask("SELECT sum(committed_usd) AS usd FROM judge_calls")[0]["usd"]
    assert Decimal(committed) >= upstream.usd


def _has(ask: Ask, judged: int) -> bool:
    return judgements(ask) >= judged


def _has_answered(ask: Ask, calls: int) -> bool:
    return count(ask, "judge_calls WHERE stage = 'ended' AND outcome = 'ok'") >= calls


def _is_spent(role: JudgeRole, upstream: JudgeUpstream) -> bool:
    is_held = role.figures.get('shadowbench_judge_held{reason="dollars"}') == 1
    return is_held and upstream.usd > 0 and upstream.under_way == 0


async def test_a_drain_waits_for_calls_under_way_and_makes_no_others(place: Path, ask: Ask) -> None:
    filled(place)
    go_on = asyncio.Event()

    async def decide(call: Call) -> Reply:
        await go_on.wait()
        return Reply.winner("B")

    async with JudgeUpstream(decide) as upstream:
        with JudgeRole(config(place, upstream)) as role:
            await asyncio.to_thread(role.until_ready)
            await until(lambda: upstream.under_way == 16, "as many calls as are allowed", role)
            stopping = asyncio.get_running_loop().create_task(asyncio.to_thread(role.stop))
            await asyncio.sleep(0.3)
            go_on.set()
            assert await stopping == 0
    assert len(upstream.calls) == 16
    assert count(ask, "judge_calls WHERE outcome = 'ok'") == 16
    assert count(ask, "judge_calls WHERE stage = 'asked'") == count(ask, "judge_calls WHERE stage = 'ended'")
    money = ask("SELECT sum(committed_usd) AS usd FROM judge_calls")[0]
    assert Decimal(money["usd"]) == upstream.usd


async def test_two_processes_judge_nothing_twice(place: Path, ask: Ask) -> None:
    """The later one stands by; the first one drains, and the other takes its place at once."""
    filled(place)
    async with JudgeUpstream(slowly(0.02)) as upstream:
        settings = config(place, upstream)
        with JudgeRole(settings) as first:
            await asyncio.to_thread(first.until_ready)
            await until(lambda: first.figure("shadowbench_judge_at_work") == 1, "it judges", first)
            with JudgeRole(settings, name="judge-other") as second:
                await asyncio.to_thread(second.until_ready)
                await until(lambda: "shadowbench_judge_at_work" in second.figures, "it reports", second)
                await until(lambda: judgements(ask) >= 20, "some are judged", first)
                assert second.figures["shadowbench_judge_at_work"] == 0
                assert second.figure("shadowbench_judge_calls_total") == 0
                assert await asyncio.to_thread(first.stop) == 0
                await until(lambda: judgements(ask) == JUDGED, "the rest is judged", second, patience_s=30)
                assert await asyncio.to_thread(second.stop) == 0
    assert len(upstream.calls) == 2 * JUDGED
    assert count(ask, "(SELECT DISTINCT request_id, candidate FROM judgements WHERE judge != '')") == JUDGED


async def test_a_reload_changes_the_judge_and_loses_nothing(place: Path, ask: Ask) -> None:
    filled(place)
    async with JudgeUpstream(slowly(0.02)) as first, JudgeUpstream(slowly(0.001)) as second:
        settings = config(place, first)
        other = configuration(place, [model(second, name="judge-b")])
        with JudgeRole(settings) as role:
            await asyncio.to_thread(role.until_ready)
            await until(lambda: judgements(ask) >= 10, "some are judged", role)
            await asyncio.to_thread(role.reload, other, 2)
            await until(lambda: count(ask, "judgements WHERE judge = 'judge-b'") == JUDGED, "all by the other", role)
            assert role.figure("shadowbench_judge_internal_errors_total") == 0
            assert await asyncio.to_thread(role.stop) == 0
    asked = count(ask, "judge_calls WHERE judge = 'judge-a' AND stage = 'asked'")
    assert asked == count(ask, "judge_calls WHERE judge = 'judge-a' AND stage = 'ended'") < 2 * JUDGED
    assert {row["judge"] for row in ask("SELECT DISTINCT judge FROM judgements")} == {"", "judge-a", "judge-b"}
    total = ask("SELECT sum(cost_usd) AS usd FROM judge_calls")[0]["usd"]
    assert Decimal(total) == first.usd + second.usd


async def test_the_days_budget_is_used_and_never_exceeded_over_kills(place: Path, ask: Ask) -> None:
    """The most that calls under way at a kill can cost stays spent; few are, so that there is some to go on with."""
    filled(place)
    limit = Decimal("0.15")
    async with JudgeUpstream(slowly(0.003)) as upstream:
        upstream.most_usd_per_day = limit
        few = model(upstream, max_in_flight=2)
        settings = configuration(place, [few], budget={"usd_per_day": str(limit)})
        for life in range(3):
            with JudgeRole(settings) as role:
                await asyncio.to_thread(role.until_ready)
                await until(partial(_has_answered, ask, 2 * (life + 1)), "some are answered", role)
                if life < 2:
                    await asyncio.to_thread(role.kill)
                else:
                    await until(partial(_is_spent, role, upstream), "the budget is spent", role)
                    assert await asyncio.to_thread(role.stop) == 0
    assert upstream.over_budget == []
    assert upstream.usd > 0
    committed = Decimal(ask("SELECT sum(committed_usd) AS usd FROM judge_calls")[0]["usd"])
    assert upstream.usd <= committed <= limit
    # What the last calls under way held is given back when they end, or are withdrawn by the stop.
    assert committed > limit * Decimal("0.3")


async def test_a_judge_that_no_budget_can_be_kept_for_is_refused_in_one_line(tmp_path: Path) -> None:
    async with JudgeUpstream() as upstream:
        with JudgeRole(configuration(tmp_path, [model(upstream, price=None)])) as role:
            assert await asyncio.to_thread(role.until_ended) == 70
    assert str(role.failure).startswith("judge.models[0].model: no price of judge-model is known")
    assert "\n" not in str(role.failure)
