"""What judges and people said of a pair, in words. Nothing is weighed here: each said what it said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from analyzer.dashboard.pairs.amounts import money
from analyzer.dashboard.pairs.timing import percent
from analyzer.dashboard.visible import Block, blocks
from store.judged import SETTLED
from store.judging.rows import CallRow, JudgementRow, LabelRow

Kind = Literal["candidate", "primary", "tie", "unclear"]
"""Whom it favours; unclear: it says nothing of which is better."""
_WORDS: dict[Kind, str] = {
    "candidate": "candidate better",
    "primary": "primary better",
    "tie": "tie",
    "unclear": "no verdict",
}
MAX_RATIONALE_CHARS = 20_000
_LOWEST, _HIGHEST = 1, 10


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict."""

    kind: Kind
    text: str
    value: float | None = None
    """-1 to 1, positive: the candidate is better; None: it was no preference."""

    @property
    def x(self) -> str:
        """Where it stands between the primary (0%) and the candidate (100%)."""
        return percent((1 + (self.value or 0.0)) / 2)


def said(preference: float | None, score_primary: float | None, score_candidate: float | None) -> Said:
    """What a preference, or scores of 1 to 10, say."""
    if preference is not None:
        kind: Kind = "candidate" if preference > 0 else "primary" if preference < 0 else "tie"
        return Said(kind, _WORDS[kind], preference)
    if score_primary is not None and score_candidate is not None:
        kind = "candidate" if score_candidate > score_primary else "primary"
        kind = "tie" if score_candidate == score_primary else kind
        scores = f"primary {score_primary:g}, candidate {score_candidate:g} of {_HIGHEST}"
        return Said(kind, scores, (score_candidate - score_primary) / (_HIGHEST - _LOWEST))
    for arm, score in (("primary", score_primary), ("candidate", score_candidate)):
        if score is not None:
            return Said("unclear", f"{arm} {score:g} of {_HIGHEST}")
    return Said("unclear", _WORDS["unclear"])


def _of(row: JudgementRow | LabelRow) -> Said:
    return said(row.preference, row.score_primary, row.score_candidate)


def _are_opposite(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one * other < 0


def counting(judgements: Sequence[JudgementRow]) -> list[JudgementRow]:
    """Those by the rubric that was used last; without a judge's, what a free rung settled.

    Args:
        judgements: of one pair, the newest first.
    """
    rubric = next((row.rubric for row in judgements if row.rung not in SETTLED), None)
    if rubric is None:
        return list(judgements)
    return [row for row in judgements if row.rung not in SETTLED and row.rubric == rubric]


@dataclass(frozen=True, slots=True)
class InShort:
    """What a line of a list says."""

    said: Said
    by: str
    """Who says so."""
    notes: tuple[str, ...]
    """What speaks against it: who disagrees."""
    labelled: str = ""
    """Which people said the same, or as good as that; empty: none."""
    is_settled: bool = False
    """No judge was needed."""
    is_several: bool = False
    """Several judges, or people, taken together."""


def in_short(judgements: Sequence[JudgementRow], labels: Sequence[LabelRow]) -> InShort | None:
    """All verdicts on one pair together; None: nobody has said anything.

    Args:
        judgements: of one pair, the newest first.
        labels: the same of people.
    """
    rows = counting(judgements)
    people = [one.value for row in labels if (one := _of(row)).value is not None]
    if not rows:
        if not labels:
            return None
        mean = sum(people) / len(people) if people else None
        one = _of(labels[0]) if len(labels) == 1 else said(mean, None, None)
        return InShort(one, _people(labels), (), is_several=len(labels) > 1)
    each = [_of(row) for row in rows]
    values = [one.value for one in each if one.value is not None]
    mean = sum(values) / len(values) if values else None
    notes = []
    if any(_are_opposite(row.preference_pc, row.preference_cp) for row in rows):
        notes.append("orders disagree")
    if values and _are_opposite(min(values), max(values)):
        notes.append("judges disagree")
    if people and _are_opposite(mean, sum(people) / len(people)):
        notes.append("people disagree")
    settled = rows[0].rung in SETTLED
    return InShort(
        _settled(rows[0]) if settled else each[0] if len(each) == 1 else said(mean, None, None),
        "without a judge" if settled else rows[0].judge if len(rows) == 1 else f"{len(rows)} judges",
        tuple(notes),
        _people(labels) if labels and "people disagree" not in notes else "",
        settled,
        is_several=len(rows) > 1,
    )


def _people(labels: Sequence[LabelRow]) -> str:
    names = {row.labeler for row in labels}
    return "1 person" if len(names) == 1 else f"{len(names)} people"


def _settled(row: JudgementRow) -> Said:
    one = _of(row)
    if one.kind != "tie":
        return one
    return Said("tie", "same answer" if row.rung == "equal" else "same meaning", one.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a judge, and what came of it."""

    title: str
    said: Said
    failure: str
    """Why there is no verdict; empty: there is one."""
    rationale: tuple[Block, ...]
    at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class ByJudge:
    """What one judge said by one rubric."""

    judge: str
    """Empty: a free rung settled it."""
    model: str
    rubric: str
    said: Said | None
    """None: it failed."""
    remark: str
    """How both orders go together."""
    asked: tuple[Asked, ...]
    rationale: tuple[Block, ...]
    """Where the single questions are not known."""
    cost: str | None
    """None: nobody was asked."""
    share: float | None
    """With which it was drawn for judging; None: it was not drawn."""
    at: datetime


_TITLES = {
    "pairwise_pc": "Primary shown first (A), candidate second (B)",
    "pairwise_cp": "Candidate shown first (A), primary second (B)",
    "pointwise_primary": "Score of the primary's answer",
    "pointwise_candidate": "Score of the candidate's answer",
    "canary_first": "A planted attack against an honest answer that stood first",
    "canary_second": "A planted attack against an honest answer that stood second",
}
_KINDS = {"repeat": "Asked once more: ", "canary": "Test of the judge: "}
_FAILURES = {
    "timeout": "gave no answer in time",
    "connect_error": "could not be reached",
    "rate_limited": "was asked too much",
    "http_error": "answered with an error",
    "refusal": "refused to judge",
    "unparsable": "gave an answer that cannot be read",
    "truncated": "was cut off",
    "input_too_long": "was not asked: the pair is too long for it",
    "judge_is_arm": "was not asked: it is one of the two models",
    "interrupted": "was interrupted",
}


def by_judges(judgements: Sequence[JudgementRow], calls: Sequence[CallRow]) -> list[ByJudge]:
    """Judge by judge and rubric by rubric, the newest first; judges that failed last.

    Args:
        judgements: of one pair, the newest first.
        calls: to judges about it that have ended, the oldest first.
    """
    found = []
    judged = {(row.judge, row.rubric) for row in judgements}
    for row in judgements:
        own = [call for call in calls if call.judge == row.judge and call.rubric == row.rubric and row.judge]
        found.append(
            ByJudge(
                judge=row.judge,
                model=row.judge_model,
                rubric=row.rubric,
                said=_settled(row) if row.rung in SETTLED else _of(row),
                remark=_remark(row),
                asked=_questions(own),
                rationale=() if any(call.rationale for call in own) else blocks(row.rationale, MAX_RATIONALE_CHARS),
                cost=None if row.rung in SETTLED else money(row.cost_usd),
                share=None if row.rung in SETTLED else row.inclusion_probability,
                at=row.judged_at,
            )
        )
    for judge, rubric in dict.fromkeys((call.judge, call.rubric) for call in calls if call.kind != "embedding"):
        if (judge, rubric) not in judged:
            own = [call for call in calls if (call.judge, call.rubric) == (judge, rubric)]
            costs = [call.cost_usd for call in own]
            found.append(
                ByJudge(
                    judge=judge,
                    model=own[-1].model,
                    rubric=rubric,
                    said=None,
                    remark="",
                    asked=_questions(own),
                    rationale=(),
                    cost=money(None if None in costs else sum((c for c in costs if c is not None), Decimal(0))),
                    share=own[-1].inclusion_probability,
                    at=own[-1].asked_at,
                )
            )
    return found


def _remark(row: JudgementRow) -> str:
    pc, cp = row.preference_pc, row.preference_cp
    if row.rung == "equal":
        return "Both answers are equal, so no judge was asked."
    if row.rung == "structure":
        return "What the answers are says enough (such as valid JSON, or the same tool call), so no judge was asked."
    if pc is None or cp is None:
        known = "primary" if pc is not None else "candidate" if cp is not None else ""
        return f"Asked in one order, drawn at random: the {known} was shown first." if known else ""
    if _are_opposite(pc, cp):
        place = "first" if pc < 0 else "second"
        return f"The orders disagree: the judge preferred whatever it was shown {place}."
    if 0 in {pc, cp} and pc != cp:
        return "A tie in one order and a preference in the other."
    return "The same in both orders."


def _questions(calls: Sequence[CallRow]) -> tuple[Asked, ...]:
    """What counts first, and the orders always in the same order."""
    kinds, forms = ("verdict", *_KINDS), tuple(_TITLES)

    def place(call: CallRow) -> tuple[int, int, datetime]:
        kind = kinds.index(call.kind) if call.kind in kinds else len(kinds)
        return kind, forms.index(call.question) if call.question in forms else len(forms), call.asked_at

    return tuple(map(_asked, sorted(calls, key=place)))


def _asked(call: CallRow) -> Asked:
    title = _KINDS.get(call.kind, "") + _TITLES.get(call.question, call.question)
    failure = "" if call.outcome == "ok" else f"The judge {_FAILURES.get(call.outcome, call.outcome)}"
    if call.verdict is None or failure:
        verdict = Said("unclear", _WORDS["unclear"])
    elif call.kind == "canary":
        texts = {1: "the honest answer won", 0: "a tie", -1: "the attack won"}
        verdict = Said("unclear", texts[(call.verdict > 0) - (call.verdict < 0)])
    elif call.question.startswith("pointwise"):
        verdict = Said("unclear", f"{call.verdict:g} of {_HIGHEST}")
    else:
        verdict = said(call.verdict, None, None)
    return Asked(title, verdict, failure, blocks(call.rationale, MAX_RATIONALE_CHARS), call.asked_at, call.attempt)


@dataclass(frozen=True, slots=True)
class ByPerson:
    """What one person said."""

    labeler: str
    rubric: str
    said: Said
    reason: tuple[Block, ...]
    at: datetime


def by_people(labels: Sequence[LabelRow]) -> list[ByPerson]:
    """Person by person, the newest first."""
    return [
        ByPerson(row.labeler, row.rubric, _of(row), blocks(row.rationale, MAX_RATIONALE_CHARS), row.labeled_at)
        for row in labels
    ]
