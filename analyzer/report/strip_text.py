"""One metric's difference in a line of a terminal: the strip of `plots.intervals`, in characters.

········░░░│░░┣━━━●━━┫┃··     0 stands in the middle; ░ the primary against itself, ┃ the bound, ╎ the margin
"""

import math

from rich.text import Text

from analyzer.report.plots.intervals import half_width, limits
from analyzer.results import Comparison
from analyzer.stats.interval import Interval

WIDTH = 31
"""Odd: 0 has a column of its own."""
_MIDDLE = WIDTH // 2


def strip_text(row: Comparison, control: Interval | None = None) -> Text:
    """The strip; without an interval, an empty one.

    Args:
        row: what it shows.
        control: interval of the same metric for the primary against itself.
    """
    cells = [("·", "dim")] * WIDTH
    if row.interval is None:
        return _joined(cells)
    half = half_width(row, control)

    def place(value: float) -> int:
        inside = min(max(value / half, -1.0), 1.0) if math.isfinite(value) else math.copysign(1.0, value)
        return _MIDDLE + round(inside * _MIDDLE)

    if control is not None:
        for at in range(place(control.low), place(control.high) + 1):
            cells[at] = ("░", "dim")
    cells[_MIDDLE] = ("│", "dim")
    for limit in limits(row):
        cells[place(limit)] = ("╎", "green")
    start, end = place(row.interval.low), place(row.interval.high)
    for at in range(start, end + 1):
        cells[at] = ("━", "blue")
    if end > start:
        cells[start] = ("┣" if math.isfinite(row.interval.low) else "◀", "blue")
        cells[end] = ("┫" if math.isfinite(row.interval.high) else "▶", "blue")
    if row.bound is not None and math.isfinite(row.bound.value):
        cells[place(row.bound.value)] = ("┃", "bold")
    if row.difference is not None and math.isfinite(row.difference):
        cells[place(row.difference)] = ("●", "bold blue")
    return _joined(cells)


def _joined(cells: list[tuple[str, str]]) -> Text:
    return Text.assemble(*cells)
