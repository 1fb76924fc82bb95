"""Quantiles of times: found in histograms, mended by exact counts.

The histograms say where a quantile lies to 0.2 %; the source then counts pairs at or below that place exactly, by time
block and conversation bucket. The counts mend the place, and are what its error is made from.
"""

import math
from collections.abc import Mapping

import numpy as np

from analyzer.figures import Compared, CountTable, Histogram
from analyzer.metrics import Metric
from analyzer.stats.estimate import Estimate
from analyzer.stats.histogram import LogHistogram
from analyzer.stats.influence import Influence
from analyzer.stats.moments import floats
from analyzer.stats.quantile import ArmQuantile, BelowCounts, arm_quantile, independent_error, refined
from store.rollups.measures import BY_METRIC
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN

QUANTILE_PAIRS: Mapping[str, int] = {"p50": 200, "p95": 1000, "p99": 5000}
"""Fewer pairs say too little about the density there: n (1 - p) is to be 50 at least (100 for the median)."""


def histogram_of(histogram: Histogram) -> LogHistogram:
    """With the rollups' bins; values in microseconds."""
    return LogHistogram(histogram.bins, histogram.pairs, gamma=GAMMA, zero=ZERO_BIN, beyond=FAILED_BIN)


def arm_quantile_ms(histograms: Mapping[str, Histogram], metric: str, arm: str, p: float) -> ArmQuantile | None:
    """In milliseconds; None where no pair has the metric."""
    histogram = histograms.get(f"{BY_METRIC[metric].prefix}_{arm}")
    found = None if histogram is None else arm_quantile(histogram_of(histogram), p)
    return None if found is None else ArmQuantile(found.value / 1000, found.inverse_density / 1000)


def quantile_difference(metric: Metric, compared: Compared, p: float) -> Estimate | None:
    """The estimate; None when no pair has the metric."""
    primary, candidate = (arm_quantile_ms(compared.histograms, metric.name, arm, p) for arm in ("primary", "candidate"))
    if primary is None or candidate is None:
        return None
    counts = next((c for c in compared.quantiles if (c.at.metric, c.at.share) == (metric.name, p)), None)
    if counts is None:
        return _without_counts(metric, compared, primary, candidate)
    blocks, buckets = _below(counts.blocks), _below(counts.buckets)
    n = float(blocks.n.sum())
    shares = float(blocks.primary.sum()) / n, float(blocks.candidate.sum()) / n, counts.both / n
    exact = (
        refined(primary, counts.at.primary_ms, shares[0], p),
        refined(candidate, counts.at.candidate_ms, shares[1], p),
    )
    least = QUANTILE_PAIRS[metric.estimand]
    return Estimate(
        round(n),
        *exact,
        exact[1] - exact[0],
        independent_error(round(n), shares, primary, candidate),
        blocks.influence(primary, candidate),
        buckets.influence(primary, candidate),
        obstacle=f"{n:,.0f} pairs count; {metric.estimand} needs {least:,}" if n < least else None,
        primary_blocks=blocks.primary_influence(primary),
        primary_buckets=buckets.primary_influence(primary),
    )


def _below(table: CountTable) -> BelowCounts:
    return BelowCounts(
        np.array(table.keys, dtype=np.int64), floats(table.n), floats(table.primary), floats(table.candidate)
    )


def _without_counts(
    metric: Metric, compared: Compared, primary: ArmQuantile, candidate: ArmQuantile
) -> Estimate | None:
    """A quantile that lies among failures, or so near to them that its density cannot be told."""
    keys = np.array([0], dtype=np.int64)
    series = compared.histograms[f"{BY_METRIC[metric.name].prefix}_primary"]
    n = sum(series.pairs)
    nothing = Influence(np.array([float(n)]), np.zeros(1), keys)
    least = QUANTILE_PAIRS[metric.estimand]
    lost = [name for name, arm in (("primary", primary), ("candidate", candidate)) if math.isinf(arm.inverse_density)]
    whose = " and of the ".join(lost) or "arms"
    return Estimate(
        n,
        primary.value if math.isfinite(primary.value) else None,
        candidate.value if math.isfinite(candidate.value) else None,
        math.nan,
        None,
        nothing,
        nothing,
        obstacle=f"{n:,} pairs count; {metric.estimand} needs {least:,}"
        if n < least
        else f"{metric.estimand} of the {whose} lies among failures, or too near to them",
    )
