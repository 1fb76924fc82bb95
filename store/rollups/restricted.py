"""What restricted means add to the sums of `total_us` and `ttft_us`.

The rollups hold pairs in which both arms answered. A restricted mean (Irwin 1949; Royston and Parmar 2013) is that of
min(time, cap), and of a leg that timed out the cap is known: so pairs count in which each arm answered or timed out
(the client stayed, the time is the primary's own, one answer was asked for). A leg that timed out counts as the cap;
its first token, where it was seen, as when it was seen, else as the cap if the request was streamed. An answer that
took longer counts as the cap, too.

What differs are few pairs, so their sums are made of the pairs themselves, and added to what is there.
"""

# ruff: noqa: S608 - expressions are those of this package; times, caps and ids are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.comparison import Ask
from store.parts import OF_EXPERIMENTS, Part
from store.rollups.grid import Grid
from store.rollups.measures import CONDITIONS, HOUR_US
from store.rollups.reading import Sums
from store.rollups.statements import nested_rows
from store.rollups.vectors import TYPES

_ARMS = ("primary", "candidate")
SERIES: Mapping[str, str] = {"total_us": "total_ms", "ttft_us": "ttft_ms"}
"""Begin of the statistics' names -> column of an arm."""
LINEAR = ("n", "primary", "candidate")
_POWERS: Mapping[str, str] = {
    "primary_2": "squares",
    "candidate_2": "squares",
    "cross": "squares",
    "difference_3": "cubes",
}
"""End of a statistic's name -> the vector that it is of."""


@dataclass(frozen=True, slots=True)
class Capped:
    """One candidate's experiment, and what its times are capped at."""

    candidate: str
    experiment: str
    cap_us: int
    """Whole microseconds."""
    is_longer: bool = True
    """May there be answers that took longer? To look for them costs more."""


def corrections(ask: Ask, part: Part, whose: Capped, grid: Grid) -> tuple[Sums, Sums]:
    """By time (`time_s`) and by conversation bucket (`bucket`): what has to be added to each statistic.

    Args:
        ask: runs a SELECT.
        part: which pairs.
        whose: of which experiment.
        grid: steps of time.

    Returns:
        Keys `candidate`, `experiment` and `time_s` or `bucket`; a group without such pairs is not there. Statistics
        `<series>_n`, `_primary`, `_candidate`, `_primary_2`, `_candidate_2`, `_cross`, `_difference_3`.
    """
    sums = ", ".join(f"sum({sql}) AS sum_{name}" for name, sql in _added().items())
    columns = ask(
        f"SELECT place, bucket, {sums} FROM (SELECT *, {grid.place} AS place FROM "
        f"({_rows(part, is_longer=whose.is_longer)})) "
        "GROUP BY GROUPING SETS ((place), (bucket)) ORDER BY place, bucket",
        {**part.parameters_of([whose.experiment]), "candidate": whose.candidate, "cap_us": whose.cap_us},
    )
    by_time = [i for i, place in enumerate(columns["place"]) if int(place) > 0]
    by_bucket = [i for i, place in enumerate(columns["place"]) if int(place) == 0]
    times = {"time_s": [grid.time_s(int(columns["place"][i])) for i in by_time]}
    buckets = {"bucket": [int(columns["bucket"][i]) for i in by_bucket]}
    return _sums(columns, whose, times, by_time), _sums(columns, whose, buckets, by_bucket)


def statistics_names() -> tuple[str, ...]:
    """All that are corrected."""
    return tuple(f"{series}_{end}" for series in SERIES for end in (*LINEAR, *_POWERS))


def _added() -> dict[str, str]:
    """Statistic -> what one pair adds: what it is now, less what it was."""
    made = {}
    for series in SERIES:
        now = [f"now_{arm}_{series}" for arm in _ARMS]
        was = [f"was_{arm}_{series}" for arm in _ARMS]
        made[f"{series}_n"] = f"toInt64(counts_{series}) - toInt64(counted_{series})"
        for arm, new, old in zip(_ARMS, now, was, strict=True):
            made[f"{series}_{arm}"] = f"{new} - {old}"
        for end, vector in _POWERS.items():
            factors = {
                "primary_2": ((now[0], now[0]), (was[0], was[0])),
                "candidate_2": ((now[1], now[1]), (was[1], was[1])),
                "cross": ((now[0], now[1]), (was[0], was[1])),
                "difference_3": ((f"({now[1]} - {now[0]})",) * 3, (f"({was[1]} - {was[0]})",) * 3),
            }[end]
            products = [" * ".join((f"to{TYPES[vector]}({first})", *rest)) for first, *rest in factors]
            made[f"{series}_{end}"] = " - ".join(products)
    return made


def _rows(part: Part, *, is_longer: bool) -> str:
    """Pairs that may differ, with both arms' times as they count and as they counted."""
    definitions = {
        **CONDITIONS,
        "cap": "{cap_us:Int64}",
        "may_stream": "ifNull(stream, false)",
    }
    wanted = ["block", "bucket"]
    for series, column in SERIES.items():
        for arm in _ARMS:
            definitions |= _leg(arm, series, column)
        both = " AND ".join(f"has_{arm}_{series}" for arm in _ARMS)
        definitions[f"counted_{series}"] = (
            f"timed AND isFinite(ifNull(primary_{column}, nan)) AND isFinite(ifNull(candidate_{column}, nan))"
        )
        definitions[f"counts_{series}"] = f"client_stayed AND own_time AND {both}"
        wanted += [f"counted_{series}", f"counts_{series}"]
        for arm in _ARMS:
            definitions[f"was_{arm}_{series}"] = f"if(counted_{series}, us_{arm}_{series}, 0)"
            definitions[f"now_{arm}_{series}"] = f"if(counts_{series}, kept_{arm}_{series}, 0)"
            wanted += [f"was_{arm}_{series}", f"now_{arm}_{series}"]
    whose = f"candidate = {{candidate:String}} AND {OF_EXPERIMENTS}"
    where = f"{whose} AND {part.condition} AND {_exceptional(is_longer=is_longer)}"
    return nested_rows("pairs", where, wanted, definitions)


def _leg(arm: str, series: str, column: str) -> dict[str, str]:
    """Its time as the rollups have it, whether it counts, and as what."""
    value = f"ifNotFinite(ifNull({arm}_{column}, 0), 0)"
    known = f"isFinite(ifNull({arm}_{column}, nan))"
    late = f"{arm}_outcome = 'timeout'"
    is_seen = "false" if series == "total_us" else known
    would_be = "true" if series == "total_us" else f"{known} OR may_stream"
    us = f"us_{arm}_{series}"
    return {
        us: f"toInt64(least(greatest(round({value} * 1000), 0), {HOUR_US}))",
        f"has_{arm}_{series}": f"if({late}, {would_be}, {arm}_ok AND {known})",
        f"kept_{arm}_{series}": f"if({late} AND NOT ({is_seen}), cap, least({us}, cap))",
    }


def _exceptional(*, is_longer: bool) -> str:
    """A leg timed out and the other did not fail in another way; or an answer took longer than the cap."""
    ended = " AND ".join(f"{arm}_outcome IN ('ok', 'timeout')" for arm in _ARMS)
    late = " OR ".join(f"{arm}_outcome = 'timeout'" for arm in _ARMS)
    if is_longer:
        # What is longer before it is rounded to microseconds may be the cap after: then nothing differs.
        longer = [f"ifNull({arm}_{column} * 1000, 0) > {{cap_us:Int64}}" for arm in _ARMS for column in SERIES.values()]
        late = " OR ".join((late, *longer))
    return f"{ended} AND ({late})"


def _sums(
    columns: Mapping[str, Sequence[Any]], whose: Capped, keys: Mapping[str, Sequence[int]], places: Sequence[int]
) -> Sums:
    who = {"candidate": [whose.candidate] * len(places), "experiment": [whose.experiment] * len(places)}
    return Sums({**who, **keys}, {n: [int(columns[f"sum_{n}"][i]) for i in places] for n in statistics_names()})
