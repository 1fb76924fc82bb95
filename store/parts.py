"""Which pairs a question is about: by the start of each request, or by whole time blocks.

Rollups know blocks only. Where sums come from them in part, the pairs themselves are chosen by their block too, so
that every question about a window is about the same pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from store.comparison import Ask, Span, unix_us
from store.tables import PAIRS, SKIPS

LONGEST_BLOCK = timedelta(days=31)
"""No time block is longer: rows that began later need not be looked at."""
STARTED = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
IN_BLOCKS = "toUnixTimestamp(block) >= {since_s:Int64} AND toUnixTimestamp(block) < {until_s:Int64}"


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs of a stretch of time."""

    span: Span
    by_block: bool
    """Those whose time block begins in the span; else those whose request does."""

    @property
    def condition(self) -> str:
        """Over the columns of `pairs` and `skips`."""
        return f"{STARTED} AND {IN_BLOCKS}" if self.by_block else STARTED

    def parameters(self) -> dict[str, Any]:
        """Of the condition."""
        if not self.by_block:
            return self.span.parameters()
        later = Span(self.span.since, self.span.until + LONGEST_BLOCK)
        ends = {"since_s": self.span.since, "until_s": self.span.until}
        return {**later.parameters(), **{name: -(-unix_us(end) // 10**6) for name, end in ends.items()}}

    def parameters_of(self, experiments: Sequence[str]) -> dict[str, Any]:
        """Of the condition together with experiment ids."""
        return {**self.parameters(), "experiments": list(experiments)}


OF_EXPERIMENTS = "experiment IN {experiments:Array(String)}"


def holds_more_than(ask: Ask, part: Part, rows: int) -> bool:
    """Has a part more pairs than so many? Reads no more than these."""
    found = ask(
        f"SELECT count() AS n FROM (SELECT 1 FROM {PAIRS.name} WHERE {part.condition} LIMIT {int(rows) + 1})",  # noqa: S608 - our own names
        part.parameters(),
    )
    return int(found["n"][0]) > rows


@dataclass(frozen=True, slots=True)
class BlockRange:
    """Time blocks that hold pairs; seconds since the epoch."""

    first_s: int
    last_s: int
    """Start of the last."""
    blocks: int
    """Different ones."""
    gap_s: int
    """The smallest distance of two neighbours; 0 with fewer than two."""


def block_range(columns: Mapping[str, Any]) -> BlockRange | None:
    """From the answer to a question that `BLOCK_RANGE` was selected in; None without pairs."""
    starts = [int(second) for second in columns["starts"][0]]
    if not starts:
        return None
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    return BlockRange(starts[0], starts[-1], len(starts), min(gaps, default=0))


BLOCK_RANGE = "arraySort(groupUniqArray(toUnixTimestamp(block))) AS starts"


def blocks_of(ask: Ask, part: Part, experiments: Sequence[str]) -> BlockRange | None:
    """Time blocks of pairs and of skipped requests; None without any."""
    where = f"WHERE {part.condition} AND {OF_EXPERIMENTS}"
    rows = " UNION ALL ".join(f"SELECT block FROM {table.name} {where}" for table in (PAIRS, SKIPS))  # noqa: S608 - our own names
    return block_range(
        ask(
            f"SELECT {BLOCK_RANGE} FROM ({rows})",  # noqa: S608 - our own names
            part.parameters_of(experiments),
        )
    )
