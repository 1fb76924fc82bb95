"""Does a judge agree with people, and with itself when the answers change places?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats.interval import Interval
from analyzer.stats.moments import FloatArray
from analyzer.stats.proportions import sign_test, wilson


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond what chance gives: 1 complete, 0 none (Cohen 1960)."""

    value: float
    error: float
    """Large-sample standard error (Fleiss, Cohen and Everitt 1969)."""
    null_error: float
    """Standard error if there were no agreement beyond chance."""

    def interval(self, level: float) -> Interval:
        """Normal, at most up to 1."""
        margin = float(stats.norm.ppf(0.5 + level / 2)) * self.error
        return Interval(self.value - margin, min(1.0, self.value + margin))


def cohens_kappa(table: FloatArray) -> Kappa | None:
    """From counts, shape (K, K): the row is one rater's class, the column the other's.

    Returns:
        None without counts, or where both always name the same one class.
    """
    total = float(table.sum())
    if total == 0:
        return None
    share = table / total
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    by_chance = float(rows @ columns)
    if by_chance >= 1:
        return None
    free = 1 - by_chance
    value = (float(np.trace(share)) - by_chance) / free
    # Cell (i, j): how often the other rater says i, and this one j.
    margins = columns[:, None] + rows[None, :]
    on = float(np.diag(share) @ (1 - (rows + columns) * (1 - value)) ** 2)
    off_cells = share * margins**2
    off = (1 - value) ** 2 * float(off_cells.sum() - np.trace(off_cells))
    variance = (on + off - (value - by_chance * (1 - value)) ** 2) / free**2 / total
    null = (by_chance + by_chance**2 - float((rows * columns) @ (rows + columns))) / free**2 / total
    return Kappa(value, math.sqrt(max(variance, 0.0)), math.sqrt(max(null, 0.0)))


@dataclass(frozen=True, slots=True)
class SwapCounts:
    """Pairs judged in both orders, without those in which a verdict was a tie."""

    consistent: int
    """The same answer won both times."""
    first_slot: int
    """Whatever was shown first won both times."""
    second_slot: int


@dataclass(frozen=True, slots=True)
class SwapConsistency:
    """How far the order of the answers, not the answers, decides."""

    share: float
    """Of pairs with one winner in both orders."""
    interval: Interval
    """Of that share (Wilson)."""
    first_slot_share: float | None
    """Of the inconsistent pairs; None without any."""
    p_position: float
    """Of "neither place is preferred": exact binomial, among the inconsistent pairs."""


def swap_consistency(counts: SwapCounts, level: float) -> SwapConsistency | None:
    """None without pairs."""
    swayed = counts.first_slot + counts.second_slot
    n = counts.consistent + swayed
    if n == 0:
        return None
    return SwapConsistency(
        counts.consistent / n,
        wilson(counts.consistent, n, level),
        counts.first_slot / swayed if swayed else None,
        sign_test(counts.first_slot, counts.second_slot),
    )
