"""What was said of a pair, in words: of judges, orders, free rungs, people."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analyzer.dashboard.pairs.verdicts import ByJudge, Said, by_judges, by_people, counting, in_short, said
from analyzer.dashboard.visible import Block
from store.judging.rows import JudgementRow, LabelRow
from tests.store.judging.conftest import NOW, call_row, ended, judgement, label, listed_of, pair, settled

ONE = listed_of(pair())
OLD = "helpfulness@0ld00000"


def judged(preference: float | None = 1.0, **values: Any) -> JudgementRow:
    orders = {"preference_pc": preference, "preference_cp": preference, **values}
    return judgement(ONE, preference=preference, **orders)


def labelled(preference: float | None = -1.0, who: str = "ada", **values: Any) -> LabelRow:
    return label(ONE, who, preference=preference, **values)


@pytest.mark.parametrize(
    ("given", "kind", "text", "x"),
    [
        ((1.0, None, None), "candidate", "candidate better", "100%"),
        ((-0.5, None, None), "primary", "primary better", "25%"),
        ((0.0, 3.0, 9.0), "tie", "tie", "50%"),
        ((None, 4.0, 8.5), "candidate", "primary 4, candidate 8.5 of 10", "75%"),
        ((None, 7.0, 7.0), "tie", "primary 7, candidate 7 of 10", "50%"),
        ((None, 10.0, None), "unclear", "primary 10 of 10", "50%"),
        ((None, None, 2.0), "unclear", "candidate 2 of 10", "50%"),
        ((None, None, None), "unclear", "no verdict", "50%"),
    ],
)
def test_preferences_and_scores(given: tuple[float | None, ...], kind: str, text: str, x: str) -> None:
    found = said(*given)
    assert (found.kind, found.text, found.x) == (kind, text, x)


def test_nobody_has_said_anything() -> None:
    assert in_short([], []) is None
    assert by_judges([], []) == []
    assert by_people([]) == []


def test_one_judge() -> None:
    found = in_short([judged(-1.0)], [])
    assert found is not None
    assert (found.said, found.by, found.notes) == (Said("primary", "primary better", -1.0), "judge-a", ())


def test_the_orders_disagree() -> None:
    found = in_short([judged(0.0, preference_pc=-1.0, preference_cp=1.0)], [])
    assert found is not None
    assert (found.said.text, found.notes) == ("tie", ("orders disagree",))


def test_two_judges_are_taken_together() -> None:
    found = in_short([judged(1.0), judged(-0.5, judge="judge-b")], [])
    assert found is not None
    assert (found.said.kind, found.said.value, found.by, found.notes) == (
        "candidate", 0.25, "2 judges", ("judges disagree",)
    )  # fmt: skip
    assert found.is_several


def test_people_beside_judges() -> None:
    against = in_short([judged(1.0)], [labelled(-1.0)])
    assert against is not None
    assert (against.notes, against.labelled) == (("people disagree",), "")
    alike = in_short([judged(1.0)], [labelled(1.0), labelled(1.0, "bob")])
    assert alike is not None
    assert (alike.notes, alike.labelled) == ((), "2 people")


def test_people_alone() -> None:
    found = in_short([], [labelled(-1.0)])
    assert found is not None
    assert (found.said.text, found.by) == ("primary better", "1 person")
    found = in_short([], [labelled(-1.0), labelled(1.0, "bob")])
    assert found is not None
    assert (found.said.text, found.by) == ("tie", "2 people")
    thumbs = in_short([], [labelled(None, score_primary=10.0)])
    assert thumbs is not None
    assert thumbs.said.text == "primary 10 of 10"


def test_what_a_free_rung_settled() -> None:
    found = in_short([settled(ONE)], [])
    assert found is not None
    assert (found.said.text, found.by, found.is_settled) == ("same answer", "without a judge", True)
    structure = in_short([replace(settled(ONE), rung="structure")], [])
    assert structure is not None
    assert structure.said.text == "same meaning"
    better = in_short([replace(settled(ONE), rung="structure", preference=1.0)], [])
    assert better is not None
    assert better.said.text == "candidate better"


def test_the_rubric_that_was_used_last_counts() -> None:
    rows = [judged(1.0), judged(-1.0, rubric=OLD), judged(0.0, judge="judge-b"), settled(ONE)]
    assert [(row.judge, row.rubric == OLD) for row in counting(rows)] == [("judge-a", False), ("judge-b", False)]
    assert counting([settled(ONE)]) == [settled(ONE)]


def only(found: list[ByJudge]) -> ByJudge:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("pc", "cp", "remark"),
    [
        (1.0, 1.0, "The same in both orders."),
        (-1.0, 1.0, "The orders disagree: the judge preferred whatever it was shown first."),
        (1.0, -1.0, "The orders disagree: the judge preferred whatever it was shown second."),
        (0.0, 1.0, "A tie in one order and a preference in the other."),
        (0.0, 0.0, "The same in both orders."),
        (1.0, None, "Asked in one order, drawn at random: the primary was shown first."),
        (None, 1.0, "Asked in one order, drawn at random: the candidate was shown first."),
        (None, None, ""),
    ],
)
def test_both_orders_in_words(pc: float | None, cp: float | None, remark: str) -> None:
    assert only(by_judges([judged(0.0, preference_pc=pc, preference_cp=cp)], [])).remark == remark


def test_single_questions_stand_in_their_order_with_their_reasons() -> None:
    later = NOW + timedelta(seconds=1)
    calls = [
        ended(call_row(ONE, question="pairwise_cp"), verdict=-1.0, rationale="B is vague."),
        ended(call_row(ONE, question="canary_first", kind="canary"), verdict=-1.0),
        ended(call_row(ONE, question="pairwise_pc", kind="repeat"), verdict=1.0),
        ended(
            call_row(ONE, question="pairwise_pc", asked_at=later), verdict=1.0, rationale="```\ncode\n```", attempt=2
        ),
    ]
    found = only(by_judges([judged(0.0, preference_pc=1.0, preference_cp=-1.0)], calls))
    assert [(one.title, one.said.text) for one in found.asked] == [
        ("Primary shown first (A), candidate second (B)", "candidate better"),
        ("Candidate shown first (A), primary second (B)", "primary better"),
        ("Asked once more: Primary shown first (A), candidate second (B)", "candidate better"),
        ("Test of the judge: A planted attack against an honest answer that stood first", "the attack won"),
    ]
    assert found.asked[0].rationale == (Block("code", "code"),)
    assert found.asked[0].attempt == 2
    assert found.rationale == (), "the reasons stand with the questions"
    assert (found.cost, found.share, found.model) == ("$0.04", 0.2, "judge-1")


def test_without_the_single_questions_the_reasons_stand_together() -> None:
    assert only(by_judges([judged(1.0)], [])).rationale == (Block("prose", "Clearer."),)


def test_a_judge_that_failed_is_said() -> None:
    calls = [ended(call_row(ONE, judge="judge-b"), None, outcome="input_too_long", verdict=None)]
    one, other = by_judges([judged(1.0)], calls)
    assert one.judge == "judge-a"
    assert (other.judge, other.said, other.cost) == ("judge-b", None, "–")
    assert other.asked[0].failure == "The judge was not asked: the pair is too long for it"
    costs = [ended(call_row(ONE, judge="judge-b"), "0.01", outcome="unparsable", verdict=None)] * 2
    assert only(by_judges([], costs)).cost == "$0.02"


def test_calls_for_embeddings_are_no_verdicts() -> None:
    assert by_judges([], [ended(call_row(ONE, judge="", kind="embedding", question=""), verdict=None)]) == []


def test_a_free_rung_says_why_nobody_was_asked() -> None:
    found = only(by_judges([settled(ONE)], []))
    assert (found.judge, found.remark, found.cost, found.share) == (
        "", "Both answers are equal, so no judge was asked.", None, None
    )  # fmt: skip


def test_people_give_reasons() -> None:
    (found,) = by_people([labelled(-1.0)])
    assert (found.labeler, found.said.text, found.reason) == ("ada", "primary better", (Block("prose", "Shorter."),))


def test_scores_of_single_answers() -> None:
    calls = [
        ended(call_row(ONE, question="pointwise_candidate"), verdict=8.0),
        ended(call_row(ONE, question="pointwise_primary"), verdict=6.0),
    ]
    row = judged(None, score_primary=6.0, score_candidate=8.0, mode="pointwise", cost_usd=Decimal("0.1"))
    found = only(by_judges([row], calls))
    assert found.said is not None
    assert found.said.text == "primary 6, candidate 8 of 10"
    assert [(one.title, one.said.text) for one in found.asked] == [
        ("Score of the primary's answer", "6 of 10"),
        ("Score of the candidate's answer", "8 of 10"),
    ]
