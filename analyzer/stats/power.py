"""How many pairs a statement needs, and what the present ones can show.

One look at a time chosen beforehand (normal approximation; sigma is the standard deviation of one pair's influence with
all dependence in it, that is SE sqrt(n) of a robust SE):

    n = ((z_{1-alpha} + z_power) sigma / distance)^2            alpha/2 when both sides are asked

Anytime (power at one look, with the multiplier M of `anytime`): the n that solves

    sqrt(n) distance / sigma = M(n / n*) + z_power.

Who looks all the time stops earlier in most cases; that n is what is needed to be sure of the power. The distance is
from the true value to the limit: margin + true difference (positive: better) for non-inferiority, the difference itself
for "they differ".
"""

import math
from typing import Literal

from scipy import optimize, stats

from analyzer.stats.anytime import (
    Horizon,
    as_student,
    least_pairs,
    one_sided_multiplier,
    two_sided_multiplier,
)
from analyzer.stats.robust import StandardError

Sides = Literal["one", "two"]
"""A bound (non-inferiority, one of two tests of equivalence) or an interval (a difference)."""
DEFAULT_POWER = 0.8
MOST_PAIRS = 1e15
"""What needs more is out of reach."""


def pair_sigma(error: StandardError, n: float) -> float:
    """Standard deviation of one pair's influence, as if pairs were independent: the design effect is in it."""
    return error.value * math.sqrt(n)


def pairs_for_fixed(distance: float, sigma: float, *, alpha: float, power: float, sides: Sides) -> float | None:
    """Pairs needed for one look.

    Args:
        distance: from the true value to the limit, positive on the side to be shown.
        sigma: `pair_sigma`, 0 or above.
        alpha: of the statement (one-sided for a bound).
        power: chance that the statement can be made, above alpha.
        sides: of the statement.

    Returns:
        Not rounded; None where no number of pairs can show it (distance 0 or below), or too many.
    """
    if not _is_possible(distance, sigma):
        return None
    if sigma > MOST_PAIRS * distance:
        # Its square might be beyond all doubles.
        return None
    n = ((_fixed_z(alpha, sides) + _z(power)) * sigma / distance) ** 2
    return n if n <= MOST_PAIRS else None


def pairs_for_anytime(
    distance: float,
    sigma: float,
    *,
    planned: float,
    alpha: float,
    power: float,
    sides: Sides,
    widening: float = 1.0,
) -> float | None:
    """Pairs needed for an anytime statement, at least as many as any of them begins with.

    Args:
        distance: as of `pairs_for_fixed`, like sigma, alpha, power and sides.
        sigma: standard deviation of one pair's influence.
        planned: n*.
        alpha: of the statement.
        power: chance that it can be made at that n.
        sides: of the statement.
        widening: Student's quantile over the normal one, to be expected.

    Returns:
        Not rounded; None where no number of pairs can show it, or too many.
    """
    if not _is_possible(distance, sigma):
        return None
    least = float(least_pairs(planned))
    z_power = _z(power)

    def excess(log_n: float) -> float:
        n = math.exp(log_n)
        multiplier = _anytime_multiplier(Horizon(n, planned), alpha, sides) * widening
        return math.sqrt(n) * distance - (multiplier + z_power) * sigma

    # The left side grows as sqrt(n), the right one as sqrt(ln n) at most: there is one root, and it lies above `least`
    # or is not needed.
    if excess(math.log(least)) >= 0:
        return least
    if excess(math.log(MOST_PAIRS)) < 0:
        return None
    return math.exp(float(optimize.brentq(excess, math.log(least), math.log(MOST_PAIRS), xtol=1e-12)))


def power_of(distance: float, error: StandardError, *, alpha: float, sides: Sides) -> float:
    """Chance that one look shows a true distance, by the noncentral t distribution; the far tail does not count.

    Args:
        distance: from the true value to the limit, positive on the side to be shown.
        error: to be expected, with its degrees of freedom.
        alpha: of the statement.
        sides: of the statement.
    """
    if error.value == 0.0:
        return 1.0 if distance > 0 else 0.0
    critical = float(stats.t.isf(alpha if sides == "one" else alpha / 2, error.degrees))
    return float(stats.nct.sf(critical, error.degrees, distance / error.value))


def detectable(error: StandardError, horizon: Horizon | None, *, alpha: float, power: float, sides: Sides) -> float:
    """The smallest true distance that the present pairs show with this power (minimum detectable effect).

    Args:
        error: present.
        horizon: of an anytime statement; None: one look.
        alpha: of the statement.
        power: as of `pairs_for_fixed`.
        sides: of the statement.
    """
    if horizon is not None:
        multiplier = _anytime_multiplier(horizon, alpha, sides)
        return error.value * (as_student(multiplier, error) + _z(power))
    tail = alpha if sides == "one" else alpha / 2
    critical = float(stats.t.isf(tail, error.degrees))

    def lacking(noncentrality: float) -> float:
        return float(stats.nct.sf(critical, error.degrees, noncentrality)) - power

    # Normal theory is a little too small, twice Student's sum too large.
    widest = 2 * (critical + float(stats.t.isf(1 - power, error.degrees))) + 1
    return error.value * float(optimize.brentq(lacking, 0.0, widest, xtol=1e-10))


def _is_possible(distance: float, sigma: float) -> bool:
    return distance > 0 and math.isfinite(distance) and math.isfinite(sigma)


def _z(share: float) -> float:
    return float(stats.norm.ppf(share))


def _fixed_z(alpha: float, sides: Sides) -> float:
    return _z(1 - alpha if sides == "one" else 1 - alpha / 2)


def _anytime_multiplier(horizon: Horizon, alpha: float, sides: Sides) -> float:
    return one_sided_multiplier(horizon, alpha) if sides == "one" else two_sided_multiplier(horizon, alpha)
