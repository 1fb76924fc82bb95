"""Events that differ in one string only: the first is read, those behind it are told by their bytes.

A model's stream is the same event over and over with another piece of text in it. Once one has been read, and its piece
found in its bytes, whatever has the same bytes around a sound JSON string means the same with another piece: nothing of
it has to be parsed. What differs in anything else, or is not sound, ends the run and is read as usual.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json

_PROBE = "\x7fa piece that no model wrote\x7f"
_MAX_VAIN = 4
"""So often in a row is an event learned for nothing; then the stream is one that repeats nothing."""
_FIRST_WINDOW_BYTES = 4 * 2**10
_MAX_WINDOW_BYTES = 256 * 2**10
# What a string of JSON cannot hold as it is, or where it has to be decoded.
_SPECIAL = re.compile(rb'[\x00-\x1f"\\]')
_string = msgspec.json.Decoder(str).decode

PieceOf = Callable[[dict[str, Any]], str | None]
"""The text to which an event comes down, if all else in it says nothing new however often it is said; else None."""


class Run(NamedTuple):
    """Events that were told by their bytes."""

    pieces: list[str]
    """None of them is empty."""
    end: int
    """Offset just behind the last."""


class Repeats:
    """What was learned of one stream. It holds the bytes of one event."""

    def __init__(self) -> None:
        self._before = b""
        self._behind = b""
        self._vain = 0

    def learn(self, data: bytes, event: tuple[int, int], value: tuple[int, int], piece: str, piece_of: PieceOf) -> bool:
        """Is it known now what stands around the piece?

        Args:
            data: the stream.
            event: where the event that has just been read begins and ends.
            value: where its JSON value does.
            piece: what `piece_of` said of it.
            piece_of: of the reader.
        """
        if self._vain >= _MAX_VAIN:
            return False
        literal = b'"' + piece.encode("utf-8", "surrogatepass") + b'"'
        at = data.find(literal, *value) + 1
        if not at or data.find(literal, at, value[1]) >= 0:
            return False  # escaped, or elsewhere as well: another event will do
        self._vain += 1
        end = at + len(literal) - 2
        try:
            probe = read_json(data[value[0] : at] + _PROBE.encode() + data[end : value[1]])
        except WireError:
            return False
        if not isinstance(probe, dict) or piece_of(probe) != _PROBE:
            return False
        self._before, self._behind = data[event[0] : at], data[end : event[1]]
        return True

    def run(self, data: bytes, at: int) -> Run:
        """The events from `at` on that are like the one that was learned last; none where the next is not."""
        before, behind = self._before, self._behind
        pieces: list[str] = []
        widest = len(before) + len(behind) + _MAX_WINDOW_BYTES
        window = len(before) + len(behind) + _FIRST_WINDOW_BYTES
        while data.startswith(before, at):
            found, length = _pieces(data[at + len(before) : at + window], before, behind)
            if not found:
                if window == widest or at + window >= len(data):
                    break
                window = widest
                continue
            pieces += found
            at += length
            window = min(2 * window, widest)
        if pieces:
            self._vain = 0
        return Run(pieces, at)


def _pieces(window: bytes, before: bytes, behind: bytes) -> tuple[list[str], int]:
    """Pieces of whole events, and how long those events are together; the window begins in the first one's string."""
    raw = window.split(behind + before)
    # What follows the last of them is another event, or the window's end.
    last, found, _ = raw[-1].partition(behind)
    if found:
        raw[-1] = last
    else:
        raw.pop()
    texts = _decoded(raw)
    around = len(before) + len(behind)
    return texts, sum(map(len, raw[: len(texts)])) + around * len(texts)


def _decoded(raw: list[bytes]) -> list[str]:
    """The strings up to the first that is empty or not sound."""
    if raw and all(raw) and _SPECIAL.search(b"".join(raw)) is None:
        # Divided by what none of them holds, so that a character cut in two is not put together.
        with contextlib.suppress(UnicodeDecodeError):
            return b"\x00".join(raw).decode().split("\x00")
    texts: list[str] = []
    for piece in raw:
        try:
            text = _string(b'"' + piece + b'"')
        except ValueError:
            break
        if not text:
            break
        texts.append(text)
    return texts
