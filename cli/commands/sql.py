"""`shadowbench sql`: a read-only question to the store."""

import datetime
import decimal
import json
import math
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.report.fitting import Fitting
from analyzer.report.printable import printable
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
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_BARE = (datetime.date, decimal.Decimal, uuid.UUID, float)
"""What has a text in JSON and needs no quotes in CSV."""


@click.command(name="sql")
@click.argument("statement", required=False)
@config_option
@click.option(
    "--file",
    "script",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Read the statement from FILE instead; - is standard input.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="table: for people, at most 1000 rows. json: one object per line. csv: with a header, NULL as \\N.",
)
def sql(*, statement: str | None, script: TextIO | None, config_file: Path | None, form: str) -> int:
    """Runs one SELECT on the tables of the store; nothing can be changed.

    \b
    Example:
      shadowbench sql "SELECT candidate, count() FROM pairs GROUP BY candidate"
      shadowbench sql "SELECT * FROM pairs ORDER BY ts DESC LIMIT 5" --format json
      shadowbench sql --file question.sql --format csv
    """
    statement = _statement(statement, script)
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


def _statement(said: str | None, script: TextIO | None) -> str:
    if (said is None) == (script is None):
        raise click.UsageError("write one statement: as an argument, or in a file with --file FILE")
    try:
        statement = said if script is None else script.read()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--file: {error}") from None
    if not statement or not statement.strip():
        raise click.UsageError("the statement is empty; write a SELECT")
    return statement


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


def _json(result: Result) -> None:
    _write(json.dumps(dict(zip(result.names, map(_plain, row), strict=True))) + "\n" for row in result.rows)


def _csv(result: Result) -> None:
    """Texts between quotes and NULL without, so that an empty text, and the text `\\N`, are told from NULL.

    A file gets every character; a terminal gets none that could steer it.
    """
    clean = printable if sys.stdout.isatty() else str

    def lines() -> Iterator[str]:
        yield ",".join(map(_quoted, result.names)) + "\n"
        for row in result.rows:
            yield clean(",".join(map(_csv_cell, row))) + "\n"

    _write(lines())


def _csv_cell(value: Any) -> str:
    if value is None:
        return "\\N"
    plain = _plain(value)
    if isinstance(plain, str):
        return plain if isinstance(value, _BARE) else _quoted(plain)
    text = json.dumps(plain)
    return _quoted(text) if isinstance(plain, (dict, list)) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _write(lines: Iterable[str]) -> None:
    for text in lines:
        sys.stdout.write(text)


def _plain_text(value: Any) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(value: Any) -> Any:
    """The value as JSON has it: times in ISO 8601, decimals as texts (a float would round them)."""
    if value.__class__ in _AS_THEY_ARE:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no word for it
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {str(_plain(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int)) else str(value)
