"""Where the sums of a window come from: the pairs themselves while they are few, else rollups between two short ends.

Rollups answer for whole hours, of older days for whole days. What lies before and after is read pair by pair where it
is little, and left out where it is not: then the window is shorter than it was asked for, and a note says so.
"""

# ruff: noqa: S608 - names of our own tables; times are parameters

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.comparison import Ask, Span
from store.parts import IN_BLOCKS, STARTED, BlockRange, Part, holds_more_than
from store.rollups import reading
from store.rollups.grid import Grid
from store.tables import PAIRS, SKIPS

DIRECT_PAIRS = 200_000
"""So many pairs are read one by one, in about a second."""
_END_PAIRS = DIRECT_PAIRS // 10
_END_SHARE = 0.01
"""An end that is shorter than this share of what lies between the ends says too little for the second that it costs."""
MOST_STEPS = 1_500
"""Groups of time: enough for any standard error, and few enough to be read at once."""
_MINUTE = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class Layout:
    """Of one window."""

    span: Span
    """What is answered for."""
    middle: Span | None
    """What rollups answer for; None: nothing."""
    ends: tuple[Part, ...]
    """What is read pair by pair: all of the window, or what lies before and after the middle."""
    pairs: Part
    """All pairs of the window."""
    is_merged: bool = False
    """Does the middle reach back to where time blocks are merged to hours?"""
    notes: tuple[str, ...] = ()
    """For people."""


def layout(ask: Ask, span: Span, now: datetime) -> Layout:
    """How a window is read.

    Args:
        ask: runs a SELECT.
        span: what is asked for.
        now: UTC.
    """
    direct = Part(span, by_block=False)
    soon = max(span.since, min(span.until, now + timedelta(days=1)))
    if not holds_more_than(ask, direct, DIRECT_PAIRS):
        hours = reading.around(Span(span.since, soon))
        if is_all_of(ask, span, hours, reading.fine_since(now)):
            return Layout(span, hours, (), direct)
        return Layout(span, None, (direct,), direct)
    middle = reading.whole(Span(span.since, soon), now)
    if middle.since >= middle.until:
        return Layout(span, None, (direct,), direct)
    since, head, early = _end(ask, Span(span.since, middle.since), middle, is_first=True)
    until, tail, late = _end(ask, Span(middle.until, span.until), middle, is_first=False)
    kept = Span(since, until)
    return Layout(
        kept,
        middle,
        (*head, *tail),
        Part(kept, by_block=True),
        middle.since < reading.fine_since(now),
        (*early, *late),
    )


def is_all_of(ask: Ask, span: Span, hours: Span, since: datetime) -> bool:
    """Are the pairs of a window all that there is of the whole hours around it, and is none older than `since`?

    Then rollups hold the window exactly, and are read in a hundredth of a second.
    """
    wide = Part(hours, by_block=True)
    names = {"since_us": "asked_since_us", "until_us": "asked_until_us"}
    asked = {names[name]: value for name, value in span.parameters().items()}
    parameters = {**wide.parameters(), **asked, "fine_s": int(since.timestamp())}
    started = "toUnixTimestamp64Micro(ts)"
    inside = f"({started} >= {{asked_since_us:Int64}} AND {started} < {{asked_until_us:Int64}})"
    found = ask(
        "SELECT count() AS n FROM ("
        + " UNION ALL ".join(
            f"SELECT 1 FROM {table.name} WHERE {STARTED} "
            f"AND ({inside} != ({IN_BLOCKS}) OR ({inside} AND toUnixTimestamp(block) < {{fine_s:Int64}})) LIMIT 1"
            for table in (PAIRS, SKIPS)
        )
        + ")",
        parameters,
    )
    return int(found["n"][0]) == 0


def _end(ask: Ask, end: Span, middle: Span, *, is_first: bool) -> tuple[datetime, tuple[Part, ...], tuple[str, ...]]:
    """Where the window ends, what is read pair by pair there, and what to say about it."""
    asked = end.since if is_first else end.until
    if end.since >= end.until:
        return asked, (), ()
    part = Part(end, by_block=True)
    if not holds_more_than(ask, part, 0):
        return asked, (part,), ()
    is_short = end.until - end.since < _END_SHARE * (middle.until - middle.since)
    if not is_short and not holds_more_than(ask, part, _END_PAIRS):
        return asked, (part,), ()
    whole = middle.since if is_first else middle.until
    shown, wanted = (moment.astimezone(UTC).strftime(_MINUTE) for moment in (whole, asked))
    which = "begins" if is_first else "ends"
    note = (
        f"the window {which} at {shown} UTC instead of {wanted}: sums of so many pairs are kept by the hour, "
        "and by the day once they are older than a day"
    )
    return whole, (), (note,)


def grid(found: BlockRange | None, *, is_merged: bool, block_s: float | None) -> Grid:
    """The steps of time that blocks are added up to.

    Args:
        found: the time blocks of all pairs, and of copies that were never sent.
        is_merged: blocks of older pairs are known by the hour only.
        block_s: length of a block; None: taken from the blocks.
    """
    if found is None:
        return Grid(reading.HOUR_S if is_merged else 1)
    return Grid(_step_s(found, is_merged=is_merged, block_s=block_s), found.first_s, found.last_s)


def _step_s(found: BlockRange, *, is_merged: bool, block_s: float | None) -> int:
    if not is_merged and found.blocks <= MOST_STEPS:
        return 1
    least = -(-(found.last_s - found.first_s + 1) // MOST_STEPS)
    unit = reading.HOUR_S if is_merged else max(1, round(block_s) if block_s else found.gap_s)
    return -(-least // unit) * unit
