"""Means and variances that survive large offsets and can be merged from parts."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and centred sum of squares of some values."""

    n: float
    mean: float
    centred_squares: float
    """Sum of (value - mean)^2; never a difference of two large sums."""

    @property
    def variance(self) -> float | None:
        """Divisor n - 1; None below two values."""
        return self.centred_squares / (self.n - 1) if self.n >= 2 else None

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Moments of raw values, shape (n,), finite."""
        if len(values) == 0:
            return cls(0.0, 0.0, 0.0)
        mean = float(np.mean(values))
        deviations = values - mean
        # The second term corrects the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
        centred = float(deviations @ deviations) - float(deviations.sum()) ** 2 / len(values)
        return cls(float(len(values)), mean, max(centred, 0.0))

    @classmethod
    def of_sums(cls, n: float, total: float, squares: float) -> Self:
        """From a plain sum and sum of squares.

        Only for sums that were made near 0: with a large offset, the difference of two large numbers is noise.
        """
        if n == 0:
            return cls(0.0, 0.0, 0.0)
        return cls(n, total / n, max(squares - total * total / n, 0.0))


def merged(n: FloatArray, totals: FloatArray, centred_squares: FloatArray) -> Moments:
    """Moments of all values from those of their groups (Chan, Golub, LeVeque 1983).

    Args:
        n: values per group, shape (G,), each above 0.
        totals: sum of the values of each group.
        centred_squares: sum of squared deviations from the group's own mean.
    """
    if len(n) == 0:
        return Moments(0.0, 0.0, 0.0)
    size = float(n.sum())
    mean = float(totals.sum()) / size
    between = float(n @ (totals / n - mean) ** 2)
    return Moments(size, mean, float(centred_squares.sum()) + between)


def per_group(index: NDArray[np.intp], values: FloatArray | None = None) -> FloatArray:
    """Sum of the values (count, without any) of each group 0, 1, ... of `index`, shape (n,)."""
    counted: FloatArray = np.bincount(index, values).astype(np.float64)
    return counted
