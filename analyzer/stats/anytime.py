"""Inference that stays valid however often one looks: asymptotic confidence sequences.

With an estimate, its standard error and n pairs, of which n* were planned (Waudby-Smith, Arbour, Sinha, Kennedy and
Ramdas 2024, Annals of Statistics 52:2613; the Gaussian mixture of Robbins 1970), and r = kappa n / n*:

    two-sided   estimate +- SE sqrt((1 + 1/r) ln((1 + r) / alpha^2)),          kappa at alpha
    one-sided   estimate -  SE sqrt(2 (1 + 1/r) ln(1 + sqrt(1 + r) / (2 alpha))), kappa at 2 alpha
    e-value     E = exp(r / (1 + r) z^2 / 2) / sqrt(1 + r), z = (estimate - value) / SE;  p = min(1, 1 / E)

kappa(alpha) = -W_{-1}(-alpha^2 / e) - 1 makes the two-sided interval narrowest at n = n*. Nothing but the present
estimate, its error and n is needed: there is no state to keep, and looks may come at any time.

The theorem is for independent pairs. For dependent ones the same form is used with an error that is robust to the
dependence (`blocks`, `robust`); that this holds is shown by simulation, not by a quoted theorem (docs/validity.md).
The error of few groups is itself uncertain: a multiplier becomes Student's quantile with the same tail probability
(so far out, that is much more than t / z at 97.5 %), and a t statistic the normal score with the same tail.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from analyzer.stats.interval import Interval
from analyzer.stats.robust import StandardError

LEAST_PAIRS = 200
"""Before so many pairs, or a tenth of the planned ones, no anytime statement is made: the theory is asymptotic."""

MOST_ALPHA = 0.99
"""A one-sided bound of level 0.5 is tuned at twice 0.5, where no mixture is left."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """How many pairs there are, and how many were planned."""

    n: float
    planned: float
    """n*: where the intervals are narrowest. Frozen with the experiment; any value is valid, a poor one is wide."""

    def r(self, alpha: float) -> float:
        """kappa(alpha) n / n*; near alpha = 1, where kappa ends at 0, that of `MOST_ALPHA`, since any r is valid."""
        return kappa(min(alpha, MOST_ALPHA)) * self.n / self.planned


def least_pairs(planned: float) -> int:
    """Pairs before which no anytime statement is made."""
    return max(LEAST_PAIRS, math.ceil(planned / 10))


def kappa(alpha: float) -> float:
    """-W_{-1}(-alpha^2 / e) - 1; 8.2120 at 0.05."""
    return float(-special.lambertw(-(alpha**2) / math.e, k=-1).real - 1.0)


def two_sided_multiplier(horizon: Horizon, alpha: float) -> float:
    """Half the width of the interval, in standard errors."""
    r = horizon.r(alpha)
    return math.sqrt((1 + 1 / r) * math.log((1 + r) / alpha**2))


def one_sided_multiplier(horizon: Horizon, alpha: float) -> float:
    """Distance of the one-sided bound from the estimate, in standard errors."""
    r = horizon.r(2 * alpha)
    return math.sqrt(2 * (1 + 1 / r) * math.log1p(math.sqrt(1 + r) / (2 * alpha)))


def as_student(multiplier: float, error: StandardError) -> float:
    """Student's quantile with the tail probability of a normal one; above 0."""
    return float(-special.stdtrit(error.degrees, special.ndtr(-multiplier)))


def as_normal(t: float, error: StandardError) -> float:
    """The normal quantile with the tail probability of Student's; the inverse of `as_student`, for either sign."""
    return math.copysign(float(-special.ndtri(special.stdtr(error.degrees, -abs(t)))), t)


def two_sided(estimate: float, error: StandardError, horizon: Horizon, level: float) -> Interval:
    """Holds the true value at all times at once, with probability `level`."""
    width = error.value * as_student(two_sided_multiplier(horizon, 1 - level), error)
    return Interval(estimate - width, estimate + width)


def log_e_value(estimate: float, error: StandardError, horizon: Horizon, *, value: float = 0.0, alpha: float) -> float:
    """ln of the evidence against "the true value is `value`": an e-process, two-sided.

    Args:
        estimate: present.
        error: of it.
        horizon: pairs so far and planned.
        value: of the hypothesis.
        alpha: for which the mixture was tuned (`kappa`).
    """
    if error.value == 0.0:
        return 0.0 if estimate == value else math.inf
    r = horizon.r(alpha)
    z = as_normal((estimate - value) / error.value, error)
    return r / (1 + r) * z * z / 2 - 0.5 * math.log1p(r)


def p_differs(estimate: float, error: StandardError, horizon: Horizon, *, value: float = 0.0, alpha: float) -> float:
    """Always-valid p-value of "the true value is `value`": 1 / E, at most 1."""
    log_e = log_e_value(estimate, error, horizon, value=value, alpha=alpha)
    return float(np.exp(-max(log_e, 0.0)))


def p_beyond(distance: float, error: StandardError, horizon: Horizon, *, alpha: float) -> float:
    """Always-valid one-sided p-value: the level at which the one-sided bound just reaches `distance`.

    Args:
        distance: how far the estimate lies on the good side of a limit; negative: on the bad side.
        error: of the estimate.
        horizon: pairs so far and planned.
        alpha: for which the mixture was tuned; kappa is taken at twice that.
    """
    if distance <= 0:
        return 1.0
    if error.value == 0.0:
        return 0.0
    r = horizon.r(2 * alpha)
    z = as_normal(distance / error.value, error)
    # Solved from z = sqrt(2 (1 + 1/r) ln(1 + sqrt(1 + r) / (2 p))) for p.
    log_part = z * z / (2 * (1 + 1 / r))
    if log_part > 700:
        return 0.0
    return min(1.0, math.sqrt(1 + r) / (2 * math.expm1(log_part)))
