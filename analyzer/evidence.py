"""From an estimate and its error to interval, bounds and p-values: the fixed and the anytime way, side by side.

    fixed     estimate -+ error t(level, degrees)               valid for one look
    anytime   estimate -+ error M(level, n / n*)                valid however often one looks (`stats.anytime`)

Means of heavy-tailed values take Hall's (1992) correction for skewness on top: without it, "not slower" is claimed too
often from a mean with a long right tail.
"""

from dataclasses import dataclass
from typing import Protocol

from scipy import stats as distributions

from analyzer.stats import anytime, hall, interval
from analyzer.stats.anytime import Horizon
from analyzer.stats.interval import Interval
from analyzer.stats.robust import StandardError
from analyzer.verdict import Evidence


class Inference(Protocol):
    """What may be said about a difference."""

    def evidence(self) -> Evidence:
        """Interval and one-sided bounds, all at the level."""
        ...

    def p_differs(self) -> float:
        """Two-sided p-value of "there is no difference"."""
        ...

    def p_above(self, limit: float) -> float:
        """One-sided p-value of "the difference is `limit` or less": small when it lies above."""
        ...

    def p_below(self, limit: float) -> float:
        """One-sided p-value of "the difference is `limit` or more": small when it lies below."""
        ...


@dataclass(frozen=True, slots=True)
class Normal:
    """A difference that is near normal, of known skewness or without any."""

    difference: float
    error: StandardError
    level: float
    n: int
    skewness: float = 0.0
    planned: int | None = None
    """Pairs planned (n*), for anytime inference; None: fixed, one look."""
    against_margin: StandardError | None = None
    """Of the distance to a margin that is itself an estimate (a share of the primary's level); None: it is a number,
    or a better known one."""

    def evidence(self) -> Evidence:
        """See `Inference`."""
        two, _ = self._multipliers(self.error)
        _, one = self._multipliers(self._bounding)
        ends = Interval(self._lower(two, self.error), self._upper(two, self.error))
        return Evidence(ends, self._lower(one, self._bounding), self._upper(one, self._bounding))

    def p_differs(self) -> float:
        """See `Inference`."""
        z = abs(self._z(self.difference, self.error))
        if self.planned is None:
            return interval.p_differs(z * self.error.value, self.error)
        horizon = Horizon(self.n, self.planned)
        return anytime.p_differs(z * self.error.value, self.error, horizon, alpha=1 - self.level)

    def p_above(self, limit: float) -> float:
        """See `Inference`."""
        return self._p_one_sided(limit, 1.0)

    def p_below(self, limit: float) -> float:
        """See `Inference`."""
        return self._p_one_sided(limit, -1.0)

    @property
    def _bounding(self) -> StandardError:
        return self.against_margin or self.error

    def _p_one_sided(self, limit: float, sign: float) -> float:
        # A limit of 0 is no share of anything.
        error = self._bounding if limit else self.error
        z = sign * self._z(self.difference - limit, error)
        if self.planned is None:
            return interval.p_beyond(z * error.value, error)
        horizon = Horizon(self.n, self.planned)
        return anytime.p_beyond(z * error.value, error, horizon, alpha=1 - self.level)

    def _multipliers(self, error: StandardError) -> tuple[float, float]:
        """(two-sided, one-sided)"""
        if self.planned is None:
            two, one = (float(distributions.t.ppf(p, error.degrees)) for p in (0.5 + self.level / 2, self.level))
            return two, one
        horizon, alpha = Horizon(self.n, self.planned), 1 - self.level
        both, one_side = (of(horizon, alpha) for of in (anytime.two_sided_multiplier, anytime.one_sided_multiplier))
        return anytime.as_student(both, error), anytime.as_student(one_side, error)

    def _z(self, distance: float, error: StandardError) -> float:
        return hall.corrected_z(distance, error.value, self.skewness, self.n, value=0.0)

    def _lower(self, multiplier: float, error: StandardError) -> float:
        return hall.lower(self.difference, error.value, self.skewness, self.n, multiplier)

    def _upper(self, multiplier: float, error: StandardError) -> float:
        return hall.upper(self.difference, error.value, self.skewness, self.n, multiplier)
