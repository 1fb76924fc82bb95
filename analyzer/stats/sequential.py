"""Exact anytime-valid statements about counts and bounded scores: no variance is estimated, no asymptotics used.

A mixture over alternatives, divided by the likelihood under the hypothesis, is an e-process: under the hypothesis the
chance that it ever exceeds 1/a is at most a (Ville 1939). Mixtures with conjugate priors need counts alone, not their
order. Units count as independent (requests, or conversations where these are drawn); where they are not, the forms of
`anytime` with a robust error hold and these do not.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, special

from analyzer.stats.anytime import Horizon, two_sided_multiplier
from analyzer.stats.interval import Interval

SAMPLE_RATIO_CONCENTRATION = 100.0
"""Pseudo-counts k of the mixture for sample ratios: alternatives lie some points away from the hypothesis."""
SIGN_PRIOR = (0.5, 0.5)


def always_valid_p(log_e: float) -> float:
    """min(1, 1/E)."""
    return math.exp(-max(log_e, 0.0))


def log_e_multinomial(counts: Sequence[float], shares: Sequence[float], concentration: Sequence[float]) -> float:
    """ln of the evidence against "units fall into these classes with these shares" (Lindon and Malek 2022).

    Dirichlet-multinomial mixture over the multinomial of the hypothesis:

        ln E = ln B(a + counts) - ln B(a) - sum counts ln shares,   B the multivariate beta function

    Args:
        counts: per class, 0 or above.
        shares: as many, 0 or above, adding up to 1.
        concentration: a, as many, above 0 wherever a share is.

    Returns:
        Infinite when something fell into a class with share 0.
    """
    n, theta, a = (np.asarray(part, dtype=np.float64) for part in (counts, shares, concentration))
    if bool(np.any((theta == 0) & (n > 0))):
        return math.inf
    possible = theta > 0
    n, theta, a = n[possible], theta[possible], a[possible]
    mixture = float((special.gammaln(a + n) - special.gammaln(a)).sum())
    whole = float(special.gammaln(a.sum() + n.sum()) - special.gammaln(a.sum()))
    return mixture - whole - float(n @ np.log(theta))


def log_e_sample_ratio(counts: Sequence[float], shares: Sequence[float]) -> float:
    """ln of the evidence of a sample-ratio mismatch: the mixture is centred at the expected shares, with k = 100."""
    return log_e_multinomial(counts, shares, [SAMPLE_RATIO_CONCENTRATION * share for share in shares])


def log_e_share(events: float, others: float, *, share: float = 0.5, prior: tuple[float, float] = SIGN_PRIOR) -> float:
    """ln of the evidence against "an event has probability `share`", from counts of events and of others.

    Beta-binomial mixture (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021):

        E = B(a + events, b + others) / B(a, b) / (share^events (1 - share)^others)

    With share 1/2 and counts of discordant pairs (or of wins and losses) this is the sign test, or McNemar's, that may
    be looked at at any time.

    Args:
        events: 0 or above.
        others: 0 or above.
        share: of the hypothesis, in [0, 1].
        prior: (a, b), above 0.
    """
    mixture = float(special.betaln(prior[0] + events, prior[1] + others) - special.betaln(*prior))
    # 0 ln 0 = 0: what cannot happen and did not says nothing.
    return mixture - float(special.xlogy(events, share) + special.xlog1py(others, -share))


def share_interval(events: float, others: float, *, level: float, prior: tuple[float, float] = SIGN_PRIOR) -> Interval:
    """All shares against which the evidence is below 1 / (1 - level); holds the true one at all times at once."""
    n = events + others
    if n == 0:
        return Interval(0.0, 1.0)
    threshold = -math.log1p(-level)
    observed = events / n

    def excess(share: float) -> float:
        return log_e_share(events, others, share=share, prior=prior) - threshold

    low = 0.0 if events == 0 else _end(excess, observed, 0.0)
    high = 1.0 if others == 0 else _end(excess, observed, 1.0)
    return Interval(low, high)


def _end(excess: Callable[[float], float], observed: float, side: float) -> float:
    """Where the excess changes its sign between what was observed and a side at which it is infinite."""
    inside = side + (observed - side) * 0.5
    while excess(inside) < 0:
        inside = side + (inside - side) * 0.5
    # A fraction of an event (scaled counts) may leave an end nearer to the side than a double can tell.
    if inside == side:
        return side
    return float(optimize.brentq(excess, inside, observed, xtol=1e-15))


def hoeffding_interval(n: float, mean: float, horizon: Horizon, level: float, *, low: float, high: float) -> Interval:
    """Mean of independent scores within [low, high], at all times at once, whatever their distribution.

    Such scores are sub-Gaussian with standard deviation (high - low) / 2 at most (Hoeffding 1963), so the normal
    mixture needs no estimate of it: mean -+ (high - low) / 2 / sqrt(n) times the two-sided multiplier (Waudby-Smith and
    Ramdas 2024, JRSS-B 86:1).

    Args:
        n: scores, above 0.
        mean: of them.
        horizon: scores so far and planned.
        level: of the interval.
        low: smallest possible score.
        high: largest possible score.
    """
    half = (high - low) / 2 / math.sqrt(n) * two_sided_multiplier(horizon, 1 - level)
    return Interval(max(low, mean - half), min(high, mean + half))
