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


def p_differs(estimate: float, error: StandardError) -> float:
    """Two-sided p-value of "the true value is 0"."""
    return float(2 * stats.t.sf(abs(_t(estimate, error)), error.degrees))


def p_beyond(distance: float, error: StandardError) -> float:
    """One-sided p-value of "the true value lies on the bad side of a limit".

    Args:
        distance: how far the estimate lies on the good side of the limit; negative: on the bad side.
        error: of the estimate.
    """
    return float(stats.t.sf(_t(distance, error), error.degrees))


def _t(estimate: float, error: StandardError) -> float:
    if error.value == 0.0:
        return 0.0 if estimate == 0.0 else float("inf") * estimate
    return estimate / error.value
