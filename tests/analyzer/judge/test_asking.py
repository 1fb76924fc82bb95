"""One question through a real socket: what ends it, what only delays it, what it costs, and what is written down."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from analyzer.judge import asking
from analyzer.judge.asking import Asked, Before
from analyzer.judge.gate import Stopped
from analyzer.judge.inquiry import Material, VerdictInquiry, row_of
from analyzer.judge.question import Form
from tests.analyzer.judge.desk import Desk, configuration, desk, judge, quick, until
from tests.analyzer.judge.made import pair
from tests.fakes.judge import Call, JudgeUpstream, Reply

D = Decimal
NEW = Before()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def inquiry(process: Desk, form: Form = "pairwise_pc", request_id: UUID | None = None, **more: Any) -> VerdictInquiry:
    one = pair("It is so.", "It is not.", request_id=request_id or uuid4(), **more)
    model, rubric = process.plan.judge.models[0], process.plan.rubric
    row = row_of(one, judge=model.name, rubric=rubric.id, kind="verdict", form=form, probability=0.5)
    return VerdictInquiry(row, Material(one), model, rubric, "verdict", form)


async def ask(process: Desk, form: Form = "pairwise_pc", before: Before = NEW, **more: Any) -> Asked:
    asker = process.panel.judges[process.plan.judge.models[0].name]
    return await asyncio.wait_for(asker.ask(inquiry(process, form, **more), before), 20)


def in_turn(*replies: Reply) -> Callable[[Call], Reply]:
    """The first call gets the first; the last one is for all others."""
    left = list(replies)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


def book_of(process: Desk) -> list[tuple[str, str, int, bool]]:
    return [(row.stage, row.outcome, row.attempt, row.is_final) for row in process.books.calls]


async def test_a_verdict_is_asked_ended_and_paid_for() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A", "Clearer.", model="snapshot-1")) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        asked = await ask(process)
        (before, after) = process.books.calls
    assert (before.stage, after.stage, before.call) == ("asked", "ended", after.call)
    assert asked.row == after
    assert (after.outcome, after.is_final, after.verdict, after.rationale) == ("ok", True, -1.0, "Clearer.")
    assert (after.model, after.inclusion_probability) == ("snapshot-1", 0.5)
    call = upstream.calls[0]
    assert (after.input_tokens, after.output_tokens) == (call.input_tokens, call.output_tokens)
    assert after.cost_usd == asked.cost_usd == call.usd
    # What it may have cost, then what it cost less that: together what it cost.
    assert before.committed_usd > call.usd
    assert before.committed_usd + after.committed_usd == call.usd
    assert before.asked_at == after.asked_at
    assert (before.latency_ms, before.outcome, before.verdict) == (None, "", None)
    assert after.latency_ms is not None
    assert after.latency_ms > 0


@pytest.mark.parametrize(
    ("form", "winner", "verdict"),
    [("pairwise_pc", "A", -1), ("pairwise_pc", "B", 1), ("pairwise_cp", "A", 1), ("pairwise_cp", "tie", 0)],
)
async def test_verdicts_are_stored_from_the_candidates_side(form: Form, winner: str, verdict: float) -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner(winner)) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        assert (await ask(process, form)).row.verdict == verdict


async def test_probabilities_of_the_word_weigh_the_verdict() -> None:
    """exp(-0.1) against exp(-2.4): (0.9048 - 0.0907) / 0.9955, for the first answer, which is the primary's."""
    async with (
        JudgeUpstream(lambda call: Reply.weighed(-0.1, -2.4)) as upstream,
        desk(configuration(judge(upstream, logprobs=True))) as process,
    ):
        assert (await ask(process)).row.verdict == pytest.approx(-0.81775, abs=1e-4)


async def test_anthropic_is_asked_the_same() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("B")) as upstream,
        desk(configuration(judge(upstream, api="anthropic"))) as process,
    ):
        row = (await ask(process)).row
    assert (row.outcome, row.verdict, upstream.refused) == ("ok", 1.0, [])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("no JSON"), "unparsable"),
        (Reply('{"winner": "C", "rationale": ""}'), "unparsable"),
        (Reply('{"winner": "A"', finish="length"), "truncated"),
        (Reply("", status=400), "http_error"),
    ],
)
async def test_failures_about_the_pair_are_tried_again_and_then_final(reply: Reply, reason: str) -> None:
    first = Reply.winner("A")
    async with (
        JudgeUpstream(in_turn(first, reply)) as upstream,
        desk(configuration(judge(upstream, attempts=3))) as process,
    ):
        await ask(process)  # so that the judge is known to answer
        asked = await ask(process)
        ended = process.books.ended()[1:]
    assert [(row.outcome, row.attempt, row.is_final) for row in ended] == [
        (reason, 1, False), (reason, 2, False), (reason, 3, True)
    ]  # fmt: skip
    assert asked.row.verdict is None
    assert asked.cost_usd == sum((call.usd for call in upstream.calls[1:]), D(0))


async def test_a_second_attempt_may_succeed_and_both_are_paid() -> None:
    async with (
        JudgeUpstream(in_turn(Reply("?"), Reply.winner("B"))) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        asked = await ask(process)
    assert (asked.row.outcome, asked.row.attempt) == ("ok", 2)
    assert asked.cost_usd == upstream.usd == sum((call.usd for call in upstream.calls), D(0))


@pytest.mark.parametrize(
    "reply",
    [
        Reply("I cannot judge that.", finish="refusal"),
        Reply("", status=400, raw={"error": {"code": "context_length_exceeded", "message": "too long"}}),
    ],
)
async def test_what_would_end_the_same_again_is_not_tried_again(reply: Reply) -> None:
    async with JudgeUpstream(lambda call: reply) as upstream, desk(configuration(judge(upstream))) as process:
        asked = await ask(process)
    assert len(upstream.calls) == 1
    assert asked.row.is_final
    assert asked.row.outcome in {"refusal", "input_too_long"}


async def test_a_prompt_that_is_too_long_is_never_sent() -> None:
    async with (
        JudgeUpstream() as upstream,
        desk(configuration(judge(upstream, max_input=2000))) as process,
    ):
        asked = await ask(process, request={"messages": [{"role": "user", "content": "x" * 2000}]})
    assert upstream.calls == []
    (row,) = process.books.calls
    assert (row.stage, row.outcome, row.is_final) == ("ended", "input_too_long", True)
    assert (row.cost_usd, row.committed_usd, asked.cost_usd) == (D(0), D(0), D(0))


async def test_a_call_that_no_day_could_pay_is_never_sent() -> None:
    text = "word " * 20_000
    async with (
        JudgeUpstream() as upstream,
        desk(configuration(judge(upstream), budget={"usd_per_day": 0.1})) as process,
    ):
        asked = await ask(process, request={"messages": [{"role": "user", "content": text}]})
    assert (upstream.calls, asked.row.outcome) == ([], "input_too_long")


ABOUT_THE_JUDGE = [
    Reply("slow down", status=429, headers={"retry-after": "0.01"}),
    Reply("overloaded", status=529),
    Reply("broken", status=500),
    Reply("bad key", status=401),
    Reply("no such model", status=404),
    Reply("", status=503, raw="<html>maintenance</html>"),
    Reply("", status=400),
]
"""The last one: a judge that has never answered refuses everything as it stands."""


@pytest.mark.parametrize("reply", ABOUT_THE_JUDGE, ids=lambda reply: str(reply.status))
async def test_failures_about_the_judge_end_no_question(reply: Reply) -> None:
    """Far more of them than there are attempts; then it comes back, and answers."""
    replies = [reply] * 12 + [Reply.winner("A")]
    async with (
        JudgeUpstream(in_turn(*replies)) as upstream,
        desk(configuration(judge(upstream, attempts=1))) as process,
    ):
        asked = await ask(process)
        states = book_of(process)
    assert asked.row.outcome == "ok"
    assert all(not is_final for _, outcome, _, is_final in states if outcome != "ok")
    assert len(upstream.calls) == 13
    # None of these was charged, and none keeps money back.
    assert sum((row.committed_usd for row in process.books.calls), D(0)) == upstream.usd == asked.cost_usd


async def test_a_broken_connection_may_have_cost_something_so_its_bound_stays() -> None:
    async with (
        JudgeUpstream(in_turn(Reply.winner("A", is_cut=True), Reply.winner("A"))) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        asked = await ask(process)
        first = process.books.calls[0]
        spent = (await process.books.spent()).committed_usd
    assert asked.cost_usd is None
    assert [row.outcome for row in process.books.ended()] == ["connect_error", "ok"]
    assert spent == first.committed_usd + upstream.calls[1].usd
    assert spent > upstream.usd


async def test_an_answer_without_usage_has_no_cost() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A", has_usage=False)) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        asked = await ask(process)
    assert asked.cost_usd is None
    assert process.books.calls[1].committed_usd == 0


async def test_while_a_judge_is_away_one_call_at_a_time_looks_for_it() -> None:
    away, most = True, 0

    async def decide(call: Call) -> Reply:
        await asyncio.sleep(0.005)
        return Reply("down", status=500) if away else Reply.winner("A")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream, max_in_flight=8))) as process,
    ):
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(20)]
        await until(lambda: process.panel.judges["judge-a"].away.is_away)
        await until(lambda: upstream.under_way == 0)
        upstream.most_under_way = 0
        begun = len(upstream.calls)
        await until(lambda: len(upstream.calls) > begun + 3)
        most = upstream.most_under_way
        away = False
        ends = await asyncio.gather(*asks)
    assert most == 1
    assert {end.row.outcome for end in ends} == {"ok"}


async def test_one_pair_that_breaks_the_judge_fails_by_itself() -> None:
    """Its server answers 500 to one question, always: others are answered in between, so it is not the server."""
    poison = uuid4()

    def decide(call: Call) -> Reply:
        return Reply("crashed", status=500) if "poison" in call.user else Reply.winner("A")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream, attempts=3, max_in_flight=2))) as process,
    ):
        failing = asyncio.get_running_loop().create_task(ask(process, request_id=poison, request="poison"))
        while not failing.done():
            assert (await ask(process)).row.outcome == "ok"
        end = (await failing).row
    assert (end.outcome, end.is_final) == ("http_error", True)


async def test_a_judge_that_hangs_makes_no_missing_data() -> None:
    """Every call times out, far more often than there are attempts; nobody else is answered meanwhile."""
    hangs = True

    def decide(call: Call) -> Reply:
        return Reply.winner("A", after_s=30.0 if hangs else 0.0)

    settings: dict[str, Any] = {"timeout": {"total": "20ms"}, "attempts": 3, "max_in_flight": 2}
    async with JudgeUpstream(decide) as upstream, desk(configuration(judge(upstream, **settings))) as process:
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(6)]
        await until(lambda: len(process.books.ended("timeout")) >= 8)
        assert not any(row.is_final for row in process.books.calls)
        hangs = False
        process.panel.judges["judge-a"]._client._total_s = 5.0
        ends = await asyncio.gather(*asks)
    assert {end.row.outcome for end in ends} == {"ok"}


async def test_a_question_that_hangs_while_others_are_answered_has_failed() -> None:
    def decide(call: Call) -> Reply:
        return Reply.winner("A", after_s=30.0 if "endless" in call.user else 0.001)

    settings: dict[str, Any] = {"timeout": {"total": "60ms"}, "attempts": 2, "max_in_flight": 4}
    async with JudgeUpstream(decide) as upstream, desk(configuration(judge(upstream, **settings))) as process:
        failing = asyncio.get_running_loop().create_task(ask(process, request="endless"))
        while not failing.done():
            assert (await ask(process)).row.outcome == "ok"
        end = (await failing).row
    assert (end.outcome, end.is_final) == ("timeout", True)
    assert end.attempt >= 2
    assert end.cost_usd is None


async def test_what_failed_in_processes_before_counts() -> None:
    async with (
        JudgeUpstream(lambda call: Reply("?")) as upstream,
        desk(configuration(judge(upstream, attempts=4))) as process,
    ):
        end = (await ask(process, before=Before(calls=7, failed=3))).row
    assert (end.attempt, end.is_final, len(upstream.calls)) == (8, True, 1)


async def test_no_call_is_begun_that_the_day_has_no_room_for() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A", after_s=0.001)) as upstream,
        desk(configuration(judge(upstream, max_in_flight=8), budget={"usd_per_day": 0.1})) as process,
    ):
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(200)]
        asker, purse = process.panel.judges["judge-a"], process.shared.purse
        await until(lambda: purse.held == "dollars" and purse.budget.is_read and not asker.under_way)
        spent = (await process.books.spent()).committed_usd
        process.panel.stop()
        process.shared.purse.send_away()
        ends = await asyncio.gather(*asks, return_exceptions=True)
    assert upstream.usd <= D("0.1")
    assert spent <= D("0.1")
    bound = process.books.calls[0].committed_usd
    assert upstream.usd > D("0.1") - 20 * bound  # and it was used
    assert {type(end) for end in ends} == {Asked, Stopped}


async def test_calls_of_a_minute_are_limited() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream), budget={"calls_per_minute": 5})) as process,
    ):
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(9)]
        await until(lambda: process.shared.purse.held == "rate")
        await until(lambda: len(process.books.ended()) == 5)
        process.panel.stop()
        process.shared.purse.send_away()
        await asyncio.gather(*asks, return_exceptions=True)
    assert len(upstream.calls) == 5


async def test_a_process_that_does_not_judge_any_more_takes_back_what_it_did_not_send() -> None:
    slow = asyncio.Event()

    async def decide(call: Call) -> Reply:
        await slow.wait()
        return Reply.winner("A")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream, max_in_flight=1))) as process,
    ):
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(3)]
        await until(lambda: len(process.books.calls) == 2 and upstream.under_way == 1)
        process.leads.append(False)
        slow.set()
        await until(lambda: len(process.books.ended("interrupted")) == 1)
        assert len(upstream.calls) == 1
        process.leads.append(True)
        process.shared.purse.look()
        ends = await asyncio.gather(*asks)
    assert {end.row.outcome for end in ends} == {"ok"}
    taken_back = process.books.ended("interrupted")[0]
    assert (taken_back.cost_usd, taken_back.is_final) == (D(0), False)
    assert (await process.books.spent()).committed_usd == upstream.usd


async def test_what_waits_too_long_to_be_sent_is_taken_back_and_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SENT_WITHIN_S", 0.01)
    async with (
        JudgeUpstream(lambda call: Reply.winner("A", after_s=0.05)) as upstream,
        desk(configuration(judge(upstream, max_in_flight=1))) as process,
    ):
        ends = await asyncio.gather(*[ask(process) for _ in range(3)])
    assert {end.row.outcome for end in ends} == {"ok"}
    assert process.books.ended("interrupted")
    assert len(upstream.calls) == 3
    assert (await process.books.spent()).committed_usd == upstream.usd


async def test_stopping_lets_calls_end_and_gives_back_what_was_not_sent() -> None:
    go_on = asyncio.Event()

    async def decide(call: Call) -> Reply:
        await go_on.wait()
        return Reply.winner("A")

    async with (
        JudgeUpstream(decide) as upstream,
        desk(configuration(judge(upstream, max_in_flight=2))) as process,
    ):
        asks = [asyncio.get_running_loop().create_task(ask(process)) for _ in range(10)]
        await until(lambda: len(process.books.calls) == 3 and upstream.under_way == 2)
        process.panel.stop()
        process.shared.purse.send_away()
        go_on.set()
        ends = await asyncio.gather(*asks, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Asked"] * 2 + ["Stopped"] * 8
    open_calls = {r.call for r in process.books.calls} - {r.call for r in process.books.ended()}
    assert open_calls == set()
    assert (await process.books.spent()).committed_usd == upstream.usd


async def test_as_many_calls_as_allowed_and_never_more() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A", after_s=0.01)) as upstream,
        desk(configuration(judge(upstream, max_in_flight=5))) as process,
    ):
        await asyncio.gather(*[ask(process) for _ in range(40)])
    assert upstream.most_under_way == 5
    assert len(upstream.calls) == 40
