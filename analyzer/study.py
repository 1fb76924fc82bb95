"""Every number of a report, computed once and frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from analyzer import integrity
from analyzer.comparison import Comparison, adjusted, compare
from analyzer.integrity import Control, Integrity
from analyzer.measures import MEASURES, Measure
from analyzer.source import Experiment, Grouped, Source, Window
from record.pair import CONTROL
from record.states import State

Decision = Literal["promote", "reject", "wait"]
Sums = Mapping[tuple[str, str], Mapping[str, Grouped]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked."""

    window: Window
    candidates: tuple[str, ...]
    """Names to report, in this order."""
    level: float = 0.95
    measures: tuple[Measure, ...] = MEASURES


@dataclass(frozen=True, slots=True)
class CandidateStudy:
    """One candidate against the primary."""

    name: str
    experiment: str | None
    """None when the window holds no pair."""
    pairs: int
    first: datetime | None
    last: datetime | None
    """Start of the first and of the last pair's request."""
    states: Mapping[str, int]
    integrity: Integrity
    comparisons: tuple[Comparison, ...]
    decision: Decision
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """A report before it has a form."""

    window: Window
    watermark: datetime | None
    """All requests that started before it have ended; None while some are under way."""
    generated_at: datetime
    level: float
    store_version: str
    candidates: tuple[CandidateStudy, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """The store's answers."""

    experiments: Mapping[str, Sequence[Experiment]]
    """Candidate -> its experiments in the window, the latest last."""
    states: Mapping[str, Mapping[str, int]]
    requests_per_conversation: Mapping[str, float]
    sums: Sums


def known_candidates(source: Source, window: Window, configured: Sequence[str] = ()) -> tuple[str, ...]:
    """Configured names first, then others that the window holds something of; the control, which is none, last."""
    found = {e.candidate for e in source.experiments(window)} | set(source.states(window))
    names = [*configured, *sorted(found - set(configured) - {CONTROL})]
    return (*(n for n in names if n != CONTROL), *((CONTROL,) if CONTROL in found else ()))


def study(source: Source, plan: Plan, *, now: datetime) -> Study:
    """Asks the store and computes; reading it twice gives equal studies while nothing is added.

    Args:
        source: answers from one store.
        plan: what to report.
        now: time of the report, UTC.
    """
    facts = _facts(source, plan)
    control = _control(facts, plan)
    candidates = [_candidate(name, facts, plan, control) for name in plan.candidates]
    under_way = sum(c.states.get(State.OPEN, 0) for c in candidates)
    return Study(
        window=plan.window,
        watermark=None if under_way else min(plan.window.until, now),
        generated_at=now,
        level=plan.level,
        store_version=source.version(),
        candidates=tuple(_corrected(candidates, len(plan.measures))),
    )


def _facts(source: Source, plan: Plan) -> _Facts:
    wanted = {*plan.candidates, CONTROL}
    by_candidate: dict[str, list[Experiment]] = {}
    for experiment in sorted(source.experiments(plan.window), key=lambda e: (e.last, e.id)):
        if experiment.candidate in wanted:
            by_candidate.setdefault(experiment.candidate, []).append(experiment)
    latest = [experiments[-1] for experiments in by_candidate.values()]
    return _Facts(
        by_candidate,
        source.states(plan.window),
        source.requests_per_conversation(plan.window),
        source.sums(plan.window, latest, plan.measures) if latest else {},
    )


def _control(facts: _Facts, plan: Plan) -> Control | None:
    experiments = facts.experiments.get(CONTROL)
    if not experiments:
        return None
    return integrity.control(experiments[-1], _comparisons(experiments[-1], facts, plan))


def _comparisons(experiment: Experiment | None, facts: _Facts, plan: Plan) -> tuple[Comparison, ...]:
    sums = {} if experiment is None else facts.sums.get((experiment.candidate, experiment.id), {})
    return tuple(compare(m, sums.get(m.metric), level=plan.level) for m in plan.measures)


def _candidate(name: str, facts: _Facts, plan: Plan, control: Control | None) -> CandidateStudy:
    experiments = facts.experiments.get(name, [])
    latest = experiments[-1] if experiments else None
    counted = facts.states.get(name, {})
    states = integrity.states_with_rows(counted, sum(e.pairs for e in experiments))
    ratio = integrity.sample_ratio(counted, experiments, facts.requests_per_conversation.get(name))
    lost = integrity.missing(counted)
    return CandidateStudy(
        name=name,
        experiment=latest.id if latest else None,
        pairs=latest.pairs if latest else 0,
        first=latest.first if latest else None,
        last=latest.last if latest else None,
        states=states,
        integrity=Integrity(ratio, lost, control, integrity.warnings(ratio, lost, control, experiments, states)),
        comparisons=_comparisons(latest, facts, plan),
        decision="wait",
        reasons=_reasons(latest),
    )


def _reasons(latest: Experiment | None) -> tuple[str, ...]:
    """Without a policy nothing can be promoted or rejected, however clear the numbers are."""
    no_policy = "no policy declared: nothing says which metrics decide and how much worse is acceptable"
    return (no_policy,) if latest else ("no pairs in the window", no_policy)


def _corrected(candidates: Sequence[CandidateStudy], metrics: int) -> list[CandidateStudy]:
    """Holm over the candidates, metric by metric; the control is no candidate and asks nothing."""
    real = [c for c in candidates if c.name != CONTROL] or list(candidates)
    columns = [adjusted([c.comparisons[i] for c in real]) for i in range(metrics)]
    rows = {c.name: tuple(column[k] for column in columns) for k, c in enumerate(real)}
    return [replace(c, comparisons=rows.get(c.name, c.comparisons)) for c in candidates]
