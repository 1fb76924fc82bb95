"""How much of a window is looked at: all of it, or of a large one the pairs at its end.

The rollup of time blocks says what a window holds; so a question about a month looks at as many pairs as a page has
patience for, and can say since when.
"""

# ruff: noqa: S608 - statements hold names of our own; what comes from outside is a parameter

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from store.browsing.wanted import Wanted
from store.comparison import Span, unix_us
from store.parts import STARTED
from store.reader import Reader
from store.rollups.tables import BLOCKS, FINE_HOURS
from store.tables import PAIRS

LOOKED_AT = 1_000_000
"""Pairs that one question looks through."""
COUNTED_EXACTLY = 1_000_000
"""Pairs of a window up to which they are counted one by one."""
_LONGEST_BLOCK_US = 7 * 86_400 * 10**6
_LAST_S = 2**32 - 1
"""Of the type of blocks."""
_STEP_S = 60
_FIRST_S = (
    f"if({{since_s:Int64}} > toUnixTimestamp(now('UTC')) - {(FINE_HOURS - 10) * 3600}, {{since_s:Int64}}, "
    "intDiv({since_s:Int64}, 3600) * 3600)"
)
"""Old blocks are merged to whole hours."""
_BEFORE = f"{BLOCKS.time} < toDateTime({{end_s:Int64}}, 'UTC')"
_PAIRS = f"sumForEachMerge(counts)[{[place.name for place in BLOCKS.vectors['counts']].index('pairs') + 1}]"


@dataclass(frozen=True, slots=True)
class Held:
    """What a window holds."""

    experiments: tuple[tuple[str, str], ...]
    """(candidate, experiment) with pairs in it, or a little before."""
    pairs: int
    is_exact: bool
    """False: of many pairs those of whole time blocks are known, so there are about so many."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is looked at."""

    span: Span
    is_all: bool
    """Nothing of the window is left out."""


def held(reader: Reader, span: Span, candidates: Sequence[str]) -> Held:
    """What a window holds of some candidates, or (empty) of all.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        f"SELECT candidate, experiment, sum(n * is_within) AS pairs FROM (SELECT candidate, experiment, "
        f"toUnixTimestamp({BLOCKS.time}) >= {_FIRST_S} AS is_within, {_PAIRS} AS n FROM {BLOCKS.name} "
        f"WHERE {BLOCKS.time} >= toDateTime({{begin_s:Int64}}, 'UTC') AND {_BEFORE}{_only(candidates)} "
        "GROUP BY candidate, experiment, is_within) GROUP BY candidate, experiment ORDER BY candidate, experiment",
        {
            # Blocks begin before their pairs.
            "begin_s": _second(unix_us(span.since) - _LONGEST_BLOCK_US),
            "since_s": _second(unix_us(span.since)),
            "end_s": _second(unix_us(span.until) + 10**6 - 1),
            "candidates": list(candidates),
        },
    )
    experiments = tuple((row["candidate"], row["experiment"]) for row in rows)
    about = sum(int(row["pairs"]) for row in rows)
    if not experiments or about > COUNTED_EXACTLY:
        return Held(experiments, about, is_exact=not experiments)
    found = reader.columns(
        f"SELECT count() AS n FROM {PAIRS.name} WHERE {STARTED}{_only(candidates)}",
        {**span.parameters(), "candidates": list(candidates)},
    )
    return Held(experiments, int(found["n"][0]), is_exact=True)


def stretch(reader: Reader, wanted: Wanted, *, most: int = LOOKED_AT, from_begin: bool = False) -> Stretch:
    """The part of a window that one question looks through: its end, or its beginning.

    A single minute (or, of old pairs, hour) is not parted, so it may hold more pairs than `most`.

    Raises:
        StoreError: no answer.
    """
    span = wanted.span
    rows = reader.columns(
        f"SELECT intDiv(toUnixTimestamp({BLOCKS.time}), {_STEP_S}) * {_STEP_S} AS time_s, {_PAIRS} AS n "
        f"FROM {BLOCKS.name} WHERE {BLOCKS.time} >= toDateTime({{begin_s:Int64}}, 'UTC') AND {_BEFORE}"
        f"{_only(wanted.candidates)} GROUP BY time_s ORDER BY time_s {'ASC' if from_begin else 'DESC'}",
        {
            "begin_s": _second(unix_us(span.since)) // 3600 * 3600,
            "end_s": _second(unix_us(span.until) + 10**6 - 1),
            "candidates": list(wanted.candidates),
        },
    )
    total, last = 0, span.until
    for time_s, n in zip(rows["time_s"], rows["n"], strict=True):
        step = datetime.fromtimestamp(int(time_s), UTC)
        if total and total + n > most:
            part = Span(span.since, step) if from_begin else Span(max(last, span.since), span.until)
            return Stretch(part, is_all=False)
        total, last = total + n, step
    return Stretch(span, is_all=True)


def _second(us: int) -> int:
    return min(max(us // 10**6, 0), _LAST_S)


def _only(candidates: Sequence[str]) -> str:
    return " AND candidate IN {candidates:Array(String)}" if candidates else ""
