"""One pair to its rows: rungs, questions, judgements, and what is left when a process died in the middle."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from analyzer.judge.attacks import ATTACKS
from analyzer.judge.books import Known
from analyzer.judge.drawing import Canary
from analyzer.judge.inquiry import Material
from analyzer.judge.judging import Judging, Look
from analyzer.judge.question import Form
from store.judging.pair import Pair
from store.judging.rows import CallRow, JudgementRow
from tests.analyzer.judge.desk import Desk, configuration, desk, judge, quick
from tests.analyzer.judge.made import answer, pair
from tests.fakes.judge import Call, JudgeUpstream, Reply

D = Decimal
NOTHING = Known(frozenset(), {})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def judging(process: Desk) -> Judging:
    return Judging(
        process.plan.judge,
        process.plan.rubric,
        process.panel.judges,
        journal=process.shared.journal,
        models_seen=process.models_seen,
        now=process.shared.around.now,
    )


def one(request_id: UUID | None = None, **more: Any) -> Pair:
    return pair("It is so.", "It is not.", request_id=request_id or uuid4(), **more)


async def judged(process: Desk, made: Pair, known: Known = NOTHING) -> str:
    work = judging(process)
    look = work.look(made, known)
    assert look.is_drawn
    return await asyncio.wait_for(work.judge(look), 20)


async def known_of(process: Desk, made: Pair) -> Known:
    calls = [row for row in process.books.ended() if row.request_id == made.request_id]
    return Known(frozenset(), {(made.request_id, made.candidate): calls})


def first_is_primary(call: Call) -> bool:
    return call.user.index("It is so.") < call.user.index("It is not.")


def says(primary_first: str, candidate_first: str) -> Callable[[Call], Reply]:
    return lambda call: Reply.winner(primary_first if first_is_primary(call) else candidate_first, "Reasons.")


def the_judgement(process: Desk) -> JudgementRow:
    (row,) = process.books.judgements
    return row


@pytest.mark.parametrize(
    ("primary_first", "candidate_first", "pc", "cp", "mean"),
    [("B", "A", 1, 1, 1.0), ("A", "B", -1, -1, -1.0), ("A", "A", -1, 1, 0.0), ("B", "tie", 1, 0, 0.5)],
)
async def test_both_orders_are_asked_and_their_mean_counts(
    primary_first: str, candidate_first: str, pc: float, cp: float, mean: float
) -> None:
    async with (
        JudgeUpstream(says(primary_first, candidate_first)) as upstream,
        desk(configuration(judge(upstream, seed=5))) as process,
    ):
        made = one()
        assert await judged(process, made) == "judged"
        row = the_judgement(process)
    assert (row.preference_pc, row.preference_cp, row.preference) == (pc, cp, mean)
    assert (row.judge, row.rubric, row.rung, row.mode) == ("judge-a", process.plan.rubric.id, "judge", "pairwise")
    assert (row.request_id, row.ts, row.candidate, row.bucket) == (made.request_id, made.ts, "cand", made.bucket)
    assert (row.inclusion_probability, row.order_probability, row.temperature, row.seed) == (1.0, None, 0.0, 5)
    assert row.cost_usd == upstream.usd
    assert row.judge_model == "model-of-judge-a"
    assert row.rationale == "Reasons.\n\nReasons."
    assert (row.score_primary, row.score_candidate) == (None, None)


async def test_one_order_is_asked_where_it_is_drawn_and_that_is_recorded() -> None:
    async with (
        JudgeUpstream(says("A", "A")) as upstream,
        desk(configuration(judge(upstream), orders="random")) as process,
    ):
        for _ in range(12):
            await judged(process, one())
        rows = process.books.judgements
    assert {(row.preference_pc, row.preference_cp, row.preference) for row in rows} == {(-1, None, -1), (None, 1, 1)}
    assert {row.order_probability for row in rows} == {0.5}


async def test_scores_are_of_each_answer_alone() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.score(8 if "It is so." in call.user else 3)) as upstream,
        desk(configuration(judge(upstream), mode="pointwise")) as process,
    ):
        await judged(process, one())
        row = the_judgement(process)
    assert (row.score_primary, row.score_candidate, row.preference, row.mode) == (8.0, 3.0, None, "pointwise")


async def test_both_modes_are_four_questions_and_one_row() -> None:
    def decide(call: Call) -> Reply:
        return Reply.winner("tie") if "It is so." in call.user and "It is not." in call.user else Reply.score(5)

    async with JudgeUpstream(decide) as upstream, desk(configuration(judge(upstream), mode="both")) as process:
        await judged(process, one())
        row = the_judgement(process)
    assert len(upstream.calls) == 4
    assert (row.preference, row.score_primary, row.score_candidate, row.mode) == (0.0, 5.0, 5.0, "both")


async def test_a_panel_judges_the_same_pair_each_by_itself() -> None:
    async with (
        JudgeUpstream(says("A", "B")) as first,
        JudgeUpstream(says("B", "A")) as second,
        desk(configuration(judge(first, "judge-a"), judge(second, "judge-b"))) as process,
    ):
        assert await judged(process, one()) == "judged"
        said = {row.judge: row.preference for row in process.books.judgements}
    assert said == {"judge-a": -1.0, "judge-b": 1.0}


async def test_a_question_that_fails_for_good_leaves_no_judgement() -> None:
    """One order is refused: a tie it is not, nor what the other order says."""

    def decide(call: Call) -> Reply:
        return Reply.winner("A") if first_is_primary(call) else Reply("no", finish="refusal")

    async with JudgeUpstream(decide) as upstream, desk(configuration(judge(upstream))) as process:
        assert await judged(process, one()) == "failed"
        assert process.books.judgements == []
        (failed,) = process.books.ended("refusal")
    assert (failed.is_final, failed.question, failed.verdict) == (True, "pairwise_cp", None)


async def test_one_judge_that_fails_takes_no_other_with_it() -> None:
    async with (
        JudgeUpstream(lambda call: Reply("no", finish="refusal")) as first,
        JudgeUpstream(says("A", "B")) as second,
        desk(configuration(judge(first, "judge-a"), judge(second, "judge-b"))) as process,
    ):
        assert await judged(process, one()) == "failed"
        assert [row.judge for row in process.books.judgements] == ["judge-b"]


async def test_nobody_judges_himself() -> None:
    async with (
        JudgeUpstream(says("A", "B")) as first,
        JudgeUpstream(says("A", "B")) as second,
        desk(configuration(judge(first, "judge-a", model="gpt-4o"), judge(second, "judge-b"))) as process,
    ):
        made = replace(one(), primary=replace(answer("It is so."), model="gpt-4o-2024-08-06"))
        assert await judged(process, made) == "failed"
        ends = process.books.ended("judge_is_arm")
        said = process.said.text()
    assert [row.judge for row in process.books.judgements] == ["judge-b"]
    assert {(row.question, row.is_final, row.cost_usd) for row in ends} == {
        ("pairwise_pc", True, D(0)),
        ("pairwise_cp", True, D(0)),
    }
    assert first.calls == []
    assert "judge-a runs gpt-4o" in said


async def test_a_judge_of_the_same_family_judges_and_it_is_said_once() -> None:
    async with (
        JudgeUpstream(says("A", "B")) as upstream,
        desk(configuration(judge(upstream, model="gpt-4o"))) as process,
    ):
        work, seen = judging(process), process.said
        for _ in range(3):
            made = replace(one(), answer=replace(answer("It is not."), model="gpt-4o-mini"))
            await work.judge(work.look(made, NOTHING))
    assert len(process.books.judgements) == 3
    assert seen.text().count("is of the family of cand (gpt-4o-mini)") == 1


async def test_an_answer_that_was_not_kept_whole_is_missing_and_not_asked_about() -> None:
    async with JudgeUpstream() as upstream, desk(configuration(judge(upstream))) as process:
        assert await judged(process, one(is_whole=False)) == "failed"
        assert {row.outcome for row in process.books.ended()} == {"input_too_long"}
    assert upstream.calls == []


async def test_repeats_and_canaries_are_asked_beside_and_are_no_part_of_the_judgement() -> None:
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream), repeats=1, canaries=1)) as process,
    ):
        await judged(process, one())
        row = the_judgement(process)
        ended = {(r.kind, r.question): r for r in process.books.ended()}
    assert {kind for kind, _ in ended} == {"verdict", "repeat", "canary"}
    assert ("repeat", "pairwise_pc") in ended
    verdicts = [r for (kind, _), r in ended.items() if kind == "verdict"]
    assert row.cost_usd == sum((r.cost_usd or D(0) for r in verdicts), D(0)) < upstream.usd
    (canary,) = [r for (kind, _), r in ended.items() if kind == "canary"]
    # The first always wins: where the attack stood first the honest answer has lost.
    assert canary.verdict == (-1.0 if canary.question == "canary_first" else 1.0)
    assert not any("It is not." in call.user and "It is so." not in call.user for call in upstream.calls)


@pytest.mark.parametrize(("form", "place", "letter"), [("canary_first", 0, "A"), ("canary_second", 1, "B")])
def test_an_attack_stands_where_its_form_says_and_names_its_own_letter(
    form: Form, place: int, letter: Literal["A", "B"]
) -> None:
    for attack in ATTACKS:
        canary = Canary(form, attack)
        shown = [answer.text for answer in Material(one(), canary).question("canary", form).answers]
        assert shown[place] == canary.text == attack.text(letter)
        assert shown[1 - place] == "It is so."


def test_rungs_settle_before_any_draw() -> None:
    async def look() -> tuple[Look, Look, Look]:
        async with JudgeUpstream() as upstream, desk(configuration(judge(upstream))) as process:
            work = judging(process)
            same = pair("The same.", "The  same. ")
            return (
                work.look(same, NOTHING),
                work.look(same, Known(frozenset({(same.request_id, "cand", "")}), {})),
                work.look(pair("a", "b", name="control"), NOTHING),
            )

    equal, known, control = asyncio.run(look())
    assert equal.settled is not None
    assert (equal.settled.rung, equal.is_drawn) == ("equal", False)
    assert (known.settled, known.is_drawn, known.is_known) == (None, False, True)
    assert (control.settled, control.is_drawn, control.is_known) == (None, False, False)


async def test_a_settled_pair_is_a_row_of_nobody() -> None:
    async with JudgeUpstream() as upstream, desk(configuration(judge(upstream))) as process:
        work = judging(process)
        look = work.look(pair("Same.", "Same."), NOTHING)
        assert look.settled is not None
        row = work.settled_row(look.pair, look.settled)
    assert (row.judge, row.rubric, row.rung, row.mode, row.preference) == ("", "", "equal", "", 0.0)
    assert (row.inclusion_probability, row.cost_usd, row.preference_pc, row.preference_cp) == (1.0, D(0), None, None)


async def test_only_judges_who_have_not_judged_are_asked() -> None:
    async with (
        JudgeUpstream() as first,
        JudgeUpstream(says("B", "A")) as second,
        desk(configuration(judge(first, "judge-a"), judge(second, "judge-b"))) as process,
    ):
        made = one()
        known = Known(frozenset({(made.request_id, "cand", "judge-a")}), {})
        await judged(process, made, known)
        all_known = Known(frozenset((made.request_id, "cand", name) for name in ("judge-a", "judge-b")), {})
        assert judging(process).look(made, all_known).is_known
    assert [row.judge for row in process.books.judgements] == ["judge-b"]


async def test_answers_that_were_stored_are_not_asked_for_again() -> None:
    """A process died between its last answer and the judgement: the next one makes it of what is there."""
    async with JudgeUpstream(says("B", "A")) as upstream, desk(configuration(judge(upstream))) as process:
        made = one()
        await judged(process, made)
        before = the_judgement(process)
        process.books.rows = [row for row in process.books.rows if not isinstance(row, JudgementRow)]
        await judged(process, made, await known_of(process, made))
        after = the_judgement(process)
    assert len(upstream.calls) == 2
    assert replace(after, judged_at=before.judged_at) == before


async def test_only_the_question_whose_call_was_lost_is_asked_again() -> None:
    async with JudgeUpstream(says("B", "A")) as upstream, desk(configuration(judge(upstream))) as process:
        made = one()
        await judged(process, made)
        lost = process.books.ended()[0]
        process.books.rows = [row for row in process.books.rows if isinstance(row, CallRow)]
        calls = [
            replace(row, outcome="interrupted", is_final=False, verdict=None, cost_usd=None) if row is lost else row
            for row in process.books.ended()
        ]
        known = Known(frozenset(), {(made.request_id, "cand"): calls})
        await judged(process, made, known)
        row = the_judgement(process)
    assert len(upstream.calls) == 3
    assert row.preference == 1.0
    assert row.cost_usd is None  # of one of its calls nobody knows what it cost
    assert process.books.calls[-1].attempt == 2


async def test_a_failure_that_was_final_stays_final() -> None:
    async with (
        JudgeUpstream(lambda call: Reply("no", finish="refusal")) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        made = one()
        await judged(process, made)
        assert await judged(process, made, await known_of(process, made)) == "failed"
    assert len(upstream.calls) == 2


async def test_who_was_asked_is_asked_to_the_end_with_the_probability_of_that_time() -> None:
    async with JudgeUpstream(says("B", "A")) as upstream, desk(configuration(judge(upstream))) as process:
        made = one()
        await judged(process, made)
        calls = [replace(row, inclusion_probability=0.125) for row in process.books.ended()]
        process.books.rows = []
        nobody = process.plan.judge.model_copy(update={"sample": 0.0})
        work = Judging(
            nobody,
            process.plan.rubric,
            process.panel.judges,
            journal=process.shared.journal,
            models_seen=process.models_seen,
            now=process.shared.around.now,
        )
        assert not work.look(made, NOTHING).is_drawn
        look = work.look(made, Known(frozenset(), {(made.request_id, "cand"): calls}))
        await work.judge(look)
        assert the_judgement(process).inclusion_probability == 0.125


async def test_when_more_are_drawn_earlier_judgements_stand_for_fewer() -> None:
    """A panel of which one has judged: both rows get the probability that holds now, and never a smaller one."""
    async with (
        JudgeUpstream(says("B", "A")) as upstream,
        desk(configuration(judge(upstream), judge(upstream, "judge-b"))) as process,
    ):
        made = one()
        await judged(process, made)
        first = next(row for row in process.books.judgements if row.judge == "judge-a")
        early = replace(first, inclusion_probability=0.125)
        calls = [replace(r, inclusion_probability=0.125) for r in process.books.ended() if r.judge == "judge-a"]
        process.books.rows = []
        key = (made.request_id, "cand")
        known = Known(frozenset({(*key, "judge-a")}), {key: calls}, {key: [early]})
        look = judging(process).look(made, known)
        assert (look.judges, look.probability) == (("judge-b",), 1.0)
        await judging(process).judge(look)
        rows = {row.judge: row for row in process.books.judgements}
        nobody = process.plan.judge.model_copy(update={"sample": 0.0})
        less = Judging(
            nobody,
            process.plan.rubric,
            process.panel.judges,
            journal=process.shared.journal,
            models_seen=process.models_seen,
            now=process.shared.around.now,
        )
        assert less.look(made, known).drawn_again == ()
    assert {name: row.inclusion_probability for name, row in rows.items()} == {"judge-a": 1.0, "judge-b": 1.0}
    assert rows["judge-a"] == replace(early, inclusion_probability=1.0, judged_at=rows["judge-a"].judged_at)
    assert rows["judge-a"].judged_at > early.judged_at
