"""The live comparison in a terminal: what decides first, everything on one screen where it fits."""

from collections.abc import Iterator
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.report import selection, showing, words
from analyzer.report.fitting import Fitting, prose
from analyzer.report.integrity_form import remarks
from analyzer.report.printable import clipped, printable
from analyzer.report.strip_text import strip_text
from analyzer.results import CandidateStudy, Comparison, Study
from record.pair import CONTROL

MAX_REMARKS = 4
"""Obstacles and warnings; the report says the others."""


def as_watch(study: Study, *, stale_since: datetime | None = None, trouble: str = "") -> RenderableType:
    """One view.

    Args:
        study: what it says.
        stale_since: the store has not answered since then; None: it does.
        trouble: why it does not.
    """
    parts: list[RenderableType] = [prose(*_head(study, stale_since, trouble)), Text()]
    shown = selection.shown_candidates(study)
    for candidate in shown:
        parts += [*_candidate(candidate, study), Text()]
    if not shown:
        parts.append(Text("waiting for the first pair: no candidate has one in the window yet", "yellow"))
    return Group(*parts)


def _head(study: Study, stale_since: datetime | None, trouble: str) -> Iterator[Text]:
    window = study.asked
    length = words.span(window.until - window.since)
    yield Text.assemble(
        ("shadowbench watch", "bold"), f"   last {length}, as of {words.moment(study.generated_at)} UTC"
    )
    if stale_since is not None:
        said = f"stale since {words.moment(stale_since)} UTC: {printable(trouble)}; this is the last view"
        yield Text(said, "bold red")


def _candidate(candidate: CandidateStudy, study: Study) -> Iterator[RenderableType]:
    against = "against itself" if candidate.name == CONTROL else "against the primary"
    title = Text.assemble((clipped(candidate.name), "bold"), f" {against}: {words.counted(candidate.pairs, 'pair')}  ")
    title.append(f" {candidate.decision} ", f"reverse {words.DECISION_STYLE[candidate.decision]}")
    reasons = [printable(reason) for reason in selection.reasons(candidate) or candidate.reasons]
    yield prose(title, *(Text(f"  because {reason}") for reason in reasons))
    shown = showing.of_candidate(candidate, study, everything=False)
    if shown.rows:
        control = study.control if candidate.name != CONTROL else None
        own = {} if control is None else {row.metric.key: row.interval for row in control.comparisons}
        strips = [(row, strip_text(row, own.get(row.metric.key))) for row in shown.rows]
        yield Fitting(_table(strips), _sentences(strips))
    weighed = [r for r in remarks(candidate, everything=False) if r.weight != "fact"][:MAX_REMARKS]
    yield prose(
        *(Text(f"still needed for a verdict on {printable(text)}", "yellow") for text in shown.needed),
        *(Text(f"{remark.weight}: {printable(remark.text)}", "yellow") for remark in weighed),
        Text(printable(selection.states_text(candidate)), "dim"),
    )


def _table(strips: list[tuple[Comparison, Text]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for name in ("primary", "candidate", "difference"):
        table.add_column(name, justify="right")
    table.add_column("interval ━  bound ┃  margin ╎  control ░")
    table.add_column("bound", justify="right")
    table.add_column("verdict")
    for row, strip in strips:
        table.add_row(
            Text(words.heading(row.metric)),
            words.value(row.metric, row.primary),
            words.value(row.metric, row.candidate),
            words.difference(row.metric, row.difference, row.interval),
            strip,
            f"{words.bound(row)}, {words.allowed(row)}" if row.require else "",
            Text(words.WORD[row.verdict], words.STYLE[row.verdict]),
        )
    return table


def _sentences(strips: list[tuple[Comparison, Text]]) -> Group:
    """For any width."""
    said = []
    for row, _ in strips:
        difference = words.difference(row.metric, row.difference, row.interval)
        line = Text(f"{words.heading(row.metric)}: {difference} ({words.ends(row.metric, row.interval)}): ")
        said.append(line.append(words.WORD[row.verdict], words.STYLE[row.verdict]))
    return Group(*said)
