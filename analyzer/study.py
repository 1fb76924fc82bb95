"""Every number of a report, computed once and frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from analyzer import estimates, integrity
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
    block_s: float | None = None
    """Length of a time block: while requests are under way, estimates use whole blocks. None: everything there is."""


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
    """All requests that started before it have ended; None when that is not known."""
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
    watermark: datetime | None
    vanished: tuple[str, ...]
    """Workers whose log is not waited for any more."""


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
    facts = _facts(source, plan, now)
    control = _control(facts, plan)
    candidates = [_candidate(name, facts, plan, control) for name in plan.candidates]
    return Study(
        window=plan.window,
        watermark=facts.watermark,
        generated_at=now,
        level=plan.level,
        store_version=source.version(),
        candidates=tuple(_corrected(candidates, len(plan.measures))),
    )


def _facts(source: Source, plan: Plan, now: datetime) -> _Facts:
    wanted = {*plan.candidates, CONTROL}
    by_candidate: dict[str, list[Experiment]] = {}
    for experiment in sorted(source.experiments(plan.window), key=lambda e: (e.last, e.id)):
        if experiment.candidate in wanted:
            by_candidate.setdefault(experiment.candidate, []).append(experiment)
    latest = [experiments[-1] for experiments in by_candidate.values()]
    states = source.states(plan.window)
    complete: datetime | None = min(plan.window.until, now)
    whole, vanished = plan.window, tuple[str, ...]()
    if any(_under_way(name, by_candidate, states) for name in plan.candidates):
        mark = source.watermark(now)
        complete, vanished = None if mark.at is None else min(plan.window.until, mark.at), mark.vanished
        whole = _whole_blocks(plan, complete)
    return _Facts(
        by_candidate,
        states,
        source.requests_per_conversation(plan.window),
        source.sums(whole, latest, plan.measures) if latest else {},
        complete,
        vanished,
    )


def _under_way(
    name: str, experiments: Mapping[str, Sequence[Experiment]], states: Mapping[str, Mapping[str, int]]
) -> bool:
    pairs = sum(e.pairs for e in experiments.get(name, ()))
    return integrity.states_with_rows(states.get(name, {}), pairs).get(State.OPEN, 0) > 0


def _whole_blocks(plan: Plan, complete: datetime | None) -> Window:
    """The blocks that no more pairs will come to: in the others the slow ones are missing still."""
    window = plan.window
    if plan.block_s is None or complete is None:
        return window
    block_us = round(plan.block_s * 1e6)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    complete_us = (complete - epoch) // timedelta(microseconds=1)
    end = epoch + timedelta(microseconds=complete_us - complete_us % block_us)
    return Window(window.since, max(window.since, min(window.until, end)))


def _control(facts: _Facts, plan: Plan) -> Control | None:
    experiments = facts.experiments.get(CONTROL)
    if not experiments:
        return None
    return integrity.control(experiments[-1], _comparisons(experiments[-1], facts, plan))


def _comparisons(experiment: Experiment | None, facts: _Facts, plan: Plan) -> tuple[Comparison, ...]:
    if experiment is None:
        return tuple(compare(m, None, level=plan.level) for m in plan.measures)
    sums = facts.sums.get((experiment.candidate, experiment.id), {})
    rows = (compare(m, sums.get(m.metric), level=plan.level) for m in plan.measures)
    return tuple(estimates.checked(row, experiment) for row in rows)


def _candidate(name: str, facts: _Facts, plan: Plan, control: Control | None) -> CandidateStudy:
    experiments = facts.experiments.get(name, [])
    latest = experiments[-1] if experiments else None
    counted = facts.states.get(name, {})
    states = integrity.states_with_rows(counted, sum(e.pairs for e in experiments))
    ratio = integrity.sample_ratio(counted, experiments, facts.requests_per_conversation.get(name))
    lost = integrity.missing(counted)
    said = integrity.warnings(ratio, lost, control, experiments, states)
    return CandidateStudy(
        name=name,
        experiment=latest.id if latest else None,
        pairs=latest.pairs if latest else 0,
        first=latest.first if latest else None,
        last=latest.last if latest else None,
        states=states,
        integrity=Integrity(ratio, lost, control, (*said, *_vanished(facts.vanished))),
        comparisons=_comparisons(latest, facts, plan),
        decision="wait",
        reasons=_reasons(latest),
    )


def _vanished(workers: Sequence[str]) -> tuple[str, ...]:
    if not workers:
        return ()
    named = ", ".join(workers)
    return (f"nothing was heard of the capture log of {named} for over an hour: its last requests may be missing",)


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
