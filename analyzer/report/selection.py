"""What of a study a reader is shown, and in which order; the same in every form for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.report import words
from analyzer.report.printable import clipped
from analyzer.results import CandidateStudy, Check, Comparison, Segment, Study
from analyzer.verdict import Verdict
from record.pair import CONTROL
from record.states import State

_SHOWN_FIRST = ("received", State.PAIR, State.UNSAMPLED)
_FINDING_ORDER = {"failed": 0, "open": 1, "passed": 2}
MAX_SEGMENTS = 10
"""Rows of a table of segments; programs get all."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why metrics are undecided."""

    reason: str
    titles: tuple[str, ...]


def rows(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Metrics that a table shows: with pairs and two levels; those that the policy declares come first."""
    shown = [row for row in comparisons if row.n and not _is_level(row)]
    return sorted(shown, key=lambda row: words.ROLE_ORDER[row.role])


def has_rules(comparisons: Sequence[Comparison]) -> bool:
    """Does the policy demand something of one of them?"""
    return any(row.require is not None for row in comparisons)


def agreements(candidate: CandidateStudy, control: CandidateStudy | None) -> list[str]:
    """Levels that both arms have together, beside those of the primary with itself where there is a control."""
    own = {row.metric.key: _joint(row) for row in control.comparisons} if control is not None else {}
    said = []
    for row in candidate.comparisons:
        if row.n and _is_level(row):
            noise = own.get(row.metric.key) if candidate.name != CONTROL else None
            unit = row.metric.measure.shown.unit
            beside = "" if noise is None else f"; the primary with itself: {words.value(row.metric, noise)} {unit}"
            said.append(
                f"{words.title(row.metric)}: {words.value(row.metric, _joint(row))} {unit} of {row.n:,}{beside}"
            )
    return said


def undecided(comparisons: Sequence[Comparison]) -> list[Undecided]:
    """One entry per reason; of what the policy declares, its rules say it."""
    by_reason: dict[str, list[str]] = {}
    for row in comparisons:
        if row.verdict is Verdict.UNDECIDED and row.require is None and not _is_level(row):
            is_there = row.n > 0 or row.metric.estimand == "corrected"
            reason = row.reason if is_there else "no pair has it in both arms"
            title = words.title(row.metric) if is_there else row.metric.measure.shown.title
            by_reason.setdefault(reason or "the interval holds 0", []).append(title)
    return [Undecided(reason, tuple(dict.fromkeys(titles))) for reason, titles in by_reason.items()]


def reasons(candidate: CandidateStudy) -> list[str]:
    """Of the decision, without those that a rule says anyway."""
    of_rules = {check.sentence for check in candidate.checks}
    return [reason for reason in candidate.reasons if reason not in of_rules]


def checks(candidate: CandidateStudy) -> list[Check]:
    """What fails first, then what is open."""
    return sorted(candidate.checks, key=lambda check: _FINDING_ORDER[check.finding])


def shown_candidates(study: Study) -> list[CandidateStudy]:
    """The control has a table of its own only when nothing else does."""
    return [*study.candidates] or ([] if study.control is None else [study.control])


def needed(comparisons: Sequence[Comparison]) -> list[str]:
    """`time to last byte, p95: 3,400 more pairs, $12.40, 5 h`; rules of the policy say it themselves."""
    waiting = (row for row in comparisons if row.verdict is Verdict.UNDECIDED and row.n and row.require is None)
    said = ((row, words.needed(row)) for row in waiting)
    return [f"{words.title(row.metric)}: {text}" for row, text in said if text]


def found_segments(study: Study) -> list[Segment]:
    """Those that stand out, the surest first."""
    found = [s for s in study.segments if s.is_found]
    return sorted(found, key=lambda s: 1.0 if s.q_value is None else s.q_value)[:MAX_SEGMENTS]


def segments_sentence(study: Study) -> str:
    """How many were looked at, and what that means."""
    looked = f"{len(study.segments):,} combinations of label, value and metric were searched"
    found = sum(s.is_found for s in study.segments)
    caution = "found by search, they are hints to be tested on new pairs and decide nothing"
    if not found:
        return f"exploratory: {looked}; none stands out after the correction for so many looks"
    more = f", of which {MAX_SEGMENTS} are shown" if found > MAX_SEGMENTS else ""
    stands = "stands" if found == 1 else "stand"
    return f"exploratory: {looked}; {found:,} {stands} out after the correction for so many looks{more}; {caution}"


def states_text(candidate: CandidateStudy) -> str:
    """`1,000 requests received: 100 pairs, 890 unsampled, 10 budget; experiment 6f1a`."""
    states = candidate.states
    experiment = "" if candidate.experiment is None else f"; experiment {clipped(candidate.experiment)}"
    if not states:
        return f"no request was counted{experiment}"
    order = [*(s for s in _SHOWN_FIRST if s in states), *(s for s in states if s not in _SHOWN_FIRST)]
    shown = [s for s in order if s != "received" and (states[s] or s == State.PAIR)]
    said = ", ".join(f"{states[s]:,} {'pairs' if s == State.PAIR and states[s] != 1 else s}" for s in shown)
    received = f"{words.counted(states['received'], 'request')} received: " if "received" in states else ""
    return f"{received}{said}{experiment}"


def score_text(candidate: CandidateStudy) -> str | None:
    """`0.61 (0.55 to 0.67): quality 0.52 x 40 %, ...`; None where no weights were declared."""
    score = candidate.score
    if score is None:
        return None if candidate.score_reason is None else f"not known: {candidate.score_reason}"
    parts = ", ".join(f"{name} {own:.2f} at {words.percent(weight)}" for name, weight, own in score.parts)
    side = "as good as the primary is 0.5, better is more"
    return f"{score.value:.2f} ({score.low:.2f} to {score.high:.2f}; {side}): {parts}"


def _is_level(row: Comparison) -> bool:
    return row.metric.measure.joint and row.difference is None


def _joint(row: Comparison) -> float | None:
    return row.candidate if row.candidate is not None else row.primary
