"""The page of a shelf: past reports, the newest first, and how each candidate's verdict moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from analyzer.report.html_form import style_sheet, templates
from analyzer.report.printable import clipped, printable
from analyzer.reports.shelf import Shelved

MOST_MOVES = 60
"""Reports in the line of one candidate; the newest."""


@dataclass(frozen=True, slots=True)
class Line:
    """One candidate over the reports, the oldest first."""

    name: str
    moves: tuple[tuple[str, str, str], ...]
    """(report's name, decision, what changed: empty while it stays)"""
    since: str
    """Since which report its decision has been what it is."""

    @property
    def since_text(self) -> str:
        """As people read it, UTC."""
        return moment(self.since)

    def at(self, name: str) -> str:
        """A report's name as people read it, UTC."""
        return moment(name)


def moment(text: str) -> str:
    """A report's name, or a moment of its JSON, as people read it, UTC; another text stays as it is."""
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
    except ValueError:
        return printable(text)


@dataclass(frozen=True, slots=True)
class Row:
    """One report of the list."""

    report: Shelved
    window: str
    candidates: tuple[tuple[str, str, str, str], ...]
    """(name, decision, pairs, reason)"""


def rows(reports: Sequence[Shelved]) -> list[Row]:
    """The list, in the same order."""
    return [
        Row(
            report,
            f"{moment(report.since)} to {moment(report.until)}",
            tuple((clipped(c.name), c.decision, f"{c.pairs:,}", printable(c.reason)) for c in report.candidates),
        )
        for report in reports
    ]


def lines(reports: Sequence[Shelved]) -> list[Line]:
    """Of every candidate in the newest reports.

    Args:
        reports: the newest first.
    """
    kept = list(reversed(reports[:MOST_MOVES]))
    names = dict.fromkeys(c.name for report in reports[:MOST_MOVES] for c in report.candidates)
    return [_line(name, kept) for name in names]


def _line(name: str, reports: Sequence[Shelved]) -> Line:
    moves: list[tuple[str, str, str]] = []
    before, since = "", ""
    for report in reports:
        found = next((c.decision for c in report.candidates if c.name == name), None)
        if found is None:
            continue
        changed = f"{before} to {found}" if before and found != before else ""
        if found != before:
            since = report.name
        moves.append((report.name, found, changed))
        before = found
    return Line(clipped(name), tuple(moves), since)


def index_page(reports: Sequence[Shelved], *, title: str = "shadowbench reports") -> str:
    """The index as one HTML file beside the reports, which it links to."""
    style = Markup(style_sheet())  # noqa: S704 - our own file; inside <style> nothing is escaped
    page = templates().get_template("index.html")
    return page.render(title=title, style=style, rows=rows(reports), lines=lines(reports)) + "\n"
