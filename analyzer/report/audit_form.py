"""An audit as JSON or as a table."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.audit import Line
from analyzer.report.fitting import Fitting, prose
from analyzer.report.json_form import SCHEMA_VERSION
from analyzer.report.json_values import Json, timestamp

_TERMS = (
    ("received", ""),
    ("unsampled", "="),
    ("skips", "+"),
    ("pairs", "+"),
    ("open", "+"),
    ("storing", "+"),
    ("lost", "+"),
)
"""What a request may have become, and its sign in the sum."""


def as_json(lines: Sequence[Line], unread: int = 0) -> Json:
    """For programs; `fault` is null where a line adds up. `unread`: streams of the capture log that nobody reads."""
    return {
        "schema_version": SCHEMA_VERSION,
        "adds_up": not unread and all(line.adds_up for line in lines),
        "unread_streams": unread,
        "lines": [
            {
                "hour": timestamp(line.hour),
                "candidate": line.candidate,
                "received": line.received,
                "uncaptured": dict(line.uncaptured),
                "skips": dict(line.skips),
                "skip_rows": line.skip_rows,
                "admitted": line.admitted,
                "pairs": line.pairs,
                "open": line.open,
                "recording": line.recording,
                "lost": dict(line.lost),
                "adds_up": line.adds_up,
                "fault": line.fault,
            }
            for line in lines
        ],
    }


def as_table(lines: Sequence[Line], unread: int = 0) -> RenderableType:
    """For people; `unread`: streams of the capture log that nobody reads."""
    if not lines and unread:
        return Text("The store knows of no request in the window.")
    if not lines:
        return Text("No request was received in the window, so there is nothing to add up.")
    details = prose(*_details(lines, unread))
    return Group(Fitting(_wide(lines), _narrow(lines), _sentences(lines)), Text(), details)


def _wide(lines: Sequence[Line]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("hour (UTC)")
    table.add_column("candidate")
    for name, sign in _TERMS:
        table.add_column(f"{sign} {name}".strip(), justify="right")
    table.add_column("adds up")
    for line in lines:
        table.add_row(f"{line.hour:%Y-%m-%d %H:00}", Text(line.candidate), *_numbers(line), _said(line))
    return table


def _narrow(lines: Sequence[Line]) -> Table:
    """For 80 columns: the same, with days above hours and signs above names."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0, header_style="bold")
    table.add_column("hour\n(UTC)")
    table.add_column("\ncandidate")
    for name, sign in _TERMS:
        table.add_column(f"{sign}\n{name}", justify="right")
    table.add_column(" adds\n up")
    for line in lines:
        said = Text(" ").append_text(_said(line))
        table.add_row(f"{line.hour:%Y-%m-%d}\n{line.hour:%H:00}", Text(line.candidate), *_numbers(line), said)
    return table


def _sentences(lines: Sequence[Line]) -> Group:
    """For any width."""
    said = []
    for line in lines:
        terms = (f"{sign} {n} {name}".strip() for (name, sign), n in zip(_TERMS, _numbers(line), strict=True))
        verdict = Text("adds up", "green") if line.adds_up else Text("does not add up", "bold red")
        said.append(Text(f"{line.hour:%Y-%m-%d %H:00} {line.candidate}: {' '.join(terms)}: ").append_text(verdict))
    return Group(*said)


def _numbers(line: Line) -> list[str]:
    """In the order of `_TERMS`."""
    numbers = (
        line.received,
        sum(line.uncaptured.values()),
        sum(line.skips.values()),
        line.pairs,
        line.open,
        line.recording,
        sum(line.lost.values()),
    )
    return [f"{n:,}" for n in numbers]


def _said(line: Line) -> Text:
    return Text("yes", "green") if line.adds_up else Text("no", "bold red")


def _details(lines: Sequence[Line], unread: int) -> list[Text]:
    """Which states the sums are made of, over all hours; and whether all is well."""
    totals: dict[str, dict[str, int]] = {}
    for line in lines:
        mine = totals.setdefault(line.candidate, {})
        for counts in (line.uncaptured, line.skips, line.lost):
            for state, count in counts.items():
                mine[state] = mine.get(state, 0) + count
    listed = [Text(f"{candidate}: {_listed(states)}", "dim") for candidate, states in totals.items() if states]
    return [*listed, _conclusion(lines, unread)]


def _listed(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in states.items())


def _conclusion(lines: Sequence[Line], unread: int) -> Text:
    faults = [line for line in lines if not line.adds_up]
    if unread and not faults:
        return Text("What was counted so far adds up; the capture log holds more.", "yellow")
    if not faults:
        return Text(f"All {len(lines)} lines add up.", "green")
    return Text(f"{len(faults)} of {len(lines)} lines do not add up.", "bold red")
