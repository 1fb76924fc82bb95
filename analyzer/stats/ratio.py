"""The difference of two ratios of sums (cost per success, cost per token), by the delta method.

R = sum x / sum y per arm, once over all pairs: a ratio of sums, not a mean of ratios. Linearised (Deng et al. 2018;
survey sampling calls it so), pair i adds

    psi_i = (x_ci - R_c y_ci) / mean(y_c) - (x_pi - R_p y_pi) / mean(y_p)

which holds while the denominators are far from 0 in units of their standard error.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.stats.influence import Influence, IntArray
from analyzer.stats.moments import FloatArray, per_group

MIN_DENOMINATOR_Z = 10.0
"""A denominator's mean must be this many standard errors away from 0 (else Fieller's interval would be needed)."""


@dataclass(frozen=True, slots=True, eq=False)
class RatioSums:
    """Sums of numerators x and denominators y per group; columns in the order (x_c, y_c, x_p, y_p)."""

    n: FloatArray
    """Pairs per group, shape (G,)."""
    sums: FloatArray
    """Shape (G, 4)."""
    products: FloatArray
    """Sums of products over all pairs, shape (4, 4)."""
    keys: IntArray
    """What each group is called, ascending (see `Influence`)."""

    @classmethod
    def of_pairs(cls, values: FloatArray, group: FloatArray) -> Self:
        """Sums from raw values, shape (n, 4), and a group number per pair."""
        keys, index = np.unique(group, return_inverse=True)
        sums = np.stack([per_group(index, column) for column in values.T], axis=1)
        return cls(per_group(index), sums, values.T @ values, keys.astype(np.int64))


@dataclass(frozen=True, slots=True)
class RatioDifference:
    """Two ratios and their difference."""

    n: int
    primary: float
    candidate: float
    difference: float
    independent_error: float | None
    """Standard error if pairs were independent; None below two pairs."""
    denominator_z: float
    """The smaller of both arms' mean denominators, in units of its (independent) standard error."""


def _weights(totals: FloatArray, n: float) -> FloatArray:
    """psi_i = weights @ (x_c, y_c, x_p, y_p)_i."""
    xc, yc, xp, yp = totals
    return np.array([n / yc, -n * xc / yc**2, -n / yp, n * xp / yp**2])


def ratio_influence(sums: RatioSums) -> Influence:
    """Influence of each group on the difference of the ratios."""
    weights = _weights(sums.sums.sum(axis=0), float(sums.n.sum()))
    return Influence(sums.n, sums.sums @ weights, sums.keys)


def primary_ratio_influence(sums: RatioSums) -> Influence:
    """The same on the primary's own ratio."""
    weights = -_weights(sums.sums.sum(axis=0), float(sums.n.sum()))
    weights[:2] = 0.0
    return Influence(sums.n, sums.sums @ weights, sums.keys)


def ratio_difference(sums: RatioSums) -> RatioDifference | None:
    """The estimate; None without pairs or when an arm's denominators add up to 0."""
    n = float(sums.n.sum())
    totals = sums.sums.sum(axis=0)
    xc, yc, xp, yp = (float(total) for total in totals)
    if n == 0 or yc == 0 or yp == 0:
        return None
    error: float | None = None
    z = 0.0
    if n >= 2:
        weights = _weights(totals, n)
        error = _independent_error(weights, sums.products, n)
        z = min(_mean_z(totals, sums.products, n, 1), _mean_z(totals, sums.products, n, 3))
    return RatioDifference(round(n), xp / yp, xc / yc, xc / yc - xp / yp, error, z)


def log_ratio(sums: RatioSums) -> tuple[float, float]:
    """(log of candidate ratio / primary ratio, its standard error if pairs were independent).

    All four totals must be positive and there must be two pairs at least.
    """
    n = float(sums.n.sum())
    xc, yc, xp, yp = (float(total) for total in sums.sums.sum(axis=0))
    weights = np.array([n / xc, -n / yc, -n / xp, n / yp])
    return float(np.log(xc / yc) - np.log(xp / yp)), _independent_error(weights, sums.products, n)


def _independent_error(weights: FloatArray, products: FloatArray, n: float) -> float:
    """With n - 1 degrees of freedom, as survey packages have it."""
    squares = float(weights @ products @ weights)
    return float(np.sqrt(max(squares, 0.0) / (n - 1) / n))


def _mean_z(totals: FloatArray, products: FloatArray, n: float, column: int) -> float:
    mean = float(totals[column]) / n
    variance = max(float(products[column, column]) - n * mean**2, 0.0) / (n - 1)
    return float("inf") if variance == 0 else abs(mean) / float(np.sqrt(variance / n))
