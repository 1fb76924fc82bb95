"""The mean of paired differences, from sums per group."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray, Moments, merged, per_group


@dataclass(frozen=True, slots=True, eq=False)
class PairedSums:
    """Per group of pairs: how many, and sums of both arms' values and of their difference; shapes (G,)."""

    n: FloatArray
    primary: FloatArray
    candidate: FloatArray
    difference: FloatArray
    """Sum of candidate - primary, subtracted pair by pair."""
    centred_squares: FloatArray
    """Sum of squared deviations of the differences from the group's own mean difference."""

    @classmethod
    def of_pairs(cls, primary: FloatArray, candidate: FloatArray, group: FloatArray) -> Self:
        """Sums from raw values.

        Args:
            primary: shape (n,), finite.
            candidate: shape (n,), finite, in the same order.
            group: a number per pair; groups come out in ascending order.
        """
        _, index = np.unique(group, return_inverse=True)
        difference = candidate - primary
        n, total = per_group(index), per_group(index, difference)
        deviation = difference - (total / n)[index] if len(n) else difference
        return cls(n, per_group(index, primary), per_group(index, candidate), total, per_group(index, deviation**2))

    def influence(self) -> Influence:
        """Influence values of the mean are d_i - mean(d)."""
        mean = self.difference.sum() / self.n.sum()
        return Influence(self.n, self.difference - self.n * mean)


@dataclass(frozen=True, slots=True)
class PairedMean:
    """A mean difference and the means that it lies between."""

    n: int
    primary: float
    candidate: float
    difference: float
    independent_error: float | None
    """Standard error if pairs were independent; None below two pairs. For comparison only."""


def paired_mean(sums: PairedSums) -> PairedMean | None:
    """The estimate; None without pairs."""
    if len(sums.n) == 0:
        return None
    moments: Moments = merged(sums.n, sums.difference, sums.centred_squares)
    variance = moments.variance
    return PairedMean(
        n=round(moments.n),
        primary=float(sums.primary.sum()) / moments.n,
        candidate=float(sums.candidate.sum()) / moments.n,
        difference=moments.mean,
        independent_error=None if variance is None else float(np.sqrt(variance / moments.n)),
    )
