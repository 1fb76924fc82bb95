"""Two dependent proportions: the same pairs, an event that either arm shows or not, from four counts.

The difference of the shares is (b - c) / n, with b the pairs in which only the candidate shows the event, c those in
which only the primary does. Its score interval (Tango 1998, Statistics in Medicine 17:891) asks at each difference
delta how far the counts lie from what is expected there,

    z(delta) = (b - c - n delta) / sqrt(n (2 q + delta (1 - delta))),

with q the share of "only the primary" that fits the counts best among all with that difference. It holds its level with
few events and with none, where intervals built on the observed spread shrink to a point. Pairs count as independent;
where they are not, `PairedCounts.scaled` takes the counts of as many independent pairs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import optimize, stats

from analyzer.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Pairs by which arm shows the event; together above 0. Not whole where they were scaled."""

    both: float
    candidate_only: float
    primary_only: float
    neither: float

    @property
    def n(self) -> float:
        """All pairs."""
        return self.both + self.candidate_only + self.primary_only + self.neither

    @property
    def discordant(self) -> float:
        """Pairs in which the arms differ."""
        return self.candidate_only + self.primary_only

    @property
    def difference(self) -> float:
        """Candidate's share minus the primary's."""
        return (self.candidate_only - self.primary_only) / self.n

    def scaled(self, design_effect: float) -> "PairedCounts":
        """Counts that say as much when pairs depend on each other (Rao and Scott 1992, Biometrics 48:577).

        Args:
            design_effect: variance of the difference over that of independent pairs; below 1 counts as 1.
        """
        by = max(design_effect, 1.0)
        return PairedCounts(self.both / by, self.candidate_only / by, self.primary_only / by, self.neither / by)


@dataclass(frozen=True, slots=True)
class McNemar:
    """p-values of "both arms show the event equally often", two-sided (Fagerland, Lydersen and Laake 2013)."""

    statistic: float
    """(b - c)^2 / (b + c); 0 without discordant pairs."""
    p_asymptotic: float
    p_continuity: float
    """With Edwards' correction; conservative."""
    p_exact: float
    """Binomial, given the discordant pairs; conservative."""
    p_mid: float
    """The same with half the weight of what was observed: the one to report."""


def restricted_shares(counts: PairedCounts, difference: float) -> tuple[float, float]:
    """(only candidate, only primary): the shares that fit best among all with this difference (Tango 1998, eq. 7).

    Args:
        counts: of pairs.
        difference: in [-1, 1].
    """
    n, b, c = counts.n, counts.candidate_only, counts.primary_only
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(linear**2 - 8 * n * constant, 0.0))
    # Two forms of one root: each loses digits where the other does not.
    q = -2 * constant / (root + linear) if linear > 0 else (root - linear) / (4 * n)
    q = max(q, -difference, 0.0)
    return q + difference, q


def score_z(counts: PairedCounts, difference: float) -> float:
    """Standard normal if the true difference is `difference` (within -1 to 1); positive when more was observed."""
    away = counts.candidate_only - counts.primary_only - counts.n * difference
    variance = _variance(counts, difference)
    if variance <= 0.0:
        return 0.0 if away == 0.0 else math.copysign(math.inf, away)
    return away / math.sqrt(variance)


def _variance(counts: PairedCounts, difference: float) -> float:
    """Of b - c where the difference is this one."""
    _, q = restricted_shares(counts, difference)
    return counts.n * (2 * q + difference * (1 - difference))


def score_interval(counts: PairedCounts, level: float) -> Interval:
    """All differences that the two-sided score test at 1 - level does not reject; within -1 to 1."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    return Interval(_end(counts, z, -1.0), _end(counts, z, 1.0))


def _end(counts: PairedCounts, z: float, side: float) -> float:
    estimate = counts.difference
    if estimate == side:
        return side
    if counts.discordant == 0:
        # n delta = z sqrt(n delta (1 - delta)), solved.
        return side * z**2 / (counts.n + z**2)
    if estimate == -side:
        # n (1 - delta) = z sqrt(n (1 - delta) (1 + delta)), solved.
        return estimate * (counts.n - z**2) / (counts.n + z**2)

    def excess(difference: float) -> float:
        away = counts.n * (estimate - difference)
        return (away**2 - z**2 * _variance(counts, difference)) / counts.n

    return _root(excess, estimate, side)


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    return float(optimize.brentq(function, one, other, xtol=1e-14, rtol=1e-13))


def p_above(counts: PairedCounts, *, limit: float) -> float:
    """One-sided p-value of "the true difference is `limit` or less": small when it lies above."""
    return float(stats.norm.sf(score_z(counts, limit)))


def p_below(counts: PairedCounts, *, limit: float) -> float:
    """One-sided p-value of "the true difference is `limit` or more": small when it lies below.

    With a failure as the event and `limit` = margin this is the test of non-inferiority.
    """
    return float(stats.norm.cdf(score_z(counts, limit)))


def mcnemar(counts: PairedCounts) -> McNemar:
    """From whole counts; without discordant pairs every p-value is 1."""
    b, c = round(counts.candidate_only), round(counts.primary_only)
    if b + c == 0:
        return McNemar(0.0, 1.0, 1.0, 1.0, 1.0)
    statistic = (b - c) ** 2 / (b + c)
    corrected = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    observed = float(stats.binom.pmf(min(b, c), b + c, 0.5))
    exact = sign_test(b, c)
    mid = 1 - observed / 2 if b == c else exact - observed
    return McNemar(statistic, float(stats.chi2.sf(statistic, 1)), float(stats.chi2.sf(corrected, 1)), exact, mid)


def sign_test(one: int, other: int) -> float:
    """Exact two-sided p-value of "either is as likely", from counts of both; 1 without any."""
    return min(1.0, 2 * float(stats.binom.cdf(min(one, other), one + other, 0.5)))


def wilson(events: float, n: float, level: float) -> Interval:
    """Score interval of one share (Wilson 1927), of `events` among `n`, above 0."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = events / n
    middle = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    whole = 1 + z**2 / n
    # Rounding must not take an end beyond what was observed: with no events the interval starts at 0.
    return Interval(max(0.0, min((middle - half) / whole, share)), min(1.0, max((middle + half) / whole, share)))


def newcombe_interval(counts: PairedCounts, level: float) -> Interval:
    """Method 10 of Newcombe (1998, Statistics in Medicine 17:2635): a closed form to hold the score interval against.

    Wilson limits of both shares, squared and added, less what the arms' correlation phi (with continuity correction)
    takes away.
    """
    n = counts.n
    candidate, primary = counts.both + counts.candidate_only, counts.both + counts.primary_only
    of_c, of_p = wilson(candidate, n, level), wilson(primary, n, level)
    share_c, share_p = candidate / n, primary / n
    phi = _phi(counts, candidate, primary)
    down_c, up_c = share_c - of_c.low, of_c.high - share_c
    down_p, up_p = share_p - of_p.low, of_p.high - share_p
    below = math.sqrt(max(down_c**2 - 2 * phi * down_c * up_p + up_p**2, 0.0))
    above = math.sqrt(max(up_c**2 - 2 * phi * up_c * down_p + down_p**2, 0.0))
    return Interval(counts.difference - below, counts.difference + above)


def _phi(counts: PairedCounts, candidate: float, primary: float) -> float:
    spread = candidate * (counts.n - candidate) * primary * (counts.n - primary)
    if spread == 0:
        return 0.0
    product = counts.both * counts.neither - counts.candidate_only * counts.primary_only
    corrected = max(product - counts.n / 2, 0.0) if product > 0 else product
    return corrected / math.sqrt(spread)
