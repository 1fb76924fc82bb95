"""Quantiles of values that were counted in bins whose ends have a constant ratio.

Bins are fixed once for all (gamma^b up to gamma^(b + 1)), so histograms of parts add up, in any order, to the
histogram of the whole (Masson, Rim and Lee 2019, DDSketch, have the same bins). Within a bin, values are taken to lie
evenly on the log scale; the error is below one bin, here 0.2 %, and `quantile` mends it by an exact count.
"""

import math
from collections.abc import Sequence

import numpy as np

from analyzer.stats.influence import IntArray


class LogHistogram:
    """Counts by bin: values of 0, values in bins, values beyond everything."""

    def __init__(self, bins: Sequence[int], counts: Sequence[int], *, gamma: float, zero: int, beyond: int) -> None:
        """`bins` ascending; `zero` and `beyond` are the numbers of the two bins that are none."""
        self._bins: IntArray = np.asarray(bins, dtype=np.int64)
        self._up_to: IntArray = np.cumsum(np.asarray(counts, dtype=np.int64))
        self._counts: IntArray = np.asarray(counts, dtype=np.int64)
        self._gamma, self._zero, self._beyond = gamma, zero, beyond

    @property
    def n(self) -> int:
        """Values in all."""
        return int(self._up_to[-1]) if len(self._up_to) else 0

    def at_rank(self, rank: int) -> float:
        """The `rank`-th smallest value, from 1; infinity among those beyond everything.

        Raises:
            ValueError: there is no such rank.
        """
        if not 1 <= rank <= self.n:
            raise ValueError(f"rank {rank} of {self.n} values")
        i = int(np.searchsorted(self._up_to, rank))
        number, count = int(self._bins[i]), int(self._counts[i])
        if number == self._beyond:
            return math.inf
        if number == self._zero:
            return 0.0
        within = (rank - 0.5 - (int(self._up_to[i]) - count)) / count
        return float(self._gamma ** (number + within))
