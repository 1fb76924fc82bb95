"""One metric of one candidate: estimate, interval and verdict, or the reason why there is none."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.measures import Measure
from analyzer.source import Grouped
from analyzer.stats.blocks import block_error, wider
from analyzer.stats.influence import Influence
from analyzer.stats.interval import Interval, lower_bound, p_differs, two_sided, upper_bound
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.multiple import holm
from analyzer.stats.ratio import MIN_DENOMINATOR_Z, RatioSums, ratio_difference, ratio_influence
from analyzer.stats.robust import StandardError, robust_error
from analyzer.stats.unanimous import least_share, p_by_chance
from analyzer.verdict import Evidence, Verdict, verdict

MIN_PAIRS = 30
"""Below this a t interval of skewed values (latency, cost) is not to be trusted."""
MIN_GROUPS = 10
"""Time blocks, and conversation buckets: with fewer, the error itself is hardly known."""
MIN_DISCORDANT = 10
"""Pairs that differ in a rate: with fewer, the difference of two proportions is not near normal."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The one-sided bound that a decision would use: how much worse the candidate may be, at most."""

    side: str
    """`upper` where lower is better, else `lower`."""
    value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row of a report. Unknown is None; `reason` says why."""

    measure: Measure
    level: float
    n: int
    """Pairs that count."""
    blocks: int
    """Time blocks with such pairs."""
    primary: float | None = None
    candidate: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    bound: Bound | None = None
    margin: float | None = None
    design_effect: float | None = None
    """How much dependence widens the squared error over that of independent pairs."""
    p_value: float | None = None
    p_adjusted: float | None = None
    """Holm, over the candidates of the report; in the control leg, over its metrics."""
    verdict: Verdict = Verdict.UNDECIDED
    reason: str | None = None
    """Why undecided."""
    method: str = ""

    @property
    def relative(self) -> float | None:
        """Difference as a share of the primary's value; None when that is unknown or 0."""
        return self.difference / abs(self.primary) if self.difference is not None and self.primary else None


@dataclass(frozen=True, slots=True)
class _Estimate:
    """Of either kind, before its uncertainty."""

    n: int
    primary: float
    candidate: float
    difference: float
    independent_error: float | None
    blocks: Influence
    buckets: Influence
    obstacle: str | None
    """What forbids an interval."""


def compare(measure: Measure, sums: Grouped | None, *, level: float, margin: float | None = None) -> Comparison:
    """Compares both arms.

    Args:
        measure: the metric.
        sums: of the pairs that count; None when there are none.
        level: of the two-sided interval and of the one-sided bound, 0 to 1.
        margin: how much worse is still acceptable, in the metric's unit; None when nothing was declared.
    """
    estimate = None if sums is None else _estimate(measure, sums)
    if estimate is None or sums is None:
        return Comparison(measure, level, 0, 0, margin=margin, reason=_nothing(measure))
    row = Comparison(
        measure,
        level,
        estimate.n,
        estimate.blocks.groups,
        primary=None if measure.joint else estimate.primary,
        candidate=estimate.candidate,
        difference=None if measure.joint else estimate.difference,
        margin=margin,
    )
    if measure.joint:
        return dataclasses.replace(row, reason="an agreement of both arms; compare it with the control's")
    obstacle = estimate.obstacle or _too_little(estimate)
    error = None if obstacle else _error(estimate, level)
    if error is None:
        return dataclasses.replace(row, reason=obstacle or "the error cannot be estimated")
    return _decided(row, estimate, error)


def adjusted(rows: Sequence[Comparison]) -> list[Comparison]:
    """The same rows with Holm's p-values over them; rows without a p-value ask nothing."""
    asked = [i for i, row in enumerate(rows) if row.p_value is not None]
    values = holm([p for row in rows if (p := row.p_value) is not None])
    result = list(rows)
    for i, p in zip(asked, values, strict=True):
        result[i] = dataclasses.replace(rows[i], p_adjusted=p)
    return result


def _estimate(measure: Measure, sums: Grouped) -> _Estimate | None:
    if isinstance(sums.blocks, PairedSums) and isinstance(sums.buckets, PairedSums):
        return _mean(measure, sums.blocks, sums.buckets)
    if isinstance(sums.blocks, RatioSums) and isinstance(sums.buckets, RatioSums):
        return _ratio(sums.blocks, sums.buckets)
    raise TypeError("blocks and buckets hold sums of different kinds")


def _mean(measure: Measure, blocks: PairedSums, buckets: PairedSums) -> _Estimate | None:
    mean = paired_mean(blocks)
    if mean is None:
        return None
    return _Estimate(
        mean.n,
        mean.primary,
        mean.candidate,
        mean.difference,
        mean.independent_error,
        blocks.influence(),
        buckets.influence(),
        _too_few_discordant(measure, mean.n, mean.difference, mean.independent_error),
    )


def _ratio(blocks: RatioSums, buckets: RatioSums) -> _Estimate | None:
    ratio = ratio_difference(blocks)
    if ratio is None:
        return None
    steady = ratio.denominator_z >= MIN_DENOMINATOR_Z
    return _Estimate(
        ratio.n,
        ratio.primary,
        ratio.candidate,
        ratio.difference,
        ratio.independent_error,
        ratio_influence(blocks),
        ratio_influence(buckets),
        None if steady else "the denominator is too uncertain yet",
    )


def _too_few_discordant(measure: Measure, n: int, difference: float, error: float | None) -> str | None:
    """Of a rate, pairs in which just one arm counts: their number is the sum of d^2, as d is -1, 0 or 1."""
    if measure.estimand != "rate" or error is None:
        return None
    discordant = round(error**2 * n * (n - 1) + n * difference**2)
    if discordant >= MIN_DISCORDANT:
        return None
    return f"the arms differ in {discordant} pairs; a verdict needs {MIN_DISCORDANT}"


def _too_little(estimate: _Estimate) -> str | None:
    if estimate.n < MIN_PAIRS:
        return f"{estimate.n} pairs count; a verdict needs {MIN_PAIRS}"
    if estimate.blocks.groups < MIN_GROUPS:
        return f"{estimate.blocks.groups} time blocks; a verdict needs {MIN_GROUPS}"
    if estimate.buckets.groups < MIN_GROUPS:
        return f"{estimate.buckets.groups} groups of conversations; a verdict needs {MIN_GROUPS}"
    return None


def _error(estimate: _Estimate, level: float) -> StandardError | None:
    """The wider of both: over blocks of time, and over whole conversations."""
    over_time = block_error(estimate.blocks, minimum=MIN_GROUPS, level=level)
    over_conversations = robust_error(estimate.buckets)
    return wider([error for error in (over_time, over_conversations) if error is not None], level)


def _decided(row: Comparison, estimate: _Estimate, error: StandardError) -> Comparison:
    # Rounding leaves a trace where all differences are equal; against their size it is nothing.
    if not math.isfinite(error.value) or error.value <= 1e-12 * abs(estimate.difference):
        return _without_spread(row, estimate)
    difference = estimate.difference
    evidence = Evidence(
        two_sided(difference, error, row.level),
        lower_bound(difference, error, row.level),
        upper_bound(difference, error, row.level),
    )
    effect = (error.value / estimate.independent_error) ** 2 if estimate.independent_error else None
    told = _told(row, evidence, p_differs(difference, error), _method(row.measure, error))
    return dataclasses.replace(told, design_effect=effect)


def _without_spread(row: Comparison, estimate: _Estimate) -> Comparison:
    """A rate in which only one arm ever counts is decided by exact limits; anything else by nothing."""
    if row.measure.estimand != "rate" or round(abs(estimate.difference), 9) != 1:
        return dataclasses.replace(row, reason="all pairs differ by the same; there is no spread to judge by")
    units = min(estimate.blocks.groups, estimate.buckets.groups)
    two, one = (2 * least_share(units, level) - 1 for level in (0.5 + row.level / 2, row.level))
    if estimate.difference > 0:
        evidence = Evidence(Interval(two, 1.0), one, 1.0)
    else:
        evidence = Evidence(Interval(-1.0, -two), -1.0, -one)
    method = f"every pair differs in the same direction; exact binomial limits over {units} groups; valid for one look"
    return _told(row, evidence, p_by_chance(units), method)


def _told(row: Comparison, evidence: Evidence, p_value: float, method: str) -> Comparison:
    better = row.measure.better
    word = Verdict.UNDECIDED if better is None else verdict(evidence, better, row.margin)
    upper, lower = Bound("upper", evidence.upper_bound), Bound("lower", evidence.lower_bound)
    return dataclasses.replace(
        row,
        interval=evidence.interval,
        bound=None if better is None else upper if better == "lower" else lower,
        p_value=p_value,
        verdict=word,
        reason=_why_undecided(row, word),
        method=method,
    )


def _why_undecided(row: Comparison, word: Verdict) -> str | None:
    if word is not Verdict.UNDECIDED:
        return None
    if row.measure.better is None:
        return "neither direction is better by itself"
    return "the interval holds 0" if row.margin is None else "the interval holds 0 and reaches the margin"


def _nothing(measure: Measure) -> str:
    return f"no pair has a known {measure.metric}" + ("" if measure.joint else " in both arms")


def _method(measure: Measure, error: StandardError) -> str:
    what = "difference of two ratios of sums (delta method)" if measure.per else "mean of paired differences"
    return (
        f"{what}; fixed-horizon t interval, {error.kind} error over {error.groups} groups, "
        f"{error.degrees:.0f} degrees of freedom, the wider of time blocks and conversations; valid for one look"
    )
