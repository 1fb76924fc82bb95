"""All metrics of one candidate: their estimates, and the rows made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.estimation import estimate
from analyzer.figures import Compared
from analyzer.inference import MIN_GROUPS, Asked, Inferred, compare, with_missing
from analyzer.integrity import estimates as token_estimates
from analyzer.integrity.missing import worst_shift
from analyzer.integrity.results import Missing
from analyzer.metrics import Metric, named
from analyzer.needed import needed
from analyzer.plan import Plan
from analyzer.quality.corrected import PLANNED_LABELS, label_groups
from analyzer.quality.needed import labels_needed
from analyzer.results import Comparison, Role
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence, combined
from config.policy import MetricRule

Key = tuple[str, str]
"""(metric, estimand)"""
ALONE = "an agreement of both arms; how far the primary agrees with itself is not known without a control leg"


@dataclass(frozen=True, slots=True)
class Rates:
    """What more pairs cost, and how fast they come. Unknown is None."""

    usd_per_pair: float | None
    pairs_per_second: float | None


def rules(plan: Plan) -> Mapping[Key, tuple[Role, MetricRule]]:
    """What the policy says of each metric; a metric without a rule decides nothing."""
    if plan.policy is None:
        return {}
    declared: list[tuple[Role, MetricRule]] = [("primary", rule) for rule in plan.policy.primary_metrics]
    declared += [("guardrail", rule) for rule in plan.policy.guardrails]
    found: dict[Key, tuple[Role, MetricRule]] = {}
    for role, rule in declared:
        metric = named(plan.metrics, rule.metric, rule.estimand)
        if metric is not None:
            found.setdefault(metric.key, (role, rule))
    return found


def asked_of(plan: Plan, metric: Metric) -> Asked:
    """How a metric's statement is to be made."""
    asked = Asked(plan.kind, plan.level, plan.planned_pairs)
    if metric.estimand == "corrected":
        asked = replace(asked, planned=PLANNED_LABELS, counted="labels")
    found = rules(plan).get(metric.key)
    return asked if found is None else replace(asked, role=found[0], rule=found[1])


def estimates_of(metrics: Sequence[Metric], compared: Compared | None) -> dict[Key, Estimate]:
    """Those that there are."""
    if compared is None:
        return {}
    return {metric.key: found for metric in metrics if (found := estimate(metric, compared)) is not None}


@dataclass(frozen=True, slots=True)
class Basis:
    """What one candidate's rows are made from."""

    mine: Mapping[Key, Estimate]
    control: Mapping[Key, Estimate]
    """Of the control leg; empty without one, and for the control itself."""
    compared: Compared | None
    """None without pairs."""
    lost: Missing


def rows_of(plan: Plan, basis: Basis) -> tuple[Comparison, ...]:
    """One row per metric."""
    rates = rates_of(basis.mine, basis.compared)
    return tuple(_row(plan, metric, basis, rates) for metric in plan.metrics)


def rates_of(mine: Mapping[Key, Estimate], compared: Compared | None) -> Rates:
    """From the pairs that there are."""
    cost = mine.get(("cost_usd", "mean"))
    if compared is None:
        return Rates(None, None)
    e = compared.experiment
    seconds = (e.last - e.first).total_seconds()
    return Rates(None if cost is None else cost.candidate, e.pairs / seconds if seconds > 0 else None)


def _row(plan: Plan, metric: Metric, basis: Basis, rates: Rates) -> Comparison:
    found, asked = basis.mine.get(metric.key), asked_of(plan, metric)
    if found is None or basis.compared is None:
        return compare(metric, found, asked).row
    against = basis.control.get(metric.key) if metric.measure.joint else None
    if metric.measure.joint:
        found = replace(found, obstacle=ALONE) if against is None else difference_of(against, found)
    inferred = compare(metric, found, asked)
    if against is not None:
        inferred = replace(inferred, row=_as_scarce(inferred.row, against))
    row = _level_only(inferred) if metric.measure.joint and found.primary is None else inferred.row
    row = with_missing(row, worst_shift(metric, found, basis.compared, basis.lost))
    row = token_estimates.checked(row, basis.compared.experiment)
    if metric.estimand == "corrected":
        blocks, clusters = label_groups(metric.name, basis.compared.quality)
        return replace(row, blocks=blocks, clusters=clusters, needed=labels_needed(row, inferred.error))
    return replace(
        row,
        needed=needed(
            row,
            inferred.error,
            rare=inferred.rare,
            planned=plan.planned_pairs,
            recorded=basis.compared.experiment.pairs,
            usd_per_pair=rates.usd_per_pair,
            pairs_per_second=rates.pairs_per_second,
        ),
    )


def _as_scarce(row: Comparison, against: Estimate) -> Comparison:
    """What a policy demands of time blocks and conversations, it demands of both sides."""
    blocks, clusters = min(row.blocks, against.blocks.groups), min(row.clusters, against.buckets.groups)
    return replace(row, blocks=blocks, clusters=clusters)


def _level_only(inferred: Inferred) -> Comparison:
    return replace(inferred.row, difference=None)


def difference_of(first: Estimate, second: Estimate) -> Estimate:
    """`second` minus `first`: of two candidates, or of a candidate and the control, on the same requests.

    Both are compared with the primary in the same time blocks and conversations, so what moves both alike cancels
    group by group; no request has to be found in both.
    """
    levels = (_level(first.primary_blocks, first.blocks), _level(first.primary_buckets, first.buckets))
    return Estimate(
        min(first.n, second.n),
        first.candidate,
        second.candidate,
        second.difference - first.difference,
        None,
        combined([(1.0, second.blocks), (-1.0, first.blocks)]),
        combined([(1.0, second.buckets), (-1.0, first.buckets)]),
        obstacle=first.obstacle or second.obstacle or _in_few_groups(first, second),
        least=first.least,
        doubt=first.doubt or second.doubt,
        primary_blocks=levels[0],
        primary_buckets=levels[1],
    )


def _level(primary: Influence | None, difference: Influence) -> Influence:
    """On an arm's own level; an agreement's is all that there is."""
    return difference if primary is None else combined([(1.0, primary), (1.0, difference)])


def _in_few_groups(*sides: Estimate) -> str | None:
    """Groups of both sides together say nothing of how well the scarcer one is known."""
    for groups, what in (
        (min(side.blocks.groups for side in sides), "time blocks"),
        (min(side.buckets.groups for side in sides), "groups of conversations"),
    ):
        if groups < MIN_GROUPS:
            return f"one side has pairs in {groups} {what}; an interval needs {MIN_GROUPS}"
    return None
