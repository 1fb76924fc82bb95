"""Segments that stand out, as a table: labels and their values come from clients."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.report import selection, words
from analyzer.report.fitting import Fitting, prose
from analyzer.report.printable import clipped
from analyzer.results import Segment, Study

_WIDE, _NARROW = 60, 24
"""Columns of a label with its value."""


def parts(study: Study) -> Iterator[RenderableType]:
    """The sentence that says what they are worth, then the table; nothing where there were none."""
    if not study.segments:
        return
    found = selection.found_segments(study)
    yield prose(Text.assemble(("segments", "bold"), f" ({selection.segments_sentence(study)})"))
    if found:
        yield Text()
        yield Fitting(_table(found, _WIDE), _table(found, _NARROW), _sentences(found))
    yield Text()


def where(segment: Segment, length: int = 80) -> str:
    """`tenant = acme`"""
    return clipped(f"{segment.label} = {segment.value}", length)


def _table(found: Sequence[Segment], length: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in ("candidate", "segment", "metric"):
        table.add_column(name, max_width=20 if length == _NARROW else None, overflow="fold")
    for name in ("pairs", "difference"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for segment in found:
        row = segment.comparison
        table.add_row(
            Text(clipped(segment.candidate, length)),
            Text(where(segment, length)),
            words.heading(row.metric),
            f"{row.n:,}",
            words.difference(row.metric, row.difference, row.interval),
            Text(words.WORD[row.verdict], words.STYLE[row.verdict]),
        )
    return table


def _sentences(found: Sequence[Segment]) -> Group:
    return Group(*(Text(sentence(segment)) for segment in found))


def sentence(segment: Segment) -> str:
    """For any width."""
    row = segment.comparison
    difference = words.difference(row.metric, row.difference, row.interval)
    interval = words.ends(row.metric, row.interval)
    return (
        f"{clipped(segment.candidate)}, {where(segment)}, {words.heading(row.metric)}: {words.counted(row.n, 'pair')}, "
        f"difference {difference} ({interval}): {words.WORD[row.verdict]}"
    )
