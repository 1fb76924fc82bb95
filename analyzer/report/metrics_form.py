"""The metrics of one candidate as a table, whatever the width."""

from collections.abc import Sequence
from itertools import zip_longest

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.report import words
from analyzer.report.fitting import Fitting
from analyzer.report.printable import clipped
from analyzer.report.selection import has_rules
from analyzer.results import Comparison

_NARROW_TITLES = (30, 24, 18)
"""Columns of a metric's title where there are 80 for all; every word of it is shorter."""
_ARMS = ("primary", "candidate")


def as_table(shown: Sequence[Comparison], arms: tuple[str, str] = _ARMS) -> RenderableType:
    """Levels, difference, interval, what the policy allows, verdict.

    Args:
        shown: what is a row, in this order: of one candidate, or of two candidates with each other.
        arms: what the two levels are of.
    """
    named = (clipped(arms[0], 20), clipped(arms[1], 20))
    narrow = (_narrow(shown, named, title) for title in _NARROW_TITLES)
    return Fitting(_wide(shown, named), *narrow, _sentences(shown, named))


def level_text(comparisons: Sequence[Comparison]) -> str:
    """`95 %`"""
    return words.level_text(comparisons[0].level if comparisons else 0.95)


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def _wide(shown: Sequence[Comparison], arms: tuple[str, str]) -> Table:
    table, ruled = _empty_table(), has_rules(shown)
    table.add_column("metric")
    for name in (*arms, "difference", f"{level_text(shown)} interval", "relative"):
        table.add_column(Text(name), justify="right")
    if ruled:
        table.add_column("bound", justify="right")
        table.add_column("allowed", justify="right")
    table.add_column("verdict")
    for row, is_last in _grouped(shown):
        rule = (words.bound(row), words.allowed(row)) if row.require else ("", "")
        cells = [*_levels(row), *_difference(row), *(rule if ruled else ())]
        table.add_row(_heading(row), *cells, _verdict(row), end_section=is_last)
    return table


def _narrow(shown: Sequence[Comparison], arms: tuple[str, str], title: int) -> Table:
    """For 80 columns: the interval, and below it what the policy asks for, stand below the difference."""
    table = _empty_table()
    table.add_column("metric", max_width=title)
    for name in arms:
        table.add_column(Text(name), justify="right")
    head = f"difference\n{level_text(shown)} interval"
    table.add_column(Text(f"{head}\nbound, allowed" if has_rules(shown) else head), justify="right")
    table.add_column("verdict")
    for row, is_last in _grouped(shown):
        difference, interval, relative = _difference(row)
        beside = "" if relative == words.ABSENT else f" ({relative})"
        rule = f"\n{words.bound(row)}, {words.allowed(row)}" if row.require else ""
        cell = f"{difference}{beside}\n{interval}{rule}"
        table.add_row(_heading(row), *_levels(row), cell, _verdict(row), end_section=is_last)
    return table


def _sentences(shown: Sequence[Comparison], arms: tuple[str, str]) -> Group:
    """For any width."""
    said = []
    for row in shown:
        first, second = _levels(row)
        difference, interval, relative = _difference(row)
        line = Text(f"{words.heading(row.metric)}: {arms[0]} {first}, {arms[1]} {second}, difference {difference} ")
        line.append(f"({level_text(shown)} interval {interval}; {relative}")
        if row.require:
            line.append(f"; bound {words.bound(row)}, allowed {words.allowed(row)}")
        said.append(line.append("): ").append_text(_verdict(row)))
    return Group(*said)


def _grouped(shown: Sequence[Comparison]) -> list[tuple[Comparison, bool]]:
    """Rows, and whether a line goes below: between what the policy declares and the rest."""
    return [
        (row, after is not None and (row.role == "other") != (after.role == "other"))
        for row, after in zip_longest(shown, shown[1:])
    ]


def _heading(row: Comparison) -> Text:
    return Text(words.heading(row.metric))


def _levels(row: Comparison) -> tuple[str, str]:
    """(primary, candidate)"""
    return words.value(row.metric, row.primary), words.value(row.metric, row.candidate)


def _difference(row: Comparison) -> tuple[str, str, str]:
    """(difference, interval, relative)"""
    metric, interval = row.metric, row.interval
    return (
        words.difference(metric, row.difference, interval),
        words.ends(metric, interval),
        words.relative_of(row),
    )


def _verdict(row: Comparison) -> Text:
    return Text(words.WORD[row.verdict], words.STYLE[row.verdict])
