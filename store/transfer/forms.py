"""Which form a file has, and how it is packed: both follow from its name."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol, cast

from backports import zstd

Form = Literal["jsonl", "csv", "parquet"]
Packing = Literal["", "gz", "zst"]

FORMS: tuple[Form, ...] = ("jsonl", "csv", "parquet")
_ENDINGS: dict[str, Form] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_PACKINGS: dict[str, Packing] = {".gz": "gz", ".zst": "zst"}
UNREADABLE = "unreadable"
"""Kind of faults of rows that cannot be taken apart."""
_KNOWN = ".ndjson is known, too, and .gz or .zst behind all but .parquet"
_GZIP_LEVEL = 6


class PairsFileError(Exception):
    """A file that cannot be read as pairs at all, or not written; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class FileForm:
    """Form and packing."""

    form: Form
    packing: Packing = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row."""

    column: str
    """Empty: the row as a whole."""
    text: str
    kind: str = ""
    """The same for faults that differ only in the value that they show; empty: the text itself."""
    once: bool = False
    """The file as a whole has it: to tell it of one row is enough."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as a form reads it."""

    number: int
    """In the file's own counting: the line where it begins, or the row."""
    values: dict[str, Any]
    """What the store takes, by column; without those that are NULL."""
    faults: list[Fault]


class FormReader(Protocol):
    """A file's rows."""

    unit: str
    """What `ReadRow.number` counts: `line` or `row`."""

    def rows(self) -> Iterator[ReadRow]:
        """All rows; raises PairsFileError when the file breaks off."""


def form_of(path: Path, form: Form | None = None, *, option: str | None = "--format") -> FileForm:
    """By the file's name.

    Args:
        path: the file.
        form: says what the name does not.
        option: by which a person gives `form`; None: there is none.

    Raises:
        PairsFileError: nothing says it, or a Parquet file is packed.
    """
    packing = _PACKINGS.get(path.suffix.lower(), "")
    inner = path.with_suffix("") if packing else path
    named = _ENDINGS.get(inner.suffix.lower())
    found = form or named
    if found is None:
        advice = f", or give {option}" if option else f" ({_KNOWN})"
        raise PairsFileError(f"{path}: its name says no form; end it with .jsonl, .csv or .parquet{advice}")
    if found == "parquet" and packing:
        raise PairsFileError(f"{path}: Parquet files are packed inside; leave out .{packing}")
    return FileForm(found, packing)


def unpacking(raw: IO[bytes], packing: Packing) -> IO[bytes]:
    """Reads what is packed in `raw`."""
    if packing == "gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
    if packing == "zst":
        return cast("IO[bytes]", zstd.ZstdFile(raw, mode="r"))
    return raw


def packing_into(raw: IO[bytes], packing: Packing) -> IO[bytes]:
    """Packs into `raw`, the same bytes each time; closing it leaves `raw` open."""
    if packing == "gz":
        return cast("IO[bytes]", gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0))
    if packing == "zst":
        return cast("IO[bytes]", zstd.ZstdFile(raw, mode="w"))
    return raw


UNPACKING_ERRORS = (gzip.BadGzipFile, zstd.ZstdError, EOFError)
"""What a packed file that is damaged raises; gzip raises zlib.error, too, which is an Exception of its own."""
