"""A file of pairs, row by row and checked; no store is needed.

file = PairsFile(path)
survey = survey_of(file)                 # every fault, before anything is made of the file
for values in complete_rows(file, ...)   # all columns of `pairs` but `batch`
"""

import hashlib
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from store.transfer.completion import Origin, faults_of
from store.transfer.csv_form import CsvReader
from store.transfer.forms import UNPACKING_ERRORS, Fault, Form, FormReader, PairsFileError, form_of, unpacking
from store.transfer.json_form import JsonReader
from store.transfer.layout import ARMS, PAIRS_FILE, Layout, has_texts
from store.transfer.lines import lines_of
from store.transfer.survey import Survey

NO_PYARROW = "Parquet needs pyarrow, which is not installed: pip install 'shadowbench[parquet]'"
_READ_BYTES = 2**20


class Check(Protocol):
    """Looks at a row."""

    def __call__(self, values: Mapping[str, Any], *, is_whole: bool) -> list[Fault]:
        """What is wrong; `is_whole` False: what is missing may be what was refused."""


@dataclass(frozen=True, slots=True)
class PairsRow:
    """One row."""

    index: int
    """From 0."""
    place: str
    """`pairs.csv:17` or `pairs.parquet: row 17`"""
    number: int
    values: dict[str, Any]
    """What the file says, as the store takes it; NULL is left out."""
    faults: tuple[Fault, ...]


class PairsFile:
    """A file that is read several times and must stay the same."""

    def __init__(
        self,
        path: Path,
        form: Form | None = None,
        *,
        option: str | None = "--format",
        layout: Layout = PAIRS_FILE,
        check: Check = faults_of,
    ) -> None:
        """Looks at it.

        Args:
            path: of the file.
            form: says what its name does not.
            option: by which a person gives `form`; None: there is none.
            layout: its columns, where it holds something else about pairs.
            check: says what a row lacks, or what cannot be.

        Raises:
            PairsFileError: it is not there, or its form is unknown.
        """
        self.path = path
        self.form = form_of(path, form, option=option)
        self._layout = layout
        self._check = check
        self._seen = self._state()
        self._digest: str | None = None

    def _state(self) -> tuple[int, int, int]:
        try:
            found = self.path.stat()
        except OSError as error:
            raise PairsFileError(f"{self.path}: {error.strerror or error}") from None
        if not self.path.is_file():
            raise PairsFileError(f"{self.path}: is no file")
        return found.st_ino, found.st_size, found.st_mtime_ns

    @property
    def changed(self) -> datetime:
        """When it was last written, whole seconds, UTC."""
        return datetime.fromtimestamp(self._seen[2] // 10**9, UTC)

    def digest(self) -> str:
        """SHA-256 of its bytes as they lie on the disk, hexadecimal."""
        if self._digest is None:
            total = hashlib.sha256()
            with self._opened() as raw:
                while piece := raw.read(_READ_BYTES):
                    total.update(piece)
            self._digest = total.hexdigest()
        return self._digest

    def _opened(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise PairsFileError(f"{self.path}: {error.strerror or error}") from None

    def rows(self) -> Iterator[PairsRow]:
        """All rows, the bad ones too.

        Raises:
            PairsFileError: it cannot be read, breaks off, or changes meanwhile.
        """
        with self._opened() as raw:
            try:
                reader = self._reader(raw)
                for index, row in enumerate(reader.rows()):
                    place = self._place(reader.unit, row.number)
                    faults = [*row.faults, *self._check(row.values, is_whole=not row.faults)]
                    yield PairsRow(index, place, row.number, row.values, tuple(faults))
            except PairsFileError as error:
                raise PairsFileError(f"{self.path}: {error}") from None
            except (*UNPACKING_ERRORS, zlib.error) as error:
                raise PairsFileError(f"{self.path}: what is packed is damaged: {error}") from None
        if self._state() != self._seen:
            raise PairsFileError(f"{self.path}: changed while it was read; try again when nobody writes to it")

    def _place(self, unit: str, number: int) -> str:
        return f"{self.path}:{number}" if unit == "line" else f"{self.path}: row {number}"

    def _reader(self, raw: IO[bytes]) -> FormReader:
        if self.form.form == "parquet":
            try:
                from store.transfer.parquet_form import ParquetReader  # noqa: PLC0415 - pyarrow may be absent
            except ImportError:
                raise PairsFileError(NO_PYARROW) from None
            return ParquetReader(raw, self._layout)
        is_csv = self.form.form == "csv"
        lines = lines_of(unpacking(raw, self.form.packing), quoted=is_csv)
        return CsvReader(lines, self._layout) if is_csv else JsonReader(lines, self._layout)

    def place_of(self, number: int) -> str:
        """Of a row by its number."""
        return self._place("row" if self.form.form == "parquet" else "line", number)


def survey_of(file: PairsFile, on_row: Callable[[int], None] = lambda _: None) -> Survey:
    """Reads a file to its end and gathers every fault.

    Memory: 32 bytes a row, to find pairs that it holds twice.

    Raises:
        PairsFileError: it cannot be read to its end.
    """
    found, twins = Survey(), _Twins()
    for row in file.rows():
        found.rows += 1
        for fault in row.faults:
            found.add(row.place, fault)
        found.with_texts += any(has_texts(row.values, arm) for arm in ARMS)
        if not row.faults and "request_id" in row.values:
            twins.add(row)
        on_row(found.rows)
    for first, again in twins.found():
        found.add(file.place_of(again), same_pair(file.place_of(first)))
    return found


def same_pair(place: str) -> Fault:
    """A row is of the same pair as the one at `place`."""
    return Fault("request_id", f"the same request and candidate as in {place}", "same pair")


class _Twins:
    """Rows of the same request and candidate."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._numbers = array("Q")

    def add(self, row: PairsRow) -> None:
        name = row.values["request_id"].bytes + row.values["candidate"].encode()
        self._keys.frombytes(hashlib.blake2b(name, digest_size=16).digest())
        self._numbers.append(row.number)

    def found(self) -> Iterator[tuple[int, int]]:
        """(number of the one before, number)"""
        keys = np.frombuffer(self._keys, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        same = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
        for at in np.flatnonzero(same):
            yield self._numbers[order[at]], self._numbers[order[at + 1]]


def complete_rows(
    file: PairsFile, survey: Survey, *, block_s: float, experiment: str | None = None
) -> Iterator[dict[str, Any]]:
    """Rows with all columns of `pairs` but `batch`, and with what a judge said where the file says so.

    Args:
        file: one whose survey found no fault.
        survey: of it.
        block_s: length of a time block.
        experiment: for rows that name none.
    """
    origin = Origin(file.digest(), survey.rows, file.changed, block_s, experiment)
    for row in file.rows():
        yield row.values | origin.complete(row.index, row.values)
