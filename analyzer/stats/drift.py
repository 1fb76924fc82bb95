"""Does a level change over time? Confidence sequences that are started at every block must have a value in common.

While nothing changes, the true value lies in all of them; when their intersection is empty, it did change (Shekhar and
Ramdas 2024, "Reducing sequential change detection to sequential estimation", ICML). With sequences of level 1 - alpha
the mean time to a false alarm is at least 1/alpha blocks, and a window of B blocks has one with a chance of B alpha at
most. Sequences are those of `anytime`, on what each block adds to an estimate, hence for means, ratios and quantiles
alike; errors are those over the blocks of each sequence (CR1), with three cautions:

- so far out in the tails, and with as few as ten blocks, a normal multiplier is far too small; Student's quantile of
  the same probability takes its place (Wallace 1959, Annals of Mathematical Statistics 30:1121);
- a few blocks may by chance be all alike, as those without a rare event are; no sequence counts as less variable than
  half of what neighbouring blocks of the window differ by;
- load makes neighbouring blocks alike. Blocks are merged while they are, as long as enough remain, and what
  autocorrelation is left widens the errors by sqrt((1 + phi) / (1 - phi)). It is taken from differences of blocks one
  and two apart, so that the change which is looked for does not look like autocorrelation.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from analyzer.stats.anytime import kappa, least_pairs
from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray

DEFAULT_ALPHA = 1 / 2000
"""Of each sequence: a false alarm in 2,000 blocks at most, on average (with quarters of an hour, in three weeks)."""
LEAST_BLOCKS = 10
"""Of a sequence before it says anything."""
MOST_BLOCKS = 1500
"""More are merged first: all pairs of blocks are looked at."""
MERGED_BLOCKS = 60
"""Merging leaves at least so many."""
MAX_AUTOCORRELATION = 0.1
LEAST_VARIANCE = 0.5
"""Of a sequence, per pair, against that which differences of neighbouring blocks show."""
_STRIDE = 128
_MOST_LOG_E = 300.0


@dataclass(frozen=True, slots=True)
class Level:
    """The value over some neighbouring blocks."""

    first: int
    """Key of the first block (start, seconds since the epoch)."""
    blocks: int
    n: float
    """Pairs."""
    value: float
    error: float
    """Standard error over the blocks, autocorrelation included."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """One change of level."""

    at: int
    """Key of the first block after it, by least squares (Bai 1997)."""
    alarm: int
    """Key of the block with which it was sure."""
    before: Level
    after: Level
    """Up to the next change."""
    log_e: float
    """ln(1/a) with a the level at which the sequences before and after would just touch: ln(1/alpha) at least, no more
    than 300."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What was found, in order of time, and in how many blocks (after merging) it was looked for."""

    points: tuple[ChangePoint, ...]
    blocks: int
    autocorrelation: float
    """Of neighbouring blocks after merging; at least 0."""


def find_changes(blocks: Influence, estimate: float, *, planned: float, alpha: float = DEFAULT_ALPHA) -> Changes | None:
    """All changes of level; after each alarm the search begins anew.

    Args:
        blocks: what each block adds to the estimate, in order of time.
        estimate: over all of them.
        planned: n* of the sequences, in pairs.
        alpha: of each sequence.

    Returns:
        None when there are too few blocks or pairs for two sequences beside each other.
    """
    merged, correlation = _merged(blocks)
    if merged.groups < 2 * LEAST_BLOCKS or merged.total < 2 * least_pairs(planned):
        return None
    series = _Series(merged, planned, (1 + correlation) / (1 - correlation), estimate)
    starts, alarms = [0], []
    begin = 0
    while (alarm := series.alarm(begin, alpha)) is not None:
        starts.append(series.split(starts[-1], alarm + 1))
        alarms.append(alarm)
        begin = alarm + 1
    points = _points(series, [*starts, merged.groups], alarms, alpha)
    return Changes(tuple(points), merged.groups, correlation)


def _points(series: "_Series", ends: list[int], alarms: list[int], alpha: float) -> list[ChangePoint]:
    keys = series.blocks.keys
    points = []
    for i, alarm in enumerate(alarms):
        before, after = series.level(ends[i], ends[i + 1]), series.level(ends[i + 1], ends[i + 2])
        log_e = max(-math.log(alpha), series.log_e(ends[i], ends[i + 1], ends[i + 2]))
        points.append(ChangePoint(int(keys[ends[i + 1]]), int(keys[alarm]), before, after, log_e))
    return points


def _merged(blocks: Influence) -> tuple[Influence, float]:
    """(blocks merged until they are no longer alike, the autocorrelation that is left, 0 to 0.9)."""
    blocks = blocks.coarser(max(1, -(-blocks.groups // MOST_BLOCKS)))
    correlation = _autocorrelation(blocks)
    while correlation > MAX_AUTOCORRELATION and blocks.groups >= 2 * MERGED_BLOCKS:
        blocks = blocks.coarser(2)
        correlation = _autocorrelation(blocks)
    return blocks, correlation


def _autocorrelation(blocks: Influence) -> float:
    """From V_k, the mean squared difference of blocks k apart: V_2 / V_1 - 1 is phi where correlation falls as phi^k.

    The largest tenth of the differences is left out: a change of level is in one or two of them.
    """
    if blocks.groups < 2 * LEAST_BLOCKS:
        return 0.0
    means = blocks.sums / blocks.n
    near, far = (_trimmed((means[lag:] - means[:-lag]) ** 2) for lag in (1, 2))
    return 0.0 if near <= 0 else min(max(far / near - 1, 0.0), 0.9)


def _trimmed(squares: FloatArray) -> float:
    kept = np.sort(squares)[: len(squares) - len(squares) // 10]
    return float(kept.mean())


def _student(z: FloatArray, degrees: FloatArray) -> FloatArray:
    """Student's quantile with the tail probability of a normal one (Wallace 1959, inverted); within 1 %."""
    wider = z * (8 * degrees + 3) / (8 * degrees + 1)
    quantile: FloatArray = np.sqrt(degrees * np.expm1(np.minimum(wider**2 / degrees, 600.0)))
    return quantile


class _Series:
    """Sums over all blocks up to each, so that those of any run of blocks are differences of two."""

    def __init__(self, blocks: Influence, planned: float, inflation: float, estimate: float) -> None:
        self.blocks = blocks
        self._planned, self._inflation, self._estimate = planned, inflation, estimate
        n, sums = blocks.n, blocks.sums
        columns = np.stack([n, sums, sums**2, sums * n, n**2])
        self._up_to: FloatArray = np.concatenate([np.zeros((5, 1)), columns.cumsum(axis=1)], axis=1)
        # Differences of neighbours do not see a change of level, but for one of them.
        steps = np.diff(sums / n) ** 2 / (1 / n[1:] + 1 / n[:-1])
        self._least_spread = LEAST_VARIANCE * float(steps.mean())
        # Below that, differences are rounding.
        self._noise = 1e-9 * max(abs(estimate), float(np.abs(sums / n).max()))

    def _runs(
        self, first: FloatArray, end: FloatArray, least_spread: float
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(pairs, deviation from the estimate, standard error, degrees of freedom) of blocks first to end - 1.

        Few unequal groups count as the number of equal ones that n^2 / sum n_g^2 says. Each pair adds `least_spread` at
        least to the squares.
        """
        i, j = first.astype(np.intp), end.astype(np.intp)
        n, total, squares, cross, sizes = (part[j] - part[i] for part in self._up_to)
        deviation = total / n
        groups = n**2 / sizes
        free = np.maximum(groups - 1, 0.5)
        spread = np.maximum(squares - 2 * deviation * cross + deviation**2 * sizes, least_spread * n)
        error = np.sqrt(self._inflation * groups / free * spread) / n
        return n, deviation, error, free

    def _multiplier(self, n: FloatArray, degrees: FloatArray, alpha: float) -> FloatArray:
        r = kappa(alpha) * n / self._planned
        return _student(np.sqrt((1 + 1 / r) * (np.log1p(r) - 2 * math.log(alpha))), degrees)

    def alarm(self, begin: int, alpha: float) -> int | None:
        """The first block by which the sequences started at `begin` or later have no value in common."""
        lowest_upper, highest_lower = math.inf, -math.inf
        total = self.blocks.groups
        for left in range(begin + LEAST_BLOCKS, total + 1, _STRIDE):
            ends = np.arange(left, min(left + _STRIDE, total + 1), dtype=np.float64)
            starts = np.arange(begin, ends[-1] - LEAST_BLOCKS + 1, dtype=np.float64)
            lower, upper = self._limits(starts, ends, alpha)
            lowers = np.maximum(np.maximum.accumulate(lower), highest_lower)
            uppers = np.minimum(np.minimum.accumulate(upper), lowest_upper)
            apart = np.flatnonzero(lowers > uppers + self._noise)
            if len(apart):
                return int(ends[apart[0]]) - 1
            highest_lower, lowest_upper = float(lowers[-1]), float(uppers[-1])
        return None

    def _limits(self, starts: FloatArray, ends: FloatArray, alpha: float) -> tuple[FloatArray, FloatArray]:
        """(highest lower, lowest upper limit) at each end, over all starts that are long enough ago."""
        rows, columns = np.nonzero(ends[None, :] - starts[:, None] >= LEAST_BLOCKS)
        n, deviation, error, degrees = self._runs(starts[rows], ends[columns], self._least_spread)
        says = (n >= least_pairs(self._planned)) & (degrees >= LEAST_BLOCKS / 2 - 1)
        n, deviation, error, degrees = (part[says] for part in (n, deviation, error, degrees))
        half = error * self._multiplier(n, degrees, alpha)
        lower, upper = np.full(len(ends), -math.inf), np.full(len(ends), math.inf)
        np.maximum.at(lower, columns[says], deviation - half)
        np.minimum.at(upper, columns[says], deviation + half)
        return lower, upper

    def split(self, begin: int, end: int) -> int:
        """Where one step fits blocks begin to end - 1 best: the first block after it."""
        edge = LEAST_BLOCKS // 2
        at = np.arange(begin + edge, end - edge + 1)
        n, total = self._up_to[0], self._up_to[1]
        n_1, n_2 = n[at] - n[begin], n[end] - n[at]
        apart = (total[at] - total[begin]) / n_1 - (total[end] - total[at]) / n_2
        return int(at[np.argmax(n_1 * n_2 / (n_1 + n_2) * apart**2)])

    def level(self, first: int, end: int) -> Level:
        """Of blocks first to end - 1."""
        n, deviation, error, _ = self._runs(np.array([first]), np.array([end]), 0.0)
        key = int(self.blocks.keys[first])
        return Level(key, end - first, float(n[0]), self._estimate + float(deviation[0]), float(error[0]))

    def log_e(self, first: int, middle: int, end: int) -> float:
        """ln(1/a): at level a the sequences over both runs of blocks just touch; 0 where they always do."""
        ends = np.array([first, middle]), np.array([middle, end])
        n, deviation, error, degrees = self._runs(*ends, self._least_spread)
        apart = abs(float(deviation[0] - deviation[1]))

        def excess(log_e: float) -> float:
            return apart - float(error @ self._multiplier(n, degrees, math.exp(-log_e)))

        if excess(0.1) <= 0:
            return 0.0
        if excess(_MOST_LOG_E) >= 0:
            return _MOST_LOG_E
        return float(optimize.brentq(excess, 0.1, _MOST_LOG_E, xtol=1e-6))
