"""Every number of a report, computed once, from figures and from nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from analyzer.decision import decide
from analyzer.figures import Compared, Figures
from analyzer.inference import Asked, compare
from analyzer.integrity.missing import missing
from analyzer.integrity.states import states_with_rows
from analyzer.integrity.summary import assess
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.quality.summary import quality
from analyzer.results import Between, CandidateStudy, Comparison, Study
from analyzer.rows import Basis, Key, asked_of, difference_of, estimates_of, rows_of, rules
from analyzer.score import score
from analyzer.segments import segments
from analyzer.stats.estimate import Estimate
from analyzer.stats.multiple import holm
from analyzer.surroundings.drift import drift
from analyzer.surroundings.fairness import fairness
from analyzer.surroundings.interference import interference
from record.pair import CONTROL

Estimates = Mapping[Key, Estimate]


@dataclass(frozen=True, slots=True)
class _Control:
    """The primary against itself."""

    estimates: Estimates
    rows: tuple[Comparison, ...]


def study(figures: Figures, plan: Plan) -> Study:
    """Computes the report; equal figures and plans give equal studies.

    Args:
        figures: from `gathering.gather`, or from a verdict file.
        plan: what was asked.
    """
    control = _control(figures, plan)
    real = [name for name in plan.candidates if name != CONTROL]
    estimates = {name: estimates_of(plan.metrics, figures.compared.get(name)) for name in real}
    studies = [_candidate(name, figures, plan, estimates[name], control) for name in real]
    decided = decide(_corrected(studies), plan.policy, level=plan.level, kind=plan.kind)
    shown = [name for name in real if plan.shown is None or name in plan.shown]
    return Study(
        asked=figures.asked,
        window=figures.window,
        watermark=figures.watermark,
        generated_at=figures.generated_at,
        level=plan.level,
        kind=plan.kind,
        planned_pairs=plan.planned_pairs,
        policy=plan.policy,
        store_version=figures.store_version,
        candidates=tuple(c for c in decided if c.name in shown),
        control=_candidate(CONTROL, figures, plan, control.estimates, control) if control.rows else None,
        between=_between(shown, estimates, plan),
        segments=tuple(s for name in shown if name in figures.compared for s in segments(figures.compared[name], plan)),
        notes=figures.notes,
    )


def _control(figures: Figures, plan: Plan) -> _Control:
    compared = figures.compared.get(CONTROL)
    if compared is None:
        return _Control({}, ())
    estimates = estimates_of(plan.metrics, compared)
    basis = Basis(estimates, {}, compared, missing(figures.states.get(CONTROL, {})))
    return _Control(estimates, rows_of(plan, basis))


def _candidate(name: str, figures: Figures, plan: Plan, mine: Estimates, control: _Control) -> CandidateStudy:
    compared = figures.compared.get(name)
    experiments = figures.experiments.get(name, ())
    counted = figures.states.get(name, {})
    lost = missing(counted)
    is_control = name == CONTROL
    rows = control.rows if is_control else rows_of(plan, Basis(mine, control.estimates, compared, lost))
    latest = experiments[-1] if experiments else None
    made = CandidateStudy(
        name=name,
        experiment=latest.id if latest else None,
        pairs=latest.pairs if latest else 0,
        first=latest.first if latest else None,
        last=latest.last if latest else None,
        states=states_with_rows(counted, sum(e.pairs for e in experiments)),
        integrity=assess(name, figures, plan, () if is_control else control.rows, _targets(plan, rows)),
        comparisons=rows,
    )
    if compared is None:
        return made
    scored = None if plan.policy is None else score(mine, plan.policy, plan.kind, plan.level, plan.planned_pairs)
    witness = None if is_control else figures.compared.get(CONTROL)
    return replace(
        made,
        score=None if isinstance(scored, str) else scored,
        score_reason=scored if isinstance(scored, str) else None,
        interference=interference(compared.surroundings, plan.level, plan.kind),
        fairness=fairness(compared.surroundings, plan.level),
        drift=drift(compared, witness, mine, plan.level),
        quality=None if is_control else quality(name, _real(figures), rows, _asked(plan)),
    )


def _real(figures: Figures) -> Mapping[str, Compared]:
    """Candidates; the control is none."""
    return {name: of for name, of in figures.compared.items() if name != CONTROL}


def _asked(plan: Plan) -> Asked:
    """Of statements that no rule is about."""
    return Asked(plan.kind, plan.level, plan.planned_pairs)


def _targets(plan: Plan, rows: Sequence[Comparison]) -> list[tuple[Metric, float | None]]:
    """Metrics that the control has to be equivalent in, with their margins: what decides, else all that could."""
    declared = rules(plan)
    return [
        (row.metric, row.margin)
        for row in rows
        if not row.metric.measure.joint and row.metric.measure.origin != "judgements"
        if (row.metric.key in declared if declared else row.metric.better is not None and _is_asked(row))
    ]


def _is_asked(row: Comparison) -> bool:
    """A metric of texts that nobody has scored says nothing of the control either."""
    return row.n > 0 or row.metric.measure.origin != "scores"


def _corrected(studies: Sequence[CandidateStudy]) -> list[CandidateStudy]:
    """Holm over the candidates, metric by metric."""
    columns = [adjusted(rows) for rows in zip(*(s.comparisons for s in studies), strict=True)]
    return [replace(s, comparisons=tuple(column[k] for column in columns)) for k, s in enumerate(studies)]


def adjusted(rows: Sequence[Comparison]) -> list[Comparison]:
    """The same rows with Holm's p-values over them; rows without a p-value ask nothing."""
    asked = [i for i, row in enumerate(rows) if row.p_value is not None]
    values = holm([p for row in rows if (p := row.p_value) is not None])
    result = list(rows)
    for i, p in zip(asked, values, strict=True):
        result[i] = replace(rows[i], p_adjusted=p)
    return result


def _between(names: Sequence[str], estimates: Mapping[str, Estimates], plan: Plan) -> tuple[Between, ...]:
    """Candidates with each other; samples are nested, so they saw the same requests."""
    return tuple(
        Between(first, second, _compared(estimates[first], estimates[second], plan))
        for first, second in combinations(names, 2)
        if estimates[first] and estimates[second]
    )


def _compared(first: Estimates, second: Estimates, plan: Plan) -> tuple[Comparison, ...]:
    both = [m for m in plan.metrics if m.key in first and m.key in second]
    return tuple(
        compare(m, difference_of(first[m.key], second[m.key]), replace(asked_of(plan, m), role="other", rule=None)).row
        for m in both
    )
