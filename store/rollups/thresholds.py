"""Pairs at or below a time, by group: exact, from the pairs themselves.

The pairs are those of the histograms (`vectors`: `binned`): each arm has the time or failed, or both failed where
there would have been such a time. A failure is longer than everything.

A question about many millions of pairs is mostly the reading of six columns; adding up costs by the number of sums, so
several counts share one.
"""

# ruff: noqa: S608 - expressions are those of this package; times, thresholds and ids are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.comparison import Ask
from store.parts import OF_EXPERIMENTS, Part
from store.rollups.grid import Grid
from store.rollups.measures import CONDITIONS
from store.rollups.statements import OF_INPUT_SOURCES, nested_rows

_ARMS = ("primary", "candidate")
_WORD_BITS = 63
LARGEST_GROUP = 2**31 - 1
"""Pairs of a group, where nobody knows better."""


@dataclass(frozen=True, slots=True)
class At:
    """Thresholds of both arms."""

    metric: str
    primary_ms: float
    candidate_ms: float

    def of(self, arm: str) -> float:
        """Milliseconds."""
        return float(self.primary_ms if arm == "primary" else self.candidate_ms)


@dataclass(frozen=True, slots=True)
class Below:
    """Pairs by group: how many count, and in how many an arm is at or below its threshold."""

    keys: tuple[int, ...]
    n: tuple[int, ...]
    primary: tuple[int, ...]
    candidate: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one pair of thresholds."""

    blocks: Below
    buckets: Below
    both: int


@dataclass(frozen=True, slots=True)
class Whose:
    """One candidate's experiment."""

    candidate: str
    experiment: str
    largest_group: int = LARGEST_GROUP
    """No group has more pairs."""


def counts(ask: Ask, part: Part, whose: Whose, asked: Sequence[At], grid: Grid) -> list[Counted]:
    """Counts at thresholds, in their order.

    Args:
        ask: runs a SELECT.
        part: which pairs.
        whose: of which experiment.
        asked: the thresholds.
        grid: steps of time, as in the sums.
    """
    if not asked:
        return []
    metrics = list(dict.fromkeys(at.metric for at in asked))
    flags, limits = _flags(metrics, asked)
    packed = _Packed(tuple(flags), max(1, whose.largest_group).bit_length())
    sums = ", ".join(f"sum({sql}) AS word_{i}" for i, sql in enumerate(packed.words(flags)))
    columns = ask(
        f"SELECT place, bucket, {sums} FROM (SELECT *, {grid.place} AS place FROM ({_rows(part, metrics)})) "
        "GROUP BY GROUPING SETS ((place), (bucket)) ORDER BY place, bucket",
        {**part.parameters_of([whose.experiment]), "candidate": whose.candidate, **limits},
    )
    found = packed.unpacked(columns)
    by_time = [int(place) > 0 for place in columns["place"]]
    times = [grid.time_s(int(place)) for place in columns["place"]]
    return [_counted(found, at, k, (by_time, times, columns["bucket"])) for k, at in enumerate(asked)]


def _flags(metrics: Sequence[str], asked: Sequence[At]) -> tuple[dict[str, str], dict[str, float]]:
    """What is counted: name -> condition; and the parameters of these."""
    flags = {f"n_{metric}": f"has_{metric}" for metric in metrics}
    limits = {}
    for k, at in enumerate(asked):
        below = {}
        for arm in _ARMS:
            limits[f"{arm}_{k}"] = at.of(arm)
            below[arm] = f"({arm}_{at.metric} <= {{{arm}_{k}:Float64}})"
            flags[f"{arm}_{k}"] = f"has_{at.metric} AND {below[arm]}"
        flags[f"both_{k}"] = f"has_{at.metric} AND {' AND '.join(below.values())}"
    return flags, limits


@dataclass(frozen=True, slots=True)
class _Packed:
    """Several counts in one sum."""

    names: tuple[str, ...]
    bits: int
    """Of the largest count."""

    @property
    def _per_word(self) -> int:
        return max(1, _WORD_BITS // self.bits)

    def words(self, flags: Mapping[str, str]) -> list[str]:
        """SQL of the numbers to be added up."""
        size = self._per_word
        return [
            " + ".join(
                f"bitShiftLeft(toUInt64({flags[name]}), {self.bits * k})"
                for k, name in enumerate(self.names[i : i + size])
            )
            for i in range(0, len(self.names), size)
        ]

    def unpacked(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[int]]:
        """Counts by name."""
        mask = (1 << self.bits) - 1
        size = self._per_word
        return {
            name: [(int(word) >> (self.bits * (i % size))) & mask for word in columns[f"word_{i // size}"]]
            for i, name in enumerate(self.names)
        }


def _rows(part: Part, metrics: Sequence[str]) -> str:
    """What a pair has of each time: whether it counts, and both arms in ms, infinite for a failure."""
    definitions = dict(CONDITIONS)
    wanted = ["block", "bucket"]
    for metric in metrics:
        for arm in _ARMS:
            definitions[f"time_{arm}_{metric}"] = f"if({arm}_ok, ifNotFinite(ifNull({arm}_{metric}, nan), nan), inf)"
        known = " AND ".join(f"NOT isNaN(time_{arm}_{metric})" for arm in _ARMS)
        either = "" if metric == "total_ms" else " AND (primary_ok OR candidate_ok OR ifNull(stream, false))"
        definitions[f"has_{metric}"] = f"may_count AND {known}{either}"
        wanted += [f"time_primary_{metric}", f"time_candidate_{metric}", f"has_{metric}"]
    definitions["may_count"] = "client_stayed AND own_time"
    where = f"candidate = {{candidate:String}} AND {OF_EXPERIMENTS} AND {part.condition}"
    listed = [name if not name.startswith("time_") else f"{name} AS {name.removeprefix('time_')}" for name in wanted]
    return " UNION ALL ".join(
        f"SELECT {', '.join(listed)} FROM ({nested_rows(source, where, wanted, definitions)})"
        for source in OF_INPUT_SOURCES
    )


def _counted(
    found: Mapping[str, Sequence[int]],
    at: At,
    k: int,
    groups: tuple[Sequence[bool], Sequence[int], Sequence[Any]],
) -> Counted:
    by_time, times, buckets = groups

    def below(keys: Sequence[Any], wanted: bool) -> Below:  # noqa: FBT001 - compared with the flags
        places = [i for i, is_time in enumerate(by_time) if is_time is wanted]
        names = (f"n_{at.metric}", f"primary_{k}", f"candidate_{k}")
        return Below(tuple(int(keys[i]) for i in places), *(tuple(found[name][i] for i in places) for name in names))

    both = sum(n for n, is_time in zip(found[f"both_{k}"], by_time, strict=True) if is_time)
    return Counted(below(times, True), below(buckets, False), both)
