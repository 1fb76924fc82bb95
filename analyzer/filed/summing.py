"""Sums of one experiment: by time and by conversation bucket, totals, histograms, labels."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.figures import MAX_LABEL_VALUES, GroupTable, Histogram, LabelTable
from analyzer.filed.columns import PairColumns
from analyzer.filed.exact import CHUNK, Index, Places, add_by_group, chunks, product_sum
from analyzer.filed.labels import OTHER_NAME, Labels
from analyzer.filed.numbers import Numbers
from analyzer.filed.statistics import bins_of, counts_of, products_of, sums_of
from analyzer.reading import Sums
from store.rollups.tables import LABEL_BUCKETS, LABELED
from store.rollups.vectors import OF_PAIRS

MAX_STEPS = 1500
"""Time steps of a table; neighbouring blocks are added up until there are no more."""
MAX_LABEL_STEPS = 200
BUCKETS = 256
_MOST = {place.name: place.most for places in OF_PAIRS.statistics.values() for place in places}
_LINEAR = (*OF_PAIRS.names("counts"), *OF_PAIRS.names("sums"))
_OF_LABELS = frozenset(place.name for places in LABELED.vectors.values() for place in places)
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of pairs."""

    keys: tuple[int, ...]
    """Ascending."""
    of: NDArray[np.unsignedinteger[Any]]
    """Shape (n,): place in `keys`."""


def steps(block_s: NDArray[np.int64], most: int = MAX_STEPS) -> int:
    """Length of a time step, seconds: one time block, or as many as it takes to have no more than `most` of them."""
    starts = np.unique(block_s)
    if len(starts) == 0:
        return 1
    step = max(1, int(np.gcd.reduce(starts)))
    while len(np.unique(starts // step)) > most:
        step *= 2
    return step


def by_time(block_s: NDArray[np.int64], step_s: int) -> Grouping:
    """Groups are called by their start, seconds since the epoch."""
    return _grouping(block_s // step_s * step_s)


def by_bucket(bucket: NDArray[np.uint8], folded: int = BUCKETS) -> Grouping:
    """Conversation buckets, modulo `folded`."""
    return _grouping(bucket.astype(np.int64) % folded)


def _grouping(values: NDArray[np.int64]) -> Grouping:
    keys = np.unique(values)
    # Two bytes a pair, most often; a whole column of places would need eight, and unique's own inverse more.
    of = np.empty(len(values), dtype=np.min_scalar_type(len(keys)))
    for first in range(0, len(values), CHUNK):
        part = slice(first, first + CHUNK)
        of[part] = np.searchsorted(keys, values[part])
    return Grouping(tuple(int(key) for key in keys), of)


class _Table:
    """Sums that grow chunk by chunk."""

    def __init__(self, names: tuple[str, ...], groups: int, pairs: int) -> None:
        self._sums = {
            name: np.zeros(groups, dtype=np.int64 if _MOST[name] * max(pairs, 1) <= _INT64_MAX else object)
            for name in names
        }

    def add(self, numbers: Numbers, group: Places, rows: NDArray[np.bool_] | slice = slice(None)) -> None:
        """Some of the pairs; `group` is of these."""
        for name, values in (*counts_of(numbers), *sums_of(numbers)):
            if name in self._sums:
                add_by_group(self._sums[name], values[rows].astype(np.int64), group)

    def table(self, keys: tuple[int, ...], part: slice = slice(None)) -> GroupTable:
        """Of the groups of a part."""
        return GroupTable(keys, {name: tuple(int(x) for x in sums[part]) for name, sums in self._sums.items()})


def added_up(pairs: PairColumns, rows: Index, labels: Mapping[str, Labels], *, step_s: int, cap_us: int | None) -> Sums:
    """Of some of the pairs.

    Args:
        pairs: n of them.
        rows: numbers of those that are added up, ascending.
        labels: by name.
        step_s: length of a time step.
        cap_us: of restricted means (see `numbers`); None: sums exactly as rollups hold them.
    """
    time, bucket = by_time(pairs.block_s[rows], step_s), by_bucket(pairs.bucket[rows])
    blocks, buckets = (_Table(_LINEAR, len(g.keys), len(rows)) for g in (time, bucket))
    totals = dict.fromkeys((*OF_PAIRS.names("squares"), *OF_PAIRS.names("cubes")), 0)
    bins: dict[str, Counter[int]] = {}
    tables = [_LabelSums(name, found, pairs, rows) for name, found in sorted(labels.items())]
    at = 0
    for chunk in chunks(rows):
        numbers = Numbers(pairs.taken(chunk), cap_us)
        here = slice(at, at + len(chunk))
        blocks.add(numbers, time.of[here])
        buckets.add(numbers, bucket.of[here])
        for name, factors in products_of(numbers):
            totals[name] += product_sum(*factors)
        for series, places in bins_of(numbers):
            found, times = np.unique(places, return_counts=True)
            bins.setdefault(series, Counter()).update(dict(zip(found.tolist(), times.tolist(), strict=True)))
        for label in tables:
            label.add(numbers, chunk, here)
        at += len(chunk)
    by_step = blocks.table(time.keys)
    return Sums(
        by_step,
        buckets.table(bucket.keys),
        {**{name: sum(column) for name, column in by_step.sums.items()}, **totals},
        {series: _histogram(found) for series, found in bins.items() if found},
        tuple(found for label in tables for found in label.tables()),
    )


def _histogram(found: Mapping[int, int]) -> Histogram:
    places = sorted(found)
    return Histogram(tuple(places), tuple(found[place] for place in places))


class _LabelSums:
    """Tables of one label's most frequent values, side by side in one array."""

    def __init__(self, name: str, labels: Labels, pairs: PairColumns, rows: Index) -> None:
        self._name, self._codes = name, labels.codes
        counts = np.bincount(labels.codes[rows], minlength=OTHER_NAME + 1)[1 : len(labels.values) + 1]
        there = sorted(np.flatnonzero(counts), key=lambda i: (-counts[i], labels.values[i]))[:MAX_LABEL_VALUES]
        self._values = tuple(labels.values[i] for i in there)
        self._place = np.full(OTHER_NAME + 1, -1, dtype=np.intp)
        self._place[np.array(there, dtype=np.intp) + 1] = np.arange(len(there))
        self._time = by_time(pairs.block_s[rows], steps(pairs.block_s[rows], MAX_LABEL_STEPS))
        self._bucket = by_bucket(pairs.bucket[rows], LABEL_BUCKETS)
        names = tuple(name for name in _LINEAR if name in _OF_LABELS)
        self._blocks, self._buckets = (
            _Table(names, len(g.keys) * max(1, len(there)), len(rows)) for g in (self._time, self._bucket)
        )

    def add(self, numbers: Numbers, chunk: Index, here: slice) -> None:
        """One chunk of the rows, which are `here` among all rows."""
        place = self._place[self._codes[chunk]]
        has = place >= 0
        for table, grouping in ((self._blocks, self._time), (self._buckets, self._bucket)):
            table.add(numbers, place[has] * len(grouping.keys) + grouping.of[here][has], has)

    def tables(self) -> list[LabelTable]:
        """One of each value, without groups in which it has no pair."""
        found = []
        for i, value in enumerate(self._values):
            tables = [
                _without_empty(table.table(grouping.keys, slice(i * len(grouping.keys), (i + 1) * len(grouping.keys))))
                for table, grouping in ((self._blocks, self._time), (self._buckets, self._bucket))
            ]
            found.append(LabelTable(self._name, value, *tables))
        return found


def _without_empty(table: GroupTable) -> GroupTable:
    rows = [i for i, n in enumerate(table.sums["pairs"]) if n or table.sums["unavailable"][i]]
    return GroupTable(
        tuple(table.keys[i] for i in rows), {name: tuple(sums[i] for i in rows) for name, sums in table.sums.items()}
    )
