"""A file in stretches: rows that are sent together, under a token that the file alone determines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store.transfer.layout import TEXT_COLUMNS

MAX_ROWS = 2000
MAX_TEXT_BYTES = 16 * 2**20
MAX_PERIODS = 48
"""Weeks and months that the rows of a stretch lie in. Tables have a partition for each, and a server takes no insert
into more than 100; views may add partitions of their own."""


@dataclass(slots=True)
class Stretch:
    """Some rows of a file, whole and in its order."""

    digest: str
    first: int
    """Index of the first row, from 0."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    text_bytes: int = 0
    periods: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def token(self) -> str:
        """The same rows of the same file have the same one."""
        return f"import:{self.digest[:32]}:{self.first}-{self.first + len(self.rows) - 1}"

    def has_room(self, row: dict[str, Any]) -> bool:
        """May this row be added?"""
        return (
            len(self.rows) < MAX_ROWS
            and self.text_bytes + _text_bytes(row) <= MAX_TEXT_BYTES
            and len(self.periods | _periods(row["ts"])) <= MAX_PERIODS
        )

    def add(self, row: dict[str, Any]) -> None:
        """One more."""
        self.rows.append(row)
        self.text_bytes += _text_bytes(row)
        self.periods |= _periods(row["ts"])


def stretches(digest: str, rows: Iterable[dict[str, Any]]) -> Iterator[Stretch]:
    """All rows, none empty.

    Args:
        digest: of the file.
        rows: complete ones.
    """
    stretch = Stretch(digest, 0)
    for row in rows:
        if stretch.rows and not stretch.has_room(row):
            yield stretch
            stretch = Stretch(digest, stretch.first + len(stretch.rows))
        stretch.add(row)
    if stretch.rows:
        yield stretch


def _text_bytes(row: dict[str, Any]) -> int:
    return sum(len(row.get(column) or "") for column in TEXT_COLUMNS.values())


def _periods(ts: datetime) -> set[tuple[int, ...]]:
    week = ts.isocalendar()
    return {(ts.year, ts.month), (week.year, week.week, 0)}
