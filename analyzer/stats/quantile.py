"""The difference of a quantile of two dependent samples, from counts at two thresholds.

Bahadur (1966): a sample quantile moves like the share of values at or below it, divided by the density there. Hence
pair i, with q_c and q_p the quantiles of candidate and primary, adds to their difference

    psi_i = -(1{c_i <= q_c} - p) / f_c + (1{p_i <= q_p} - p) / f_p

whose sum over any group needs two counts. The covariance of the arms is kept, and so is that of pairs in one group
(Deng, Knoblich and Lu 2018). 1/f comes from order statistics: the spread between the values at ranks
np -+ z sqrt(np(1 - p)), over the share of values between them. Failures are larger than every value, so a quantile
exists while fewer than 1 - p of an arm fail.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats.histogram import LogHistogram
from analyzer.stats.influence import Influence, IntArray
from analyzer.stats.moments import FloatArray


def quantile_rank(n: int, p: float) -> int:
    """Of the smallest value with at least a share p at or below it (type 1 of Hyndman and Fan 1996); from 1."""
    # n p may be a whole number that rounding lifts a little above itself.
    return max(1, math.ceil(n * p - 1e-9 * n))


def order_ranks(n: int, p: float, z: float) -> tuple[int, int]:
    """Ranks around the quantile: floor(np - z sqrt(np(1-p))) and ceil(np + z sqrt(np(1-p))) + 1, within 1 to n."""
    spread = z * math.sqrt(n * p * (1 - p))
    return max(1, math.floor(n * p - spread)), min(n, math.ceil(n * p + spread) + 1)


def inverse_density(low: float, high: float, ranks: tuple[int, int], n: int) -> float:
    """1 / f at the quantile, from the values at two ranks around it."""
    return (high - low) / ((ranks[1] - ranks[0]) / n)


@dataclass(frozen=True, slots=True)
class ArmQuantile:
    """One arm's quantile as its histogram has it; in the histogram's unit."""

    value: float
    """Infinite when too many failed."""
    inverse_density: float
    """Infinite when failures lie within the ranks around the quantile."""


def arm_quantile(values: LogHistogram, p: float, *, z: float = float(stats.norm.ppf(0.975))) -> ArmQuantile | None:
    """From a histogram; None without values."""
    n = values.n
    if n == 0:
        return None
    low, high = order_ranks(n, p, z)
    value = values.at_rank(quantile_rank(n, p))
    ends = values.at_rank(low), values.at_rank(high)
    if math.isinf(ends[1]) or low == high:
        return ArmQuantile(value, math.inf)
    return ArmQuantile(value, inverse_density(*ends, (low, high), n))


@dataclass(frozen=True, slots=True, eq=False)
class BelowCounts:
    """Pairs at or below each arm's threshold, by group; shapes (G,)."""

    keys: IntArray
    n: FloatArray
    primary: FloatArray
    candidate: FloatArray

    def influence(self, primary: ArmQuantile, candidate: ArmQuantile) -> Influence:
        """On the difference of the quantiles, centred at the shares that were counted."""
        total = float(self.n.sum())
        share_c, share_p = float(self.candidate.sum()) / total, float(self.primary.sum()) / total
        sums = (
            -(self.candidate - share_c * self.n) * candidate.inverse_density
            + (self.primary - share_p * self.n) * primary.inverse_density
        )
        keep = self.n > 0
        return Influence(self.n[keep], sums[keep], self.keys[keep])

    def primary_influence(self, primary: ArmQuantile) -> Influence:
        """The same on the primary's own quantile."""
        share = float(self.primary.sum()) / float(self.n.sum())
        sums = -(self.primary - share * self.n) * primary.inverse_density
        keep = self.n > 0
        return Influence(self.n[keep], sums[keep], self.keys[keep])


def refined(arm: ArmQuantile, threshold: float, share_below: float, p: float) -> float:
    """The quantile, mended by the exact share of values at or below a threshold next to it (one Newton step)."""
    return threshold + (p - share_below) * arm.inverse_density


def independent_error(
    n: int, shares: tuple[float, float, float], primary: ArmQuantile, candidate: ArmQuantile
) -> float | None:
    """Standard error if pairs were independent (divisor n - 1); None below two.

    Args:
        n: pairs.
        shares: of pairs at or below the threshold: primary, candidate, both.
        primary: quantile of the arm.
        candidate: the same.
    """
    if n < 2:
        return None
    share_p, share_c, share_both = shares
    fc, fp = candidate.inverse_density, primary.inverse_density
    variance = (
        fc**2 * share_c * (1 - share_c)
        + fp**2 * share_p * (1 - share_p)
        - 2 * fc * fp * (share_both - share_c * share_p)
    )
    return float(np.sqrt(max(variance, 0.0) / (n - 1)))
