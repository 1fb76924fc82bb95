"""Pairs as Parquet, in groups of rows of bounded size. Imported when a Parquet file is met: it needs pyarrow."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from store.transfer.column_kinds import Many, Named
from store.transfer.forms import Fault, PairsFileError, ReadRow
from store.transfer.kinds import Day, Exact, Flag, Id, Kind, Moment, Real, Whole, shown
from store.transfer.layout import PAIRS_FILE, Field, Layout

GROUP_ROWS = 16_384
GROUP_BYTES = 64 * 2**20
"""Of texts: a group ends with whichever of the two comes first."""
_BATCH_ROWS = 2048
_UNITS = {0: "s", 3: "ms", 6: "us"}


class ParquetWriter:
    """Blocks of columns -> groups of rows."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field]) -> None:
        self._fields = fields
        self._schema = pa.schema([pa.field(field.name, _arrow(field.kind), field.may_be_null) for field in fields])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._empty()

    def _empty(self) -> None:
        self._held: dict[str, list[Any]] = {field.name: [] for field in self._fields}
        self._rows = self._bytes = 0

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Rows of a block. Where a group ends depends on the rows alone, not on blocks."""
        sizes = _text_sizes(self._fields, columns)
        begin = 0
        for number, size in enumerate(sizes, 1):
            self._rows += 1
            self._bytes += size
            if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._hold(columns, begin, number)
                self._flush()
                begin = number
        self._hold(columns, begin, len(sizes))

    def _hold(self, columns: Mapping[str, Sequence[Any]], begin: int, end: int) -> None:
        for name, held in self._held.items():
            held.extend(columns[name][begin:end])

    def _flush(self) -> None:
        arrays = [pa.array(_plain(f.kind, self._held[f.name]), _arrow(f.kind)) for f in self._fields]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._empty()

    def close(self) -> None:
        """Writes what is left, and the footer."""
        if self._rows:
            self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """The file will not be kept: nothing is to be written later, or complained about."""
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):
            self._writer.close()
        self._writer.is_open = False


def _text_sizes(fields: Sequence[Field], columns: Mapping[str, Sequence[Any]]) -> list[int]:
    texts = [columns[field.name] for field in fields if field.name.endswith("_text")]
    if not texts:
        return [0] * len(columns[fields[0].name])
    return [sum(len(text) for text in row if text is not None) for row in zip(*texts, strict=True)]


def _plain(kind: Kind, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(kind, Id):
        return [None if value is None else str(value) for value in values]
    if isinstance(kind, Named):
        return [None if value is None else list(value.items()) for value in values]
    return values


def _arrow(kind: Kind) -> pa.DataType:
    """UUIDs are texts: few readers of Parquet know its own type for them."""
    if isinstance(kind, Whole):
        bits = (kind.high - kind.low).bit_length()
        return {f.bit_width: f for f in _WHOLE[kind.low < 0]}[bits]
    if isinstance(kind, Exact):
        return pa.decimal128(kind.digits, kind.scale)
    if isinstance(kind, Moment):
        return pa.timestamp(_UNITS[kind.precision], "UTC")
    if isinstance(kind, Many):
        return pa.list_(_arrow(kind.item))
    if isinstance(kind, Named):
        return pa.map_(pa.string(), _arrow(kind.item))
    plain = {Real: pa.float64(), Flag: pa.bool_(), Day: pa.date32()}
    return plain.get(type(kind), pa.string())


_WHOLE = {
    False: (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    True: (pa.int8(), pa.int16(), pa.int32(), pa.int64()),
}


class ParquetReader:
    """Groups of rows -> rows."""

    unit = "row"

    def __init__(self, file: IO[bytes], layout: Layout = PAIRS_FILE) -> None:
        """Reads the footer.

        Raises:
            PairsFileError: it is no Parquet file, or has columns that no file has.
        """
        try:
            self._file = pq.ParquetFile(file, pre_buffer=False)
            names = list(self._file.schema_arrow.names)
        except (pa.ArrowException, OSError) as error:
            raise PairsFileError(f"no Parquet file: {_first_line(error)}") from None
        for name in names:
            if names.count(name) > 1:
                raise PairsFileError(f"{name}: the file has this column {names.count(name)} times")
            if name not in layout.fields and name not in layout.ignored:
                raise PairsFileError(f"{shown(name)}: {layout.unknown(name)}")
        self._layout = layout
        self._fields = [layout.fields[name] for name in names if name not in layout.ignored]

    def rows(self) -> Iterator[ReadRow]:
        """All rows."""
        number = 0
        names = [field.name for field in self._fields]
        batches = self._file.iter_batches(_BATCH_ROWS, columns=names)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                fields = [self._layout.fields[name] for name in batch.schema.names]
                columns = [_values(batch.column(k), field) for k, field in enumerate(fields)]
            except (pa.ArrowException, OSError, ValueError) as error:
                raise PairsFileError(f"row {number + 1}: damaged, or of a strange type: {_first_line(error)}") from None
            for row in range(batch.num_rows):
                number += 1
                yield _row(number, fields, [column[row] for column in columns])


def _values(column: pa.Array, field: Field) -> list[Any]:
    kind = field.kind
    if isinstance(kind, Moment) and pa.types.is_timestamp(column.type):
        # Nanoseconds, which other tools like to write, are cut: the store has microseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _row(number: int, fields: Sequence[Field], values: Sequence[Any]) -> ReadRow:
    row = ReadRow(number, {}, [])
    for field, value in zip(fields, values, strict=True):
        if value is None:
            continue
        try:
            row.values[field.name] = field.accept(value)
        except ValueError as error:
            row.faults.append(Fault(field.name, f"{shown(value)} is not {error}", "value"))
    return row


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
