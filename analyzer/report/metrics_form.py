"""The metrics of one candidate as a table, whatever the width."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.comparison import Comparison
from analyzer.report import words
from analyzer.report.fitting import Fitting

_NARROW_TITLES = (26, 20)
"""Columns of a metric's title where there are 80 for all; every word of it is shorter."""


def as_table(comparisons: Sequence[Comparison]) -> RenderableType:
    """Levels, difference, interval, verdict; metrics that no pair has are left out, and so are agreements."""
    shown = [row for row in comparisons if row.n and not row.measure.joint]
    return Fitting(_wide(shown), *(_narrow(shown, title) for title in _NARROW_TITLES), _sentences(shown))


def level_text(comparisons: Sequence[Comparison]) -> str:
    """`95 %`"""
    return f"{(comparisons[0].level if comparisons else 0.95) * 100:g} %"


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def _wide(rows: Sequence[Comparison]) -> Table:
    table = _empty_table()
    table.add_column("metric")
    for name in ("primary", "candidate", "difference", f"{level_text(rows)} interval", "relative"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in rows:
        table.add_row(words.heading(row.measure), *_levels(row), *_difference(row), _verdict(row))
    return table


def _narrow(rows: Sequence[Comparison], title: int) -> Table:
    """For 80 columns: the interval stands below the difference."""
    table = _empty_table()
    table.add_column("metric", max_width=title)
    for name in ("primary", "candidate", f"difference\n{level_text(rows)} interval"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in rows:
        difference, interval, relative = _difference(row)
        beside = "" if relative == words.ABSENT else f" ({relative})"
        table.add_row(words.heading(row.measure), *_levels(row), f"{difference}{beside}\n{interval}", _verdict(row))
    return table


def _sentences(rows: Sequence[Comparison]) -> Group:
    """For any width."""
    said = []
    for row in rows:
        primary, candidate = _levels(row)
        difference, interval, relative = _difference(row)
        line = Text(f"{words.heading(row.measure)}: primary {primary}, candidate {candidate}, difference {difference} ")
        line.append(f"({level_text(rows)} interval {interval}; {relative}): ").append_text(_verdict(row))
        said.append(line)
    return Group(*said)


def _levels(row: Comparison) -> tuple[str, str]:
    """(primary, candidate)"""
    return words.value(row.measure, row.primary), words.value(row.measure, row.candidate)


def _difference(row: Comparison) -> tuple[str, str, str]:
    """(difference, interval, relative)"""
    measure, interval = row.measure, row.interval
    return (
        words.difference(measure, row.difference, interval),
        words.ends(measure, interval),
        words.relative(row.relative),
    )


def _verdict(row: Comparison) -> Text:
    return Text(words.WORD[row.verdict], words.STYLE[row.verdict])
