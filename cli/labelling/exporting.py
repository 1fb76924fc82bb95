"""Labels, and blind sheets of pairs that wait for one, into a file that is there whole or not at all."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from analyzer.labels_in import columns
from cli.labelling import sheet
from cli.labelling.sheet import Sheet
from store.judging.due import Listed, with_texts
from store.judging.rows import LabelRow
from store.reader import Reader
from store.transfer.exporting import FormWriter, fields_writer
from store.transfer.forms import FileForm, PairsFileError, packing_into
from store.transfer.layout import Field
from store.transfer.target import whole_file

STDOUT = Path("-")
_BLOCK_ROWS = 1000
_SHEET_ROWS = 100
"""With their texts in memory at once."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go."""

    path: Path
    """`-` is standard output."""
    form: FileForm
    force: bool
    """It may replace a file."""


def write_labels_file(rows: Sequence[LabelRow], target: Target) -> int:
    """Writes labels as `labels import` reads them.

    Returns:
        How many.

    Raises:
        PairsFileError: something is there already, or the form is not to be had.
        WritingFailed: the disk did not take it.
    """
    blocks = (_block(rows[first : first + _BLOCK_ROWS]) for first in range(0, len(rows), _BLOCK_ROWS))
    return _write(target, columns.FIELDS, blocks)


def _block(rows: Sequence[LabelRow]) -> dict[str, list[Any]]:
    return {field.name: [getattr(row, field.name) for row in rows] for field in columns.FIELDS}


def write_sheet(reader: Reader, listed: Sequence[Listed], made: Sheet, target: Target) -> int:
    """Writes pairs for somebody to label; those whose texts are gone meanwhile are left out.

    Returns:
        How many.

    Raises:
        PairsFileError: as above.
        WritingFailed: as above.
        StoreError: the store breaks off.
    """

    def blocks() -> Iterator[Mapping[str, Sequence[Any]]]:
        for first in range(0, len(listed), _SHEET_ROWS):
            some = listed[first : first + _SHEET_ROWS]
            pairs = with_texts(reader, some)
            yield made.columns([pairs[key] for one in some if (key := (one.request_id, one.candidate)) in pairs])

    return _write(target, sheet.FIELDS, blocks())


def _write(target: Target, fields: Sequence[Field], blocks: Iterator[Mapping[str, Sequence[Any]]]) -> int:
    def into(raw: IO[bytes]) -> int:
        packed = packing_into(raw, target.form.packing)
        rows = _fill(fields_writer(target.form.form, packed, fields), fields, blocks)
        if packed is not raw:
            packed.close()
        return rows

    if target.path == STDOUT:
        if target.form.form == "parquet":
            raise PairsFileError("Parquet cannot go to standard output; name a file, or write --format jsonl or csv")
        rows = into(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return rows
    # What people and models wrote is for the eyes of its owner.
    with whole_file(target.path, force=target.force, is_private=True) as raw:
        return into(raw)


def _fill(writer: FormWriter, fields: Sequence[Field], blocks: Iterator[Mapping[str, Sequence[Any]]]) -> int:
    rows = 0
    try:
        for block in blocks:
            writer.write(block)
            rows += len(block[fields[0].name])
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return rows
