"""Which pairs somebody wants to see, and in which order: values, and the conditions that they stand for."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from record.finish import CUT_SHORT
from record.outcome import Outcome
from store import tables
from store.comparison import Span
from store.judged import SETTLED, JudgedUnder
from store.narrowing import Narrowing
from store.parts import STARTED

_FINE = "('ok', 'client_abort')"
"""A client that went away says nothing about an arm."""
_PRIMARY_FAILED = f"primary_outcome NOT IN {_FINE}"
_CANDIDATE_FAILED = f"candidate_outcome NOT IN {_FINE}"
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "ok": "primary_outcome = 'ok' AND candidate_outcome = 'ok'",
        "failed": f"({_PRIMARY_FAILED} OR {_CANDIDATE_FAILED})",
        "candidate_failed": f"({_CANDIDATE_FAILED} AND NOT ({_PRIMARY_FAILED}))",
        "primary_failed": f"({_PRIMARY_FAILED} AND NOT ({_CANDIDATE_FAILED}))",
        "both_failed": f"({_PRIMARY_FAILED} AND {_CANDIDATE_FAILED})",
        **{
            outcome.value: f"(primary_outcome = '{outcome.value}' OR candidate_outcome = '{outcome.value}')"
            for outcome in Outcome
            if outcome is not Outcome.OK
        },
    }
)
"""How the legs ended; by an outcome's own name: that of either arm. `candidate_failed`: and the primary did not."""

_CUT = ", ".join(f"'{reason}'" for reason in CUT_SHORT)
ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "refused": "(ifNull(primary_refusal, false) OR ifNull(candidate_refusal, false))",
        "candidate_refused": "(ifNull(candidate_refusal, false) AND NOT ifNull(primary_refusal, false))",
        "primary_refused": "(ifNull(primary_refusal, false) AND NOT ifNull(candidate_refusal, false))",
        "same": "ifNull(exact_match, false)",
        "different": "ifNull(NOT exact_match, false)",
        "other_tools": "ifNull(tool_call_agreement < 1, false)",
        "invalid_json": "(ifNull(NOT primary_valid_json, false) OR ifNull(NOT candidate_valid_json, false))",
        "cut_short": f"(lower(ifNull(primary_finish_reason, '')) IN ({_CUT}) "
        f"OR lower(ifNull(candidate_finish_reason, '')) IN ({_CUT}))",
        "not_whole": "capture_truncated",
    }
)
"""What is remarkable about the answers. `not_whole`: their middle was not kept."""

_SETTLED = ", ".join(f"'{rung}'" for rung in SETTLED)
SAID = "ifNull(preference, (score_candidate - score_primary) / 9)"
"""Of a row of `judgements` or `labels_human`: -1 to 1, positive for the candidate; scores are 1 to 10."""
_RUBRIC_AT = (
    "indexOf(arrayZip({judged_candidates:Array(String)}, {judged_experiments:Array(String)}), "
    "(toString(candidate), toString(experiment)))"
)
COUNTS = (
    f"{STARTED} AND isNotNull({SAID}) "
    f"AND (rung IN ({_SETTLED}) OR rubric = {{judged_rubrics:Array(String)}}[{_RUBRIC_AT}])"
)
"""Rows of `judgements` that are looked at: of free rungs, and of judges by the rubric that was used last for their
experiment. With the window's ends and `judged_parameters`."""
_JUDGED = f"SELECT request_id, candidate, avg({SAID}) AS f FROM {tables.JUDGEMENTS.name} FINAL WHERE {COUNTS}"
_BY_PAIR = "GROUP BY request_id, candidate"
_PEOPLE = (
    f"SELECT request_id, candidate, avg({SAID}) AS y FROM {tables.LABELS_HUMAN.name} FINAL "
    f"WHERE {STARTED} AND isNotNull({SAID}) {_BY_PAIR}"
)
_ORDERS_DISAGREE = "max(ifNull(preference_pc * preference_cp < 0, false))"
_JUDGES_DISAGREE = f"(min({SAID}) < 0 AND max({SAID}) > 0)"
_OF_JUDGES: Mapping[str, str] = MappingProxyType(
    {
        "judged": f"countIf(rung NOT IN ({_SETTLED})) > 0",
        "candidate_better": f"avg({SAID}) > 0",
        "primary_better": f"avg({SAID}) < 0",
        "tie": f"avg({SAID}) = 0",
        "disagree": f"({_ORDERS_DISAGREE} OR {_JUDGES_DISAGREE})",
        "orders_disagree": _ORDERS_DISAGREE,
        "judges_disagree": _JUDGES_DISAGREE,
    }
)
VERDICTS: tuple[str, ...] = (*_OF_JUDGES, "not_judged", "labelled", "people_disagree")
"""What judges and people said. `orders_disagree`: a judge preferred one answer in one order and the other one in the
other; `judges_disagree`: two judges did not prefer the same; `disagree`: either. `people_disagree`: people preferred
another one than judges did. A pair that a free rung settled is a tie."""

_SLOWER = "candidate_total_ms - primary_total_ms"
_DEARER = "toFloat64(candidate_cost_usd - primary_cost_usd)"
_LONGER = "toFloat64(toInt64(candidate_chars) - toInt64(primary_chars))"
NEWEST = "newest"
_BY_VALUE: Mapping[str, str] = MappingProxyType(
    {
        "latency": f"abs({_SLOWER})",
        "slower": _SLOWER,
        "faster": f"-({_SLOWER})",
        "cost": f"abs({_DEARER})",
        "dearer": _DEARER,
        "cheaper": f"-({_DEARER})",
        "length": f"abs({_LONGER})",
        "longer": _LONGER,
        "shorter": f"-({_LONGER})",
    }
)
_BY_VERDICT: Mapping[str, str] = MappingProxyType({"worst": f"-avg({SAID})", "best": f"avg({SAID})"})
SORTS: tuple[str, ...] = (NEWEST, *_BY_VALUE, *_BY_VERDICT)
"""Largest first. `latency`, `cost`, `length`: the difference either way; the words after each: of the candidate against
the primary. `worst`, `best`: of the candidate, as judges see it. Where the value is unknown a pair is not listed, nor,
by a difference, where an arm did not answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pairs of a window; all that is named must hold."""

    span: Span
    candidates: tuple[str, ...] = ()
    """Empty: of all."""
    narrowing: Narrowing = field(default_factory=Narrowing)
    conversation: int | None = None
    """As in `pairs.conversation`."""
    outcome: str | None = None
    """One of `OUTCOMES`."""
    answer: str | None = None
    """One of `ANSWERS`."""
    verdict: str | None = None
    """One of `VERDICTS`."""
    sort: str = NEWEST
    """One of `SORTS`."""

    @property
    def is_plain(self) -> bool:
        """Newest first, of some candidates or all: the store has them in this order, and nothing is looked through."""
        return self.sort == NEWEST and self.of_pairs == "1" and self.verdict is None

    @property
    def is_by_verdict(self) -> bool:
        """Is it in an order of judges?"""
        return self.sort in _BY_VERDICT

    @property
    def asks_judges(self) -> bool:
        """Does it depend on what judges said?"""
        return self.is_by_verdict or self.verdict not in {None, "labelled"}

    @property
    def has_value(self) -> str:
        """Condition over `pairs` under which there is something to sort by."""
        return f"{OUTCOMES['ok']} AND isNotNull(value)" if self.sort in _BY_VALUE else "1"

    @property
    def value(self) -> str:
        """What it is sorted by, the largest first: over `pairs`, or over the `judgements` of one pair."""
        return {**_BY_VALUE, **_BY_VERDICT}.get(self.sort, "0.")

    @property
    def of_pairs(self) -> str:
        """Condition over `pairs`, but for time, candidate and verdicts."""
        said = [] if self.narrowing.is_all else [self.narrowing.condition(of_pairs=True)]
        said += [] if self.conversation is None else ["conversation = {conversation:UInt64}"]
        said += [] if self.outcome is None else [OUTCOMES[self.outcome]]
        said += [] if self.answer is None else [ANSWERS[self.answer]]
        return " AND ".join(said) or "1"

    @property
    def of_group(self) -> str:
        """What the verdict asks for of a pair's rows of `judgements`, as far as they alone can say it."""
        return _OF_JUDGES.get(self.verdict or "", "1")

    @property
    def of_others(self) -> str:
        """Condition over the rows of one window by all that was said of their pairs."""
        key = "(request_id, candidate)"
        if self.verdict is None:
            return "1"
        if self.verdict == "not_judged":
            return f"{key} GLOBAL NOT IN (SELECT request_id, candidate FROM ({_JUDGED} {_BY_PAIR}))"
        if self.verdict == "labelled":
            return f"{key} GLOBAL IN (SELECT request_id, candidate FROM ({_PEOPLE}))"
        if self.verdict == "people_disagree":
            both = (
                f"SELECT j.request_id, j.candidate FROM ({_JUDGED} {_BY_PAIR}) AS j GLOBAL INNER JOIN ({_PEOPLE}) AS p "
                "ON j.request_id = p.request_id AND j.candidate = p.candidate WHERE j.f * p.y < 0"
            )
            return f"{key} GLOBAL IN ({both})"
        return f"{key} GLOBAL IN (SELECT request_id, candidate FROM ({_JUDGED} {_BY_PAIR} HAVING {self.of_group}))"

    @property
    def is_of_group(self) -> bool:
        """Does `of_group` say all that `of_others` does?"""
        return self.verdict is None or self.verdict in _OF_JUDGES

    def parameters(self) -> dict[str, Any]:
        """Of `of_pairs`."""
        of_conversation = {} if self.conversation is None else {"conversation": self.conversation}
        return {**self.narrowing.parameters(), **of_conversation}


def judged_parameters(judged: Mapping[tuple[str, str], JudgedUnder]) -> dict[str, Any]:
    """Of `COUNTS`, from `store.judged.judged_rubric`."""
    return {
        "judged_candidates": [candidate for candidate, _ in judged],
        "judged_experiments": [experiment for _, experiment in judged],
        "judged_rubrics": [under.rubric for under in judged.values()],
    }
