"""Lines of a text file, in bounded memory."""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from store.transfer.forms import UNPACKING_ERRORS, PairsFileError

MAX_LINE_BYTES = 64 * 2**20
"""Of one row with its texts; a file without line ends must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or the lines of one row of CSV, without the last line end."""

    number: int
    """Of its beginning; the first is 1."""
    data: bytes


def lines_of(file: IO[bytes], *, quoted: bool) -> Iterator[Line]:
    """All lines; a byte order mark is no part of the first.

    Args:
        file: unpacked bytes.
        quoted: a line end between double quotes ends no line, as in CSV.

    Raises:
        PairsFileError: a line is too long, a quote is never closed, or the packing is damaged.
    """
    number, begun, held = 0, 1, b""
    while piece := _next(file, number + 1):
        number += 1
        held += piece.removeprefix(codecs.BOM_UTF8) if number == 1 else piece
        if len(held) > MAX_LINE_BYTES:
            raise PairsFileError(f"line {begun}: longer than {MAX_LINE_BYTES // 2**20} MiB{_hint(held, quoted=quoted)}")
        if quoted and held.count(b'"') % 2:
            continue
        yield Line(begun, held.removesuffix(b"\n").removesuffix(b"\r"))
        begun, held = number + 1, b""
    if held:
        raise PairsFileError(f"line {begun}: a double quote opens here and is never closed")


def _hint(held: bytes, *, quoted: bool) -> str:
    return "; is a double quote never closed?" if quoted and held.count(b'"') % 2 else ""


def _next(file: IO[bytes], number: int) -> bytes:
    try:
        return file.readline(MAX_LINE_BYTES + 1)
    except (*UNPACKING_ERRORS, zlib.error) as error:
        raise PairsFileError(f"line {number}: what is packed breaks off or is damaged: {error}") from None
    except OSError as error:
        raise PairsFileError(f"line {number}: {error.strerror or error}") from None
