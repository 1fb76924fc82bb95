"""Poisson bootstrap of whole groups: errors from drawing again, a check of those from formulas.

Each replicate weighs every group (a conversation bucket, a block) by an independent Poisson(1) number, which is what
drawing groups with replacement comes to when there are many (Chamandy, Muralidharan, Najmi and Naidu 2012, "Estimating
uncertainty for massive data streams"). Weights are a hash of (seed, group, replicate), so parts that are counted apart,
on another machine or another day, agree on them; replicates need sums per group, not pairs. It wants 50 groups or more,
and it is no anytime statement.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analyzer.stats.influence import Influence, IntArray
from analyzer.stats.moments import FloatArray

DEFAULT_REPLICATES = 1000
_ROWS_AT_ONCE = 64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_CUMULATED: FloatArray = stats.poisson.cdf(np.arange(20), 1.0)
"""Chances of at most 0, 1, ... of a Poisson(1) number; beyond 20 none is left in a double."""


def poisson_weights(keys: IntArray, *, seed: int, first: int, count: int) -> IntArray:
    """Weights of groups in replicates first to first + count - 1, shape (count, G).

    Args:
        keys: what the groups are called, shape (G,), different.
        seed: other seeds give other weights.
        first: number of a replicate, 0 or above.
        count: replicates.
    """
    number = np.arange(first, first + count, dtype=np.uint64)
    by_replicate = _mixed(number + _mixed(np.array([seed & (2**64 - 1)], dtype=np.uint64)))
    bits = _mixed(by_replicate[:, None] ^ _mixed(keys.astype(np.uint64))[None, :])
    uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    weights: IntArray = np.searchsorted(_CUMULATED, uniform, side="right").astype(np.int64)
    return weights


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014): every bit out depends on every bit in."""
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    mixed: NDArray[np.uint64] = bits ^ (bits >> np.uint64(31))
    return mixed


def replicated_totals(
    sums: FloatArray, keys: IntArray, *, seed: int, replicates: int = DEFAULT_REPLICATES
) -> FloatArray:
    """Weighted totals of each column in every replicate, shape (replicates, k).

    Args:
        sums: of each group, shape (G, k).
        keys: what the groups are called, shape (G,).
        seed: of the weights.
        replicates: how many.
    """
    rows = [
        poisson_weights(keys, seed=seed, first=first, count=min(_ROWS_AT_ONCE, replicates - first)) @ sums
        for first in range(0, replicates, _ROWS_AT_ONCE)
    ]
    return np.concatenate(rows, axis=0)


def bootstrap_error(influence: Influence, *, seed: int, replicates: int = DEFAULT_REPLICATES) -> float | None:
    """Standard error of an estimate that is smooth in sums, to hold against the robust one; None below two groups."""
    if influence.groups < 2:
        return None
    columns = np.stack([influence.sums, influence.n], axis=1)
    totals = replicated_totals(columns, influence.keys, seed=seed, replicates=replicates)
    drawn = totals[totals[:, 1] > 0]
    return float(np.std(drawn[:, 0] / drawn[:, 1], ddof=1)) if len(drawn) >= 2 else None
