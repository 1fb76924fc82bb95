"""Pairs of a store into a file, block by block."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, Protocol

from store.reader import Reader
from store.transfer.csv_form import CsvWriter
from store.transfer.forms import Form, PairsFileError
from store.transfer.json_form import JsonWriter
from store.transfer.layout import CANDIDATE, PAIR_FIELDS, PRIMARY, TEXT_COLUMNS, TEXT_FIELDS, Field
from store.transfer.reading import NO_PYARROW

_BLOCK_ROWS = 4096
_BLOCK_ROWS_WITH_TEXTS = 256
_ORDER = "candidate, experiment, ts, request_id"
"""That of the table: it is read as it lies, and nothing has to be sorted."""

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pairs: all conditions hold."""

    since: datetime
    until: datetime
    """Left out itself."""
    candidates: tuple[str, ...] = ()
    """Empty: all."""
    labels: Mapping[str, str] = field(default_factory=dict)

    def condition(self) -> str:
        """For WHERE."""
        parts = ["ts >= {since:DateTime64(6, 'UTC')}", "ts < {until:DateTime64(6, 'UTC')}"]
        parts += ["candidate IN {candidates:Array(String)}"] if self.candidates else []
        parts += [f"labels[{{key_{k}:String}}] = {{value_{k}:String}}" for k in range(len(self.labels))]
        return " AND ".join(parts)

    def parameters(self) -> dict[str, Any]:
        """Of the condition. Times as texts, because a client rounds datetimes to seconds."""
        found: dict[str, Any] = {
            name: end.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            for name, end in (("since", self.since), ("until", self.until))
        }
        for number, (key, value) in enumerate(self.labels.items()):
            found |= {f"key_{number}": key, f"value_{number}": value}
        return found | ({"candidates": list(self.candidates)} if self.candidates else {})


class FormWriter(Protocol):
    """Takes blocks, and the end."""

    def write(self, columns: Columns) -> None:
        """Rows of a block."""

    def close(self) -> None:
        """Writes what is left."""

    def abandon(self) -> None:
        """Instead of `close`: the file will not be kept."""


def writer_of(form: Form, file: IO[bytes], *, texts: bool) -> FormWriter:
    """Writes pairs in a form.

    Raises:
        PairsFileError: pyarrow is not there.
    """
    return fields_writer(form, file, fields_of(texts=texts))


def fields_writer(form: Form, file: IO[bytes], fields: Sequence[Field]) -> FormWriter:
    """Writes rows of any columns in a form.

    Raises:
        PairsFileError: pyarrow is not there.
    """
    if form == "csv":
        return CsvWriter(file, fields)
    if form == "jsonl":
        return JsonWriter(file, fields)
    try:
        from store.transfer.parquet_form import ParquetWriter  # noqa: PLC0415 - pyarrow may be absent
    except ImportError:
        raise PairsFileError(NO_PYARROW) from None
    return ParquetWriter(file, fields)


def fields_of(*, texts: bool) -> tuple[Field, ...]:
    """Columns of a file."""
    return PAIR_FIELDS + (TEXT_FIELDS if texts else ())


def count(reader: Reader, selection: Selection) -> int:
    """Pairs that a selection names."""
    sql = f"SELECT count() AS n FROM pairs WHERE {selection.condition()}"
    return int(reader.query(sql, selection.parameters())[0]["n"])


def write_pairs(
    reader: Reader, selection: Selection, writer: FormWriter, *, texts: bool, on_rows: Callable[[int], None]
) -> int:
    """Writes all pairs that a selection names, in the order of candidate, experiment, time and request.

    Memory: a block of rows, and what the form gathers.

    Returns:
        How many.

    Raises:
        QueryFailed: the store breaks off.
        StoreUnavailable: it does not answer.
    """
    rows = 0
    try:
        for block in _blocks(reader, selection, texts=texts):
            writer.write(block)
            rows += len(block[PAIR_FIELDS[0].name])
            on_rows(rows)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return rows


def _blocks(reader: Reader, selection: Selection, *, texts: bool) -> Iterator[Columns]:
    names = ", ".join(f"`{field.name}`" for field in PAIR_FIELDS)
    sql = f"SELECT {names} FROM pairs WHERE {selection.condition()} ORDER BY {_ORDER}"
    block_rows = _BLOCK_ROWS_WITH_TEXTS if texts else _BLOCK_ROWS
    for columns in reader.column_blocks(sql, selection.parameters(), block_rows=block_rows):
        yield {**columns, **_texts(reader, columns)} if texts else columns


def _texts(reader: Reader, pairs: Columns) -> Columns:
    """Texts of a block of pairs, by column of a file."""
    ids = sorted({str(request_id) for request_id in pairs["request_id"]})
    names = sorted({name for _, name in TEXT_COLUMNS})
    found = reader.query(
        f"SELECT request_id, side, {', '.join(f'any({n}) AS {n}_' for n in names)} FROM payloads "
        "WHERE request_id IN {ids:Array(UUID)} GROUP BY request_id, side",
        {"ids": ids},
    )
    by_side = {(row["request_id"], row["side"]): row for row in found}
    sides = {PRIMARY: [PRIMARY] * len(pairs["candidate"]), CANDIDATE: pairs["candidate"]}
    rows = {
        arm: [by_side.get(key) for key in zip(pairs["request_id"], names_of_side, strict=True)]
        for arm, names_of_side in sides.items()
    }
    return {
        column: [None if row is None else row[f"{name}_"] for row in rows[arm]]
        for (arm, name), column in TEXT_COLUMNS.items()
    }
