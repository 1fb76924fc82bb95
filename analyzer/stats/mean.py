"""The mean of paired differences, from sums per group."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.stats.influence import Influence, IntArray
from analyzer.stats.moments import FloatArray, per_group


@dataclass(frozen=True, slots=True, eq=False)
class PairedSums:
    """Per group of pairs: how many, and sums of both arms' values; shapes (G,)."""

    keys: IntArray
    """What each group is called, ascending (see `Influence`)."""
    n: FloatArray
    """Each above 0."""
    primary: FloatArray
    candidate: FloatArray
    difference: FloatArray
    """Sum of candidate - primary; from whole numbers, or subtracted pair by pair."""

    @classmethod
    def of_pairs(cls, primary: FloatArray, candidate: FloatArray, group: FloatArray) -> Self:
        """Sums from raw values.

        Args:
            primary: shape (n,), finite.
            candidate: shape (n,), finite, in the same order.
            group: a number per pair; groups come out in ascending order.
        """
        keys, index = np.unique(group, return_inverse=True)
        sums = (per_group(index, values) for values in (primary, candidate, candidate - primary))
        return cls(keys.astype(np.int64), per_group(index), *sums)

    def influence(self) -> Influence:
        """Influence values of the mean are d_i - mean(d)."""
        mean = self.difference.sum() / self.n.sum()
        return Influence(self.n, self.difference - self.n * mean, self.keys)

    def primary_influence(self) -> Influence:
        """The same of the primary's own mean."""
        mean = self.primary.sum() / self.n.sum()
        return Influence(self.n, self.primary - self.n * mean, self.keys)


@dataclass(frozen=True, slots=True)
class PairedMean:
    """A mean difference and the means that it lies between."""

    n: int
    primary: float
    candidate: float
    difference: float


def paired_mean(sums: PairedSums) -> PairedMean | None:
    """The estimate; None without pairs. Its spread over single pairs is that of `Moments`."""
    n = float(sums.n.sum())
    if n == 0:
        return None
    totals = (float(part.sum()) / n for part in (sums.primary, sums.candidate, sums.difference))
    return PairedMean(round(n), *totals)
