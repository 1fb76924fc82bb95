"""Where one event ends and the next begins: server-sent events, JSON by lines, the items of a JSON array.

Each framing reads a stretch of bytes at once, and one that begins behind a gap: there the event cut by it is left out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from proxy.wire.body import Stretch
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json
from proxy.wire.sse import Event, SseParser

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
# A string, one that the end of the bytes cut off, or a bracket.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|"|[\[\]{}]', re.DOTALL)
_NEXT_ITEM = re.compile(rb",\s*\{")
_MAX_ITEM_GUESSES = 64
"""Places behind a gap at which an item is looked for; Gemini's chunks have some twenty that only look like one."""


class Cut(NamedTuple):
    """A stretch, cut into events."""

    events: Sequence[Event]
    rest: Event | None = None
    """What stands behind the last whole event; it may yet be whole, or half of one."""
    comments: int = 0
    is_closed: bool = False
    """Did the framing itself say that nothing follows?"""


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to send events."""

    cut: Callable[[bytes], Cut]
    """Raises WireError: an event that is too long, or bytes where none may be."""
    behind_gap: Callable[[Stretch], Stretch]
    """What is left of a stretch that begins inside an event."""


def cut_sse(data: bytes, begin: int = 0) -> Cut:
    """The events of a stretch from `begin` on, where it begins or an event has ended."""
    parser = SseParser(begin=begin)
    events = parser.feed(data[begin:]) + parser.finish()
    rest = parser.unfinished()
    return Cut(events, rest if rest is not None and rest.data else None, parser.comments)


def _sse_behind_gap(stretch: Stretch) -> Stretch:
    data = stretch.data
    found = [at + len(blank) for blank in _BLANK_LINES if (at := data.find(blank)) >= 0]
    return _behind(stretch, min(found, default=len(data)))


def _cut_lines(data: bytes) -> Cut:
    events: list[Event] = []
    end = 0
    for line in data.splitlines(keepends=True):
        end += len(line)
        if not line.endswith((b"\n", b"\r")):
            return Cut(events, Event(line, b"", end))
        events.append(Event(line.rstrip(), b"", end))
    return Cut(events)


def _lines_behind_gap(stretch: Stretch) -> Stretch:
    at = stretch.data.find(b"\n")
    return _behind(stretch, at + 1 if at >= 0 else len(stretch.data))


def _cut_array(data: bytes) -> Cut:
    events: list[Event] = []
    depth = start = 0
    for token in _TOKEN.finditer(data):
        kind = token[0]
        if kind in {b"{", b"["}:
            if depth == 1:
                start = token.start()
            depth += 1
        elif kind in {b"}", b"]"}:
            depth -= 1
            if depth == 1:
                events.append(Event(data[start : token.end()], b"", token.end()))
            elif depth <= 0:
                if data[token.end() :].strip():
                    raise WireError("bytes behind the end of the array")
                return Cut(events, is_closed=True)
        elif kind == b'"':
            break
        elif depth == 1:
            raise WireError("an item of the array that is not a JSON object")
    return Cut(events)


def _array_behind_gap(stretch: Stretch) -> Stretch:
    """Only from the beginning of an item of the array itself is the rest an array, to its last byte."""
    data = stretch.data
    for guess, match in enumerate(_NEXT_ITEM.finditer(data)):
        if guess == _MAX_ITEM_GUESSES:
            break
        rest = b"[" + data[match.end() - 1 :]
        try:
            read_json(rest)
        except WireError:
            continue
        return replace(stretch, data=rest, start=stretch.start + match.end() - 2)
    return replace(stretch, data=b"[", start=stretch.start + len(data) - 1)


def _behind(stretch: Stretch, skipped: int) -> Stretch:
    """Stretches behind a gap were never compressed, so offsets need no more than this."""
    return replace(stretch, data=stretch.data[skipped:], start=stretch.start + skipped)


SSE = Framing(cut_sse, _sse_behind_gap)
LINES = Framing(_cut_lines, _lines_behind_gap)
ARRAY = Framing(_cut_array, _array_behind_gap)
