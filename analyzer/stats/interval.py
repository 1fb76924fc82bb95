"""Fixed-horizon inference from an estimate and its standard error: valid for one look at a time chosen beforehand."""

from dataclasses import dataclass

from scipy import stats

from analyzer.stats.robust import StandardError


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided, in the estimate's unit."""

    low: float
    high: float


def two_sided(estimate: float, error: StandardError, level: float) -> Interval:
    """Student's t interval."""
    margin = error.margin(level)
    return Interval(estimate - margin, estimate + margin)


def lower_bound(estimate: float, error: StandardError, level: float) -> float:
    """With confidence `level` the true value lies above."""
    return estimate - error.value * float(stats.t.ppf(level, error.degrees))


def upper_bound(estimate: float, error: StandardError, level: float) -> float:
    """With confidence `level` the true value lies below."""
    return estimate + error.value * float(stats.t.ppf(level, error.degrees))


def p_differs(estimate: float, error: StandardError, *, from_value: float = 0.0) -> float:
    """Two-sided p-value of "the true value is `from_value`"."""
    return float(2 * stats.t.sf(abs(_t(estimate, error, from_value)), error.degrees))


def p_above(estimate: float, error: StandardError, *, limit: float) -> float:
    """One-sided p-value of "the true value is `limit` or less": small when it lies above.

    With `limit` = -margin this is the test of non-inferiority where higher is better.
    """
    return float(stats.t.sf(_t(estimate, error, limit), error.degrees))


def p_below(estimate: float, error: StandardError, *, limit: float) -> float:
    """One-sided p-value of "the true value is `limit` or more": small when it lies below."""
    return float(stats.t.cdf(_t(estimate, error, limit), error.degrees))


def p_equivalent(estimate: float, error: StandardError, *, low: float, high: float) -> float:
    """Two one-sided tests (Schuirmann 1987): small when the true value lies between both margins."""
    return max(p_above(estimate, error, limit=low), p_below(estimate, error, limit=high))


def _t(estimate: float, error: StandardError, value: float) -> float:
    difference = estimate - value
    if error.value == 0.0:
        return 0.0 if difference == 0.0 else float("inf") * difference
    return difference / error.value
