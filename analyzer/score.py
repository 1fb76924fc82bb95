"""Quality, cost and latency weighed together: one number, 0.5 where the candidate is as good as the primary.

    quality   the judges' win rate w (ties count half)                       0.5: as many wins as losses
    cost      0.5 - (c - p) / (2 p), c and p the arms' mean cost             1: free; 0: twice as dear, or more
    latency   the same of the mean time to the last byte                     1: no time; 0: twice as long, or longer

Its error is that of the delta method: with the difference d = c - p, a part's influence value is
-(psi_d - (d / p) psi_p) / (2 p), and those of the parts are added up group by group with their weights, over time
blocks and over conversation buckets; the wider error counts. So parts that move together are not taken for independent.
At an end of its range a part cannot move further out: there the error is taken with it and without it, and the wider
one counts. Judges' scores on a scale are no win rate, and are not taken for one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.inference import MIN_GROUPS, MIN_PAIRS
from analyzer.results import Kind, Score
from analyzer.stats import anytime, interval
from analyzer.stats.anytime import Horizon, least_pairs
from analyzer.stats.blocks import block_error, wider
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence, combined
from analyzer.stats.interval import Interval
from analyzer.stats.robust import StandardError, robust_error
from config.policy import Policy, Weights

Terms = list[tuple[float, Influence]]
"""(weight, influence): what moves a part."""


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    weight: float
    value: float
    """0 to 1."""
    is_at_end: bool
    n: int
    blocks: Terms
    buckets: Terms


def score(
    estimates: Mapping[tuple[str, str], Estimate], policy: Policy, kind: Kind, level: float, planned: int
) -> Score | str | None:
    """The score of one candidate.

    Args:
        estimates: by (metric, estimand).
        policy: with weights; parts that weigh nothing are not asked for.
        kind: of the interval.
        level: of the interval.
        planned: n* of anytime intervals.

    Returns:
        A text says why there is no score; None: none was asked for.
    """
    if policy.weights is None:
        return None
    parts: list[_Part] = []
    for name, weight, metric in _asked(policy.weights):
        made = _part(name, weight, " ".join(metric), estimates.get(metric))
        if isinstance(made, str):
            return made
        parts.append(made)
    least = least_pairs(planned) if kind == "anytime" else MIN_PAIRS
    scarce = min(parts, key=lambda part: part.n)
    if scarce.n < least:
        return f"{scarce.n:,} pairs say something of {scarce.name}; a score needs {least:,}"
    error = _error(parts, level)
    if error is None:
        return f"a score needs pairs in {MIN_GROUPS} time blocks and {MIN_GROUPS} groups of conversations"
    if error.value == 0.0:
        return "all pairs say the same; there is no spread to judge by"
    value = sum(part.weight * part.value for part in parts)
    around = _interval(value, error, kind, level, Horizon(scarce.n, planned))
    shown = tuple((part.name, part.weight, part.value) for part in parts)
    return Score(value, max(around.low, 0.0), min(around.high, 1.0), shown)


def _asked(weights: Weights) -> list[tuple[str, float, tuple[str, str]]]:
    every = [
        ("quality", weights.quality, ("win_rate", "win_rate")),
        ("cost", weights.cost, ("cost_usd", "mean")),
        ("latency", weights.latency, ("total_ms", "mean")),
    ]
    return [part for part in every if part[1] > 0]


def _part(name: str, weight: float, label: str, estimate: Estimate | None) -> _Part | str:
    if estimate is None:
        return "no pair has been judged, so quality is not known" if name == "quality" else f"{name} is not known"
    if estimate.obstacle is not None:
        return f"{name} ({label}): {estimate.obstacle}"
    if estimate.candidate is None or not math.isfinite(estimate.candidate):
        return f"{name} ({label}) has no level"
    if name == "quality":
        terms = [(weight, estimate.blocks)], [(weight, estimate.buckets)]
        return _Part(name, weight, min(max(estimate.candidate, 0.0), 1.0), False, estimate.n, *terms)
    return _relative(name, weight, label, estimate)


def _relative(name: str, weight: float, label: str, estimate: Estimate) -> _Part | str:
    """As good as the primary is 0.5."""
    primary = estimate.primary
    if primary is None or not math.isfinite(primary) or primary <= 0:
        return f"{name} ({label}) of the primary is 0 or unknown, so nothing can be a share of it"
    if estimate.primary_blocks is None or estimate.primary_buckets is None:
        return f"{name} ({label}): how much the primary itself varies is not known"
    relative = estimate.difference / primary
    by_difference, by_primary = -weight / (2 * primary), weight * relative / (2 * primary)
    return _Part(
        name,
        weight,
        min(max(0.5 - relative / 2, 0.0), 1.0),
        abs(relative) >= 1,
        estimate.n,
        [(by_difference, estimate.blocks), (by_primary, estimate.primary_blocks)],
        [(by_difference, estimate.buckets), (by_primary, estimate.primary_buckets)],
    )


def _error(parts: Sequence[_Part], level: float) -> StandardError | None:
    """The widest: over blocks and over buckets, with parts at an end of their range and without."""
    inner = [part for part in parts if not part.is_at_end]
    errors = []
    for some in (parts, inner) if inner and len(inner) < len(parts) else (parts,):
        blocks = combined([term for part in some for term in part.blocks])
        buckets = combined([term for part in some for term in part.buckets])
        if min(blocks.groups, buckets.groups) < MIN_GROUPS:
            return None
        errors += [block_error(blocks, minimum=MIN_GROUPS, level=level), robust_error(buckets)]
    found = wider([error for error in errors if error is not None], level)
    return found if found is not None and math.isfinite(found.value) else None


def _interval(value: float, error: StandardError, kind: Kind, level: float, horizon: Horizon) -> Interval:
    if kind == "fixed":
        return interval.two_sided(value, error, level)
    return anytime.two_sided(value, error, horizon, level)
