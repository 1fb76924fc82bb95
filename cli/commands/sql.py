"""`shadowbench sql`: a read-only question to the store."""

import csv
import datetime
import decimal
import io
import json
import math
import re
import sys
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.report.fitting import Fitting
from cli.commands.options import config_option, configuration
from cli.commands.screen import console
from store.errors import QueryFailed
from store.locate import close, connect
from store.reader import Reader, Result

_ASKERS_FAULT = frozenset(
    {6, 27, 36, 38, 41, 42, 43, 46, 47, 53, 60, 62, 69, 70, 72, 81} | {115, 153, 164, 184, 215, 344, 386, 456, 457, 497}
)
"""Server errors that the statement itself causes: wrong usage (64), not a failure of ours (70)."""
_TABLE_ROWS = 1000
"""A table is for people; json and csv give everything."""
_CELL_CHARS = 500
_NAME_COLUMNS = 32
"""Of a terminal; the longest name of a column of ours has 28 characters."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)


@click.command(name="sql")
@click.argument("statement")
@config_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="table: for people, at most 1000 rows. json: one object per line. csv: with a header.",
)
def sql(*, statement: str, config_file: Path | None, form: str) -> int:
    """Runs one SELECT on the tables of the store; nothing can be changed.

    \b
    Example:
      shadowbench sql "SELECT candidate, count() FROM pairs GROUP BY candidate"
      shadowbench sql "SELECT * FROM pairs ORDER BY ts DESC LIMIT 5" --format json
    """
    if not statement.strip():
        raise click.UsageError("the statement is empty; write a SELECT")
    client = connect(configuration(config_file).store, access="reader", start_owner=True)
    try:
        with Reader(client).result(statement) as result:
            {"table": _table, "json": _json, "csv": _csv}[form](result)
    except QueryFailed as error:
        if error.code in _ASKERS_FAULT:
            raise click.UsageError(printable(str(error))) from error
        raise QueryFailed(printable(str(error)), error.code) from error
    finally:
        close(client)
    return 0


def _table(result: Result) -> None:
    rows = list(islice(result.rows, _TABLE_ROWS + 1))
    names = [printable(name) for name in result.names]
    cells = [[_cell(value) for value in row] for row in rows[:_TABLE_ROWS]]
    console().print(Fitting(_side_by_side(names, cells), _one_below_another(names, cells)))
    if len(rows) > _TABLE_ROWS:
        click.echo(f"only the first {_TABLE_ROWS} rows; --format json or csv gives all", err=True)


def _side_by_side(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table()
    for name in names:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _one_below_another(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Group:
    """A line per value, for a terminal that is too narrow for the columns: folded, never cut."""
    shown: list[RenderableType] = [] if rows else [Text(f"no rows of {', '.join(names)}")]
    for number, row in enumerate(rows, 1):
        record = Table(box=None, show_header=False, pad_edge=False)
        record.add_column(overflow="fold", style="bold", max_width=_NAME_COLUMNS)
        record.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            record.add_row(Text(name), Text(value))
        shown += [Text(f"row {number}:"), record]
    return Group(*shown)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    text = printable(value if isinstance(value, str) else _plain_text(value))
    return text if len(text) <= _CELL_CHARS else f"{text[: _CELL_CHARS - 1]}…"


def printable(text: str) -> str:
    """Text on one line that cannot steer a terminal: stored answers are whatever a model, or its user, made them."""
    text = _ESCAPE.sub("", text)
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "
    # Controls (C), among them those that reverse the direction of text; line and paragraph separators.
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} else char


def _json(result: Result) -> None:
    _write(json.dumps(dict(zip(result.names, map(_plain, row), strict=True))) + "\n" for row in result.rows)


def _csv(result: Result) -> None:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def written(values: Iterable[Any]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(values)
        return line.getvalue()

    def lines() -> Iterator[str]:
        yield written(result.names)
        for row in result.rows:
            yield written("" if v is None else v if isinstance(v, str) else _plain_text(v) for v in row)

    _write(lines())


def _write(lines: Iterable[str]) -> None:
    for text in lines:
        sys.stdout.write(text)


def _plain_text(value: Any) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(value: Any) -> Any:
    """The value as JSON has it: times in ISO 8601, decimals as texts (a float would round them)."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {str(_plain(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
