r"""Pairs as CSV with a header: NULL is `\N` without quotes, as ClickHouse writes it, and texts stand between quotes.

So the text `\N` and an empty text are told from NULL. Lists and maps are JSON.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec

from store.transfer.column_kinds import Many, Named
from store.transfer.forms import UNREADABLE, Fault, PairsFileError, ReadRow
from store.transfer.kinds import Flag, Kind, Text, shown
from store.transfer.layout import PAIRS_FILE, Field, Layout
from store.transfer.lines import Line

NULL = "\\N"
_CELL = re.compile(r'(?:"(?P<quoted>[^"]*(?:""[^"]*)*)"|(?P<bare>[^",]*))(?P<end>,|\Z)')


class CsvWriter:
    """Blocks of columns -> lines."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field]) -> None:
        self._file = file
        self._fields = fields
        self._file.write(",".join(field.name for field in fields).encode() + b"\n")

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Rows of a block."""
        cells = [[_cell(field.kind, value) for value in columns[field.name]] for field in self._fields]
        for row in zip(*cells, strict=True):
            self._file.write(",".join(row).encode() + b"\n")

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is held."""


def _cell(kind: Kind, value: Any) -> str:
    if value is None:
        return NULL
    plain = kind.plain(value)
    if isinstance(kind, (Many, Named)):
        plain = msgspec.json.encode(plain).decode()
    elif isinstance(kind, Flag):
        return "true" if plain else "false"
    elif not isinstance(kind, Text):
        return str(plain)
    text: str = plain.replace('"', '""')
    return f'"{text}"'


class CsvReader:
    """Lines -> rows."""

    unit = "line"

    def __init__(self, lines: Iterator[Line], layout: Layout = PAIRS_FILE) -> None:
        """Reads the header.

        Raises:
            PairsFileError: there is none, or it names what no file has.
        """
        self._lines = lines
        header = next(lines, None)
        if header is None:
            raise PairsFileError("empty; the first line of a CSV file names its columns")
        try:
            names = [text or "" for text in _cells(header.data)]
        except ValueError as error:
            raise PairsFileError(f"line 1: {error}") from None
        self._names = names
        self._fields = [_column(name, names, layout) for name in names]

    def rows(self) -> Iterator[ReadRow]:
        """A row per line that is not blank."""
        for line in self._lines:
            if not line.data.strip():
                continue
            try:
                cells = _cells(line.data)
                if len(cells) != len(self._names):
                    raise ValueError(f"{len(cells)} cells, but the header names {len(self._names)} columns")
            except ValueError as error:
                yield ReadRow(line.number, {}, [Fault("", str(error), UNREADABLE)])
            else:
                yield self._row(line.number, cells)

    def _row(self, number: int, cells: Sequence[str | None]) -> ReadRow:
        row = ReadRow(number, {}, [])
        for field, text in zip(self._fields, cells, strict=True):
            if field is None or text is None:
                continue
            try:
                row.values[field.name] = field.read(text)
            except ValueError as error:
                row.faults.append(Fault(field.name, f"{shown(text)} is not {error}", "value"))
        return row


def _column(name: str, names: Sequence[str], layout: Layout) -> Field | None:
    if names.count(name) > 1:
        raise PairsFileError(f"line 1: {name}: the header names this column {names.count(name)} times")
    if name in layout.ignored:
        return None
    if name not in layout.fields:
        raise PairsFileError(f"line 1: {shown(name)}: {layout.unknown(name)}")
    return layout.fields[name]


def _cells(data: bytes) -> list[str | None]:
    r"""Texts of a line; None for `\N` and for nothing at all, both without quotes.

    Raises:
        ValueError: it cannot be taken apart.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8; save it as UTF-8") from None
    found: list[str | None] = []
    at, end = 0, ","
    while end:
        match = _CELL.match(text, at)
        if match is None:
            raise ValueError(f"cell {len(found) + 1}: quotes must stand around the whole cell, and twice inside it")
        quoted, bare, end = match.group("quoted", "bare", "end")
        found.append(quoted.replace('""', '"') if quoted is not None else None if bare in {"", NULL} else bare)
        at = match.end()
    return found
