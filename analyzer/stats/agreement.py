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
class Concordance:
    """How far several raters agree with each other."""

    share: float
    """Of all pairs of raters of the same subject."""
    share_error: float
    """Standard error, for independent subjects."""
    kappa: float | None
    """Beyond what chance gives (Fleiss 1971); None where all always name the same one class."""
    kappa_error: float | None
    subjects: int
    """With two raters at least; others say nothing."""


def concordance(counts: FloatArray, subjects: FloatArray | None = None) -> Concordance | None:
    """Of any number of raters per subject, who need not be the same ones (Fleiss 1971, Psychological Bulletin 76:378).

    With n_i raters of subject i, p_i the share of their pairs that agree, and q_j the share of all ratings in class j,

        share = mean of p_i,     kappa = (share - sum q_j^2) / (1 - sum q_j^2).

    Errors are those of the delta method, from what each subject adds to both.

    Args:
        counts: shape (m, K): raters of a subject by class.
        subjects: shape (m,): how many subjects have these counts; None: one each.

    Returns:
        None where no subject has two raters.
    """
    raters = counts.sum(axis=1)
    several = raters >= 2
    counts, raters = counts[several], raters[several]
    if not len(counts):
        return None
    each = np.ones(len(counts)) if subjects is None else subjects[several]
    total = float(each.sum())
    alike = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    share = float(np.average(alike, weights=each))
    classes = each @ counts / float(each @ raters)
    by_chance = float(classes @ classes)
    share_error = math.sqrt(float(each @ (alike - share) ** 2)) / total
    if by_chance >= 1:
        return Concordance(share, share_error, None, None, int(total))
    chance_moved = 2 * (counts @ classes - raters * by_chance) / float(np.average(raters, weights=each))
    moved = (alike - share) / (1 - by_chance) - (1 - share) / (1 - by_chance) ** 2 * chance_moved
    kappa_error = math.sqrt(float(each @ moved**2)) / total
    return Concordance(share, share_error, (share - by_chance) / (1 - by_chance), kappa_error, int(total))


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
