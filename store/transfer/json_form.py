"""Pairs as JSON, one object per line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec

from store.transfer.forms import UNREADABLE, Fault, ReadRow
from store.transfer.kinds import Exact, shown
from store.transfer.layout import PAIRS_FILE, Field, Layout
from store.transfer.lines import Line

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encoder = msgspec.json.Encoder()


class _Digits(str):
    """A number as it stands in a line."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Without quotes."""
        return str(self)


class JsonWriter:
    """Blocks of columns -> lines."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field]) -> None:
        self._file = file
        self._fields = fields

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Rows of a block."""
        names = [field.name for field in self._fields]
        plain = [[field.plain(value) for value in columns[field.name]] for field in self._fields]
        for row in zip(*plain, strict=True):
            self._file.write(_encoder.encode(dict(zip(names, row, strict=True))) + b"\n")

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is held."""


class JsonReader:
    """Lines -> rows."""

    unit = "line"

    def __init__(self, lines: Iterator[Line], layout: Layout = PAIRS_FILE) -> None:
        self._lines = lines
        self._layout = layout
        self._exact = tuple(name for name, field in layout.fields.items() if isinstance(field.kind, Exact))

    def rows(self) -> Iterator[ReadRow]:
        """A row per line that is not blank."""
        for line in self._lines:
            if not line.data.strip():
                continue
            try:
                values = _object(line.data, self._exact)
            except ValueError as error:
                yield ReadRow(line.number, {}, [Fault("", str(error), UNREADABLE)])
            else:
                yield row_of(line.number, values, self._layout)


def _object(data: bytes, exact: Sequence[str]) -> dict[str, Any]:
    try:
        values = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _require_finite(data)
        raise ValueError(f"no JSON object: {error}") from None
    if any(isinstance(values.get(name), float) for name in exact):
        # The digits as they stand there, which a float need not keep.
        values |= {n: v for n, v in json.loads(data, parse_float=_Digits).items() if n in exact}
    return values


class _NotFinite(Exception):  # noqa: N818 - says what was met
    """One of the three words that many writers put where JSON has none."""


def _require_finite(data: bytes) -> None:
    """Raises ValueError where a line has NaN or Infinity as a value."""
    try:
        json.loads(data, parse_constant=_not_finite)
    except _NotFinite:
        raise ValueError("NaN and Infinity are no JSON; leave the field out or write null") from None
    except (ValueError, RecursionError):
        return


def _not_finite(word: str) -> None:
    raise _NotFinite(word)


def row_of(number: int, values: Mapping[str, Any], layout: Layout) -> ReadRow:
    """An object of JSON as the store takes it, with a fault for each value that it does not."""
    row = ReadRow(number, {}, [])
    for name, value in values.items():
        field = layout.fields.get(name)
        if field is None:
            if name not in layout.ignored:
                row.faults.append(Fault(name, layout.unknown(name), once=True))
        elif value is not None:
            try:
                row.values[name] = field.read(value) if isinstance(value, _Digits) else field.accept(value)
            except ValueError as error:
                row.faults.append(Fault(name, f"{shown(value)} is not {error}", "value"))
    return row
