"""Exact counts at thresholds: how many pairs of each group have an arm at or below one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.figures import CountTable, Threshold, ThresholdCounts
from analyzer.filed.columns import Floats, PairColumns
from analyzer.filed.exact import Index, Whole, chunks
from analyzer.filed.numbers import LATENCIES, Numbers
from analyzer.filed.summing import Grouping, by_bucket, by_time
from store.rollups.measures import Arm

_PREFIX: Mapping[str, str] = {m.metric: m.prefix for m in LATENCIES}


@dataclass(slots=True)
class _Counts:
    """At one threshold, by group: shapes (G,)."""

    n: Whole
    primary: Whole
    candidate: Whole

    def table(self, keys: tuple[int, ...]) -> CountTable:
        n, primary, candidate = (tuple(int(x) for x in column) for column in (self.n, self.primary, self.candidate))
        return CountTable(keys, n, primary, candidate)


def counts_at(
    pairs: PairColumns, rows: Index, thresholds: Sequence[Threshold], *, step_s: int
) -> tuple[ThresholdCounts, ...]:
    """In the order of the thresholds. A failure is above everything.

    Args:
        pairs: n of them.
        rows: numbers of those that are counted, ascending.
        thresholds: of times in milliseconds.
        step_s: length of a time step.
    """
    groupings = by_time(pairs.block_s[rows], step_s), by_bucket(pairs.bucket[rows])
    counts = [tuple(_nothing(g) for g in groupings) for _ in thresholds]
    both = [0] * len(thresholds)
    at = 0
    for chunk in chunks(rows):
        numbers = Numbers(pairs.taken(chunk))
        groups = [g.of[at : at + len(chunk)] for g in groupings]
        for k, threshold in enumerate(thresholds):
            counted = numbers.binned[_PREFIX[threshold.metric]]
            below = [_below(numbers, arm, threshold) & counted for arm in ("primary", "candidate")]
            both[k] += int((below[0] & below[1]).sum())
            for grouped, group in zip(counts[k], groups, strict=True):
                grouped.n += np.bincount(group[counted], minlength=len(grouped.n))
                grouped.primary += np.bincount(group[below[0]], minlength=len(grouped.n))
                grouped.candidate += np.bincount(group[below[1]], minlength=len(grouped.n))
        at += len(chunk)
    return tuple(
        ThresholdCounts(threshold, of[0].table(groupings[0].keys), of[1].table(groupings[1].keys), n)
        for threshold, of, n in zip(thresholds, counts, both, strict=True)
    )


def _nothing(grouping: Grouping) -> _Counts:
    return _Counts(*(np.zeros(len(grouping.keys), dtype=np.int64) for _ in range(3)))


def _below(numbers: Numbers, arm: Arm, threshold: Threshold) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    times: Floats = getattr(numbers.pairs.arm(arm), threshold.metric)
    limit = threshold.primary_ms if arm == "primary" else threshold.candidate_ms
    return numbers.given.ok[arm] & (times <= limit)
