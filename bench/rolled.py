"""Rollup rows as 100 million pairs would have left them, made by the engine itself.

A minute's block of a candidate holds some 770 pairs; the numbers are random around what such a group gives. What
matters to the queries is how many rows there are, and how large their vectors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.rollups.tables import BLOCKS, BUCKETS, HISTOGRAMS, LABEL_BUCKETS, LABELED, NO_BUCKET, Rollup
from store.rollups.vectors import SERIES, TYPES

CANDIDATES = ("llama-70b", "mistral", "qwen")
EXPERIMENT = "e1"
LABEL_NAMES = ("tenant", "route")
_SCALES = {"counts": 1, "sums": 10**6, "squares": 10**12, "cubes": 10**18}
_BINS = 1_800
"""A latency that spreads over a factor of 36: a bin is 0.2 %."""
# Whole blocks as the engine merges them; the rows of one statement go into one part per month.
_INSERTED = "SETTINGS max_insert_threads = 2, max_block_size = 8192, min_insert_block_size_rows = 65536"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is stood for."""

    until: datetime
    """A full hour, UTC."""
    days: int = 30
    values: int = 100
    """Of each of two labels."""
    pairs: int = 100_000_000

    @property
    def since(self) -> datetime:
        """A full day."""
        return (self.until - timedelta(days=self.days)).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def hours(self) -> int:
        """From `since` to `until`."""
        return int((self.until - self.since).total_seconds()) // 3600


def statements(traffic: Traffic) -> Iterator[str]:
    """Fill the rollups; pairs are spread evenly over candidates, hours, buckets and labels."""
    start = f"toDateTime('{traffic.since:%Y-%m-%d %H:%M:%S}', 'UTC')"
    labels = _array(LABEL_NAMES)
    n, who = len(CANDIDATES), f"{_array(CANDIDATES)}[number % {len(CANDIDATES)} + 1] AS candidate, '{EXPERIMENT}'"
    per_hour = traffic.pairs / traffic.hours / n
    time = f"{start} + 60 * intDiv(number, {n})"
    yield _insert(BLOCKS, f"{who}, {time}, {_vectors(BLOCKS, per_hour / 60)}", traffic.hours * 60 * n)
    time = f"{start} + 3600 * intDiv(number, {n * 256})"
    bucket = f"intDiv(number, {n}) % 256"
    yield _insert(BUCKETS, f"{who}, {time}, {bucket}, {_vectors(BUCKETS, per_hour / 256)}", traffic.hours * n * 256)
    groups = n * len(LABEL_NAMES) * traffic.values
    name = f"{labels}[intDiv(number, {n}) % 2 + 1]"
    value = f"concat('value-', toString(intDiv(number, {2 * n}) % {traffic.values}))"
    time = f"{start} + 3600 * intDiv(number, {groups})"
    vectors = _vectors(LABELED, per_hour / traffic.values)
    yield _insert(LABELED, f"{who}, {name}, {NO_BUCKET}, {value}, {time}, {vectors}", traffic.hours * groups)
    bucket = f"intDiv(number, {groups}) % {LABEL_BUCKETS}"
    time = f"{start} + 86400 * intDiv(number, {groups * LABEL_BUCKETS})"
    vectors = _vectors(LABELED, per_hour * 24 / traffic.values / LABEL_BUCKETS)
    days = -(-traffic.hours // 24)
    yield _insert(LABELED, f"{who}, {name}, {bucket}, {value}, {time}, {vectors}", days * groups * LABEL_BUCKETS)
    groups = n * len(SERIES)
    series = f"{_array(SERIES)}[intDiv(number, {n}) % {len(SERIES)} + 1]"
    bins = f"5000 + intDiv(number, {groups}) % {_BINS}"
    time = f"{start} + 3600 * intDiv(number, {groups * _BINS})"
    pairs = f"1 + intHash32(number) % {max(1, round(2 * per_hour / _BINS))}"
    yield _insert(HISTOGRAMS, f"{who}, {series}, {time}, {bins}, {pairs}", traffic.hours * groups * _BINS)


def _insert(rollup: Rollup, columns: str, rows: int) -> str:
    return f"INSERT INTO {rollup.name} SELECT {columns} FROM numbers({rows}) {_INSERTED}"


def _array(names: tuple[str, ...]) -> str:
    return str(list(names))


def _vectors(rollup: Rollup, pairs: float) -> str:
    """States with one array each, of numbers around `pairs` times what one pair gives."""
    made = []
    for seed, (vector, places) in enumerate(rollup.vectors.items()):
        scale = max(1, round(pairs * _SCALES[vector] / 500))
        number = f"to{TYPES[vector]}({scale}) * toInt64(1 + intHash32(number * 977 + i * 31 + {seed}) % 1000)"
        made.append(f"arrayReduce('sumForEachState', [arrayMap(i -> {number}, range({len(places)}))])")
    return ", ".join(made)
