"""How far judges agree with people, and people with each other, as JSON or as tables."""

from collections.abc import Callable, Iterator

from rich import box
from rich.console import ConsoleRenderable, Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.quality.agreement import Agreements
from analyzer.quality.results import Agreement
from analyzer.report.fitting import Fitting, prose
from analyzer.report.json_form import SCHEMA_VERSION
from analyzer.report.json_quality import agreement as json_agreement
from analyzer.report.json_values import Json, timestamp
from analyzer.report.printable import clipped
from analyzer.report.words import counted, level_text, percent
from analyzer.source import Window
from analyzer.stats.interval import Interval

_VERDICTS = ("loss", "tie", "win")
_NAME_CHARS = 40
FEW = 100
"""Below these pairs an interval of kappa is wide, and its normal form rough."""


def as_json(found: Agreements, window: Window, level: float) -> Json:
    """For programs; unknown is null. Tables have a row for each verdict of the judge (or of the first person)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "window": {"since": timestamp(window.since), "until": timestamp(window.until)},
        "level": level,
        "labels": found.labels,
        "pairs": found.pairs,
        "labelers": found.people,
        "judges": [
            {"judge": one.judge, "rubric": one.rubric, "people": json_agreement(one.agreement)} for one in found.judges
        ],
        "among_people": json_agreement(found.among),
        "between_people": [
            {"first": one.first, "second": one.second, "people": json_agreement(one.agreement)} for one in found.between
        ],
    }


def as_table(found: Agreements, level: float) -> RenderableType:
    """For people."""
    if not found.labels:
        return Text(
            "Nobody has labelled a pair in the window. `shadowbench labels export --unlabelled 100` makes a sheet, and "
            "the dashboard has a page for it (/label)."
        )
    rows = list(_rows(found))
    forms = (_wide(rows, level), _narrow(rows))
    below = [Text(), *_confusion(found)] if found.judges else []
    return Group(prose(Text(_heading(found))), Text(), Fitting(*forms), *below, Text(), prose(*_notes(found)))


Row = tuple[str, str, Agreement]
"""Who, by which rubric, and how far."""


def _rows(found: Agreements) -> Iterator[Row]:
    for judge in found.judges:
        yield f"{clipped(judge.judge, _NAME_CHARS)} with people", clipped(judge.rubric, _NAME_CHARS), judge.agreement
    if found.among is not None:
        yield "people with each other", "", found.among
    for two in found.between if len(found.between) > 1 else ():
        yield f"{clipped(two.first, _NAME_CHARS)} with {clipped(two.second, _NAME_CHARS)}", "", two.agreement


def _heading(found: Agreements) -> str:
    return (
        f"{counted(found.labels, 'label')} of {counted(found.pairs, 'pair')} by "
        f"{'1 person' if found.people == 1 else f'{found.people:,} people'}."
    )


def _wide(rows: list[Row], level: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("rubric")
    for name in ("pairs", "agree", f"{level_text(level)} interval", "kappa", f"{level_text(level)} interval"):
        table.add_column(name, justify="right")
    for who, rubric, of in rows:
        share, kappa = _ends(of.share_interval, percent), _ends(of.kappa_interval, _kappa)
        table.add_row(Text(who), Text(rubric), f"{of.n:,}", percent(of.share), share, _kappa(of.kappa), kappa)
    return table


def _narrow(rows: list[Row]) -> ConsoleRenderable:
    """For narrow terminals: a sentence each."""
    said = [
        Text(
            f"{who}{f' ({rubric})' if rubric else ''}: {counted(of.n, 'pair')}, agree {percent(of.share)} "
            f"({_ends(of.share_interval, percent)}), kappa {_kappa(of.kappa)} ({_ends(of.kappa_interval, _kappa)})"
        )
        for who, rubric, of in rows
    ]
    return Group(*said)


def _confusion(found: Agreements) -> Iterator[ConsoleRenderable]:
    """What the judge says of the candidate, against what people say."""
    for judge in found.judges:
        if judge.agreement.table is None:
            continue
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        table.add_column(Text(f"{clipped(judge.judge, _NAME_CHARS)} says of the candidate"))
        for name in _VERDICTS:
            table.add_column(f"people: {name}", justify="right")
        for name, counts in zip(_VERDICTS, judge.agreement.table, strict=True):
            table.add_row(name, *(f"{n:,}" for n in counts))
        yield table


def _notes(found: Agreements) -> Iterator[Text]:
    if not found.judges:
        yield Text("No judge has judged one of these pairs: there is nothing to compare people with.")
    elif any(judge.agreement.n < FEW for judge in found.judges):
        yield Text(f"Below {FEW} pairs these figures say little.")
    if found.among is None:
        yield Text(
            "No pair was labelled by two people, so nobody knows how far people agree with each other; more than that "
            "cannot be asked of a judge."
        )
    yield Text(
        "Kappa is agreement beyond what chance gives: 0 is chance, 1 is always. Intervals are for one look, and take "
        "pairs for independent."
    )


def _ends(interval: Interval | None, say: Callable[[float], str]) -> str:
    return "" if interval is None else f"{say(interval.low)} to {say(interval.high)}"


def _kappa(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
