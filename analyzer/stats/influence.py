"""What each group of pairs adds to an estimate.

An estimate that is smooth in sums (a mean, a ratio) moves, to first order, by the average of its influence values:
one per pair, with mean 0. Errors robust to dependence within groups need only the sum of these values in each group.
Two estimates over the same groups are compared, or weighed together, by adding their influence up group by group.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analyzer.stats.moments import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Groups in their natural order (time for blocks)."""

    n: FloatArray
    """Pairs per group, shape (G,), each above 0."""
    sums: FloatArray
    """Sum of the influence values of each group's pairs, shape (G,); all together 0, in the estimate's unit."""
    keys: IntArray
    """What each group is called, ascending, shape (G,): start in seconds since the epoch, or number of a bucket."""

    @classmethod
    def of(cls, n: FloatArray, sums: FloatArray, keys: IntArray | None = None) -> Self:
        """Numbered in their order where they have no names."""
        return cls(n, sums, np.arange(len(n), dtype=np.int64) if keys is None else keys)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.n)

    @property
    def total(self) -> float:
        """Pairs in all."""
        return float(self.n.sum())

    @property
    def effective_groups(self) -> float:
        """(sum n)^2 / sum n^2: as many groups of one size would say as much (Kish 1965)."""
        return self.total**2 / float(self.n @ self.n)

    def coarser(self, size: int) -> Self:
        """`size` neighbouring groups become one, called like the first; the last may hold fewer."""
        starts = np.arange(0, self.groups, size)
        return type(self)(np.add.reduceat(self.n, starts), np.add.reduceat(self.sums, starts), self.keys[starts])

    def autocorrelation(self) -> float:
        """Lag-1 autocorrelation of the groups' sums; 0 when nothing varies."""
        spread = float(self.sums @ self.sums)
        if spread == 0.0:
            return 0.0
        return float(self.sums[:-1] @ self.sums[1:]) / spread


def combined(parts: "list[tuple[float, Influence]]") -> Influence:
    """Influence on a weighted sum of estimates, each of its own pairs in shared groups.

    A group's influence on estimate k moves it by sums_k / n_k (n_k: all pairs of k); here it is written for the mean
    number of pairs of the parts, so that every error formula reads it as it reads a single estimate's.

    Args:
        parts: (weight, influence), at least one.
    """
    keys = np.unique(np.concatenate([part.keys for _, part in parts]))
    n = np.zeros(len(keys))
    moved = np.zeros(len(keys))
    for weight, part in parts:
        at = np.searchsorted(keys, part.keys)
        n[at] += part.n / len(parts)
        moved[at] += weight * part.sums / part.total
    return Influence(n, moved * float(n.sum()), keys)
