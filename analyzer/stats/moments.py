"""Means, variances and skewness that survive large offsets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, and centred sums of some values."""

    n: float
    mean: float
    centred_squares: float
    """Sum of (value - mean)^2."""
    centred_cubes: float | None = None
    """Sum of (value - mean)^3; None: not known."""

    @property
    def variance(self) -> float | None:
        """Divisor n - 1; None below two values."""
        return self.centred_squares / (self.n - 1) if self.n >= 2 else None

    @property
    def skewness(self) -> float | None:
        """Third standardised moment, divisor n; None where the cubes are not known or nothing varies."""
        if self.centred_cubes is None or self.centred_squares <= 0:
            return None
        return self.centred_cubes / self.n / math.pow(self.centred_squares / self.n, 1.5)

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Moments of raw values, shape (n,), finite."""
        if len(values) == 0:
            return cls(0.0, 0.0, 0.0, 0.0)
        mean = float(np.mean(values))
        deviations = values - mean
        # The second term corrects the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
        centred = float(deviations @ deviations) - float(deviations.sum()) ** 2 / len(values)
        return cls(float(len(values)), mean, max(centred, 0.0), float((deviations**3).sum()))

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float, cubes: float | None = None, *, scale: float = 1.0) -> Self:
        """From plain sums of values, of their squares and cubes, worked out as fractions.

        Whole numbers of any size are exact here: sums of microseconds over 10^9 pairs lose nothing to their offset.
        Sums that were rounded before (doubles) are only as good as their rounding.

        Args:
            n: values.
            total: their sum.
            squares: sum of squares.
            cubes: sum of cubes; None: not known.
            scale: the moments are those of values divided by this.
        """
        if n == 0:
            return cls(0.0, 0.0, 0.0, None if cubes is None else 0.0)
        s1, s2 = Fraction(total), Fraction(squares)
        mean = s1 / n
        centred = max(s2 - s1 * mean, Fraction(0))
        third = None
        if cubes is not None:
            third = float(Fraction(cubes) - 3 * mean * s2 + 2 * mean * mean * s1) / scale**3
        return cls(float(n), float(mean) / scale, float(centred) / scale**2, third)

    def error(self) -> float | None:
        """Standard error of the mean if values were independent; None below two."""
        return None if self.variance is None else math.sqrt(self.variance / self.n)


def floats(values: Sequence[int]) -> FloatArray:
    """Whole numbers, which may be beyond 64 bits, as doubles; shape (n,)."""
    return np.array([float(value) for value in values], dtype=np.float64)


def per_group(index: NDArray[np.intp], values: FloatArray | None = None) -> FloatArray:
    """Sum of the values (count, without any) of each group 0, 1, ... of `index`, shape (n,)."""
    counted: FloatArray = np.bincount(index, values).astype(np.float64)
    return counted
