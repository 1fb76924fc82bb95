"""Estimates at any look, from sums that grow block by block: the product's functions over arrays.

A replication adds its pairs up once. Each look takes the first so many blocks, as a report at that moment would.
"""

from dataclasses import replace
from typing import Protocol

import numpy as np

from analyzer.quantiles import QUANTILE_PAIRS
from analyzer.stats.estimate import Estimate
from analyzer.stats.histogram import LogHistogram
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.moments import Moments
from analyzer.stats.quantile import ArmQuantile, BelowCounts, arm_quantile, independent_error, refined
from analyzer.stats.ratio import RatioSums, ratio_difference, ratio_influence
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN
from tests.calibration.traffic import BUCKETS, BoolArray, FloatArray, IntArray, Pairs


class Ledger(Protocol):
    """One metric of one replication."""

    @property
    def blocks(self) -> int:
        """Time blocks with pairs."""
        ...

    def at(self, blocks: int) -> Estimate | None:
        """What is known after so many blocks."""
        ...


class _Groups:
    """Cumulated sums of columns by block, by bucket within the first so many blocks, and over all."""

    def __init__(self, pairs: Pairs, columns: FloatArray) -> None:
        """`columns`: shape (n, k)."""
        keys, index = np.unique(pairs.block, return_inverse=True)
        count, k = len(keys), columns.shape[1]
        stacked = np.concatenate([np.ones((pairs.n, 1)), columns], axis=1)
        self.keys: IntArray = keys
        cell = index * BUCKETS + pairs.bucket
        grid = np.stack([np.bincount(cell, column, count * BUCKETS) for column in stacked.T], axis=1)
        grid = grid.reshape(count, BUCKETS, k + 1)
        self.by_block: FloatArray = grid.sum(axis=1)
        self.by_bucket: FloatArray = grid.cumsum(axis=0)

    def buckets(self, blocks: int) -> tuple[IntArray, FloatArray]:
        """Numbers of the buckets with pairs, and their sums."""
        sums = self.by_bucket[blocks - 1]
        there = np.flatnonzero(sums[:, 0])
        return there, sums[there]


class MeanLedger:
    """Means of paired differences, rates, mean log ratios."""

    def __init__(self, pairs: Pairs) -> None:
        difference = pairs.candidate - pairs.primary
        self._groups = _Groups(pairs, np.stack([pairs.primary, pairs.candidate, difference], axis=1))
        # Around the grand mean, so that the cubes lose nothing to an offset.
        self._centre = float(difference.mean())
        _, index = np.unique(pairs.block, return_inverse=True)
        powers = [np.bincount(index, (difference - self._centre) ** k) for k in (1, 2, 3)]
        self._powers = np.cumsum(np.stack(powers, axis=1), axis=0)

    @property
    def blocks(self) -> int:
        return len(self._groups.keys)

    def at(self, blocks: int) -> Estimate | None:
        sums = PairedSums(self._groups.keys[:blocks], *self._groups.by_block[:blocks].T)
        mean = paired_mean(sums)
        if mean is None:
            return None
        keys, by_bucket = self._groups.buckets(blocks)
        buckets = PairedSums(keys, *by_bucket.T)
        spread = _moments(mean.n, *(float(power) for power in self._powers[blocks - 1]))
        return Estimate(
            n=mean.n,
            primary=mean.primary,
            candidate=mean.candidate,
            difference=mean.difference,
            independent_error=spread.error(),
            blocks=sums.influence(),
            buckets=buckets.influence(),
            skewness=spread.skewness,
            primary_blocks=sums.primary_influence(),
            primary_buckets=buckets.primary_influence(),
        )


def _moments(n: int, first: float, second: float, third: float) -> Moments:
    mean = first / n
    return Moments(n, mean, max(second - n * mean**2, 0.0), third - 3 * mean * second + 2 * n * mean**3)


def log_ratio(pairs: Pairs) -> MeanLedger:
    """The mean of ln(candidate / primary)."""
    logs = Pairs(np.log(pairs.primary), np.log(pairs.candidate), pairs.block, pairs.bucket, pairs.conversation)
    return MeanLedger(logs)


class RateLedger:
    """The difference of two proportions in the same pairs: values are 0 or 1."""

    def __init__(self, pairs: Pairs) -> None:
        self._mean = MeanLedger(pairs)
        _, index = np.unique(pairs.block, return_inverse=True)
        difference = pairs.candidate - pairs.primary
        self._discordant = np.stack([np.bincount(index, difference == d).cumsum() for d in (1, -1)], axis=1)

    @property
    def blocks(self) -> int:
        return self._mean.blocks

    def at(self, blocks: int) -> Estimate | None:
        found = self._mean.at(blocks)
        more, less = (round(count) for count in self._discordant[blocks - 1])
        return None if found is None else replace(found, skewness=None, discordant=(more, less))


class RatioLedger:
    """The difference of two ratios of sums."""

    def __init__(self, pairs: Pairs) -> None:
        if pairs.per_primary is None or pairs.per_candidate is None:
            raise ValueError("pairs without denominators have no ratio")
        columns = np.stack([pairs.candidate, pairs.per_candidate, pairs.primary, pairs.per_primary], axis=1)
        self._groups = _Groups(pairs, columns)
        _, index = np.unique(pairs.block, return_inverse=True)
        products = [np.bincount(index, a * b) for a in columns.T for b in columns.T]
        self._products = np.cumsum(np.stack(products, axis=1), axis=0).reshape(-1, 4, 4)

    @property
    def blocks(self) -> int:
        return len(self._groups.keys)

    def at(self, blocks: int) -> Estimate | None:
        by_block, products = self._groups.by_block[:blocks], self._products[blocks - 1]
        sums = RatioSums(by_block[:, 0], by_block[:, 1:], products, self._groups.keys[:blocks])
        keys, by_bucket = self._groups.buckets(blocks)
        found = ratio_difference(sums)
        if found is None:
            return None
        return Estimate(
            n=found.n,
            primary=found.primary,
            candidate=found.candidate,
            difference=found.difference,
            independent_error=found.independent_error,
            blocks=ratio_influence(sums),
            buckets=ratio_influence(RatioSums(by_bucket[:, 0], by_bucket[:, 1:], products, keys)),
        )


class QuantileLedger:
    """The difference of a quantile, by histograms and counts at thresholds. Times in milliseconds; failures are inf."""

    def __init__(self, pairs: Pairs, p: float) -> None:
        self._pairs, self._p = pairs, p
        self._least = QUANTILE_PAIRS.get(f"p{p * 100:.0f}", 0)
        self._bins = tuple(_bins(arm) for arm in (pairs.primary, pairs.candidate))
        _, self._index = np.unique(pairs.block, return_inverse=True)
        self._ends = np.cumsum(np.bincount(self._index))

    @property
    def blocks(self) -> int:
        return len(self._ends)

    def at(self, blocks: int) -> Estimate | None:
        n, pairs = int(self._ends[blocks - 1]), self._pairs
        primary, candidate = (_arm(bins[:n], self._p) for bins in self._bins)
        if (
            primary is None
            or candidate is None
            or not np.isfinite([primary.inverse_density, candidate.inverse_density]).all()
        ):
            return None
        below_p, below_c = pairs.primary[:n] <= primary.value, pairs.candidate[:n] <= candidate.value
        share_p, share_c = float(below_p.mean()), float(below_c.mean())
        values = (
            refined(primary, primary.value, share_p, self._p),
            refined(candidate, candidate.value, share_c, self._p),
        )
        groups = (_below(group[:n], below_p, below_c) for group in (self._index, pairs.bucket))
        by_time, by_bucket = (counts.influence(primary, candidate) for counts in groups)
        shares = share_p, share_c, float((below_p & below_c).mean())
        error = independent_error(n, shares, primary, candidate)
        return Estimate(
            n=n,
            primary=values[0],
            candidate=values[1],
            difference=values[1] - values[0],
            independent_error=error,
            blocks=by_time,
            buckets=by_bucket,
            obstacle=f"fewer than {self._least} pairs" if n < self._least else None,
        )


def _bins(values_ms: FloatArray) -> IntArray:
    """As the rollups have them: of microseconds."""
    found = np.full(len(values_ms), FAILED_BIN, dtype=np.int64)
    finite = np.isfinite(values_ms)
    whole = np.round(values_ms[finite] * 1000)
    found[finite] = np.where(whole > 0, np.floor(np.log(np.maximum(whole, 1)) / np.log(GAMMA)), ZERO_BIN)
    return found


def _arm(bins: IntArray, p: float) -> ArmQuantile | None:
    """In milliseconds."""
    numbers, counts = np.unique(bins, return_counts=True)
    histogram = LogHistogram(numbers.tolist(), counts.tolist(), gamma=GAMMA, zero=ZERO_BIN, beyond=FAILED_BIN)
    found = arm_quantile(histogram, p)
    return None if found is None else ArmQuantile(found.value / 1000, found.inverse_density / 1000)


def _below(group: IntArray, below_primary: BoolArray, below_candidate: BoolArray) -> BelowCounts:
    keys = np.flatnonzero(np.bincount(group))
    columns = (np.bincount(group, weights)[keys] for weights in (None, below_primary, below_candidate))
    n, primary, candidate = (column.astype(np.float64) for column in columns)
    return BelowCounts(keys, n, primary, candidate)
