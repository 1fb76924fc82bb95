"""What each group of pairs adds to an estimate.

An estimate that is smooth in sums (a mean, a ratio) moves, to first order, by the average of its influence values:
one per pair, with mean 0. Errors robust to dependence within groups need only the sum of these values in each group.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.stats.moments import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Groups in their natural order (time for blocks)."""

    n: FloatArray
    """Pairs per group, shape (G,), each above 0."""
    sums: FloatArray
    """Sum of the influence values of each group's pairs, shape (G,); all together 0, in the estimate's unit."""

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.n)

    def coarser(self, size: int) -> Self:
        """`size` neighbouring groups become one; the last may hold fewer."""
        starts = np.arange(0, self.groups, size)
        return type(self)(np.add.reduceat(self.n, starts), np.add.reduceat(self.sums, starts))

    def autocorrelation(self) -> float:
        """Lag-1 autocorrelation of the groups' sums; 0 when nothing varies."""
        spread = float(self.sums @ self.sums)
        if spread == 0.0:
            return 0.0
        return float(self.sums[:-1] @ self.sums[1:]) / spread
