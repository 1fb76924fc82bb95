"""Server-sent events, read piece by piece (WHATWG HTML, section 9.2.6).

The same events come out however the bytes are cut. An event's `end` is the offset just behind the blank line that
completes it, so that the time of the read which brought that byte is the event's time.
"""

import re
from typing import NamedTuple

from proxy.wire.errors import WireError

MAX_EVENT_BYTES = 16 * 2**20
"""Longest event that is put together; a longer one ends the reading."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
# Nearly every event of a model's stream is one data line and a blank one; this reads it in one step.
_ONE_LINE_EVENT = re.compile(rb"data:(?: ?)([^\r\n]*)(?:\n\n|\r\n\r\n)")
# The same, with its type before it; or a comment; or a blank line where there is nothing to end.
USUAL = re.compile(
    rb"(?:event:(?: ?)(?P<name>[^\r\n]*)\r?\n)?data:(?: ?)(?P<data>[^\r\n]*)(?:\n\n|\r\n\r\n)"
    rb"|(?P<idle>(?::[^\r\n]*)?\r?\n)"
)
"""What may stand at the beginning of a stream (behind the byte order mark) or behind an event, read in one step."""


class Event(NamedTuple):
    """One dispatched event."""

    data: bytes
    """Data lines joined by LF; decode as UTF-8 with replacement."""
    name: bytes
    """Of the `event` field; empty when there was none."""
    end: int
    """Offset in the stream just behind the event."""


class SseParser:
    """Bytes in, events out.

    Memory: the bytes of one unfinished event, at most `max_event_bytes` and one piece.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES, begin: int = 0) -> None:
        """`begin`: where in the stream the bytes begin; if not at 0, then behind an event."""
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._base = begin
        self._begun = begin > 0
        self._data: list[bytes] = []
        self._name = b""
        self._event_start = begin
        self.comments = 0
        """Comment lines seen so far."""

    def feed(self, piece: bytes) -> list[Event]:
        """Events that the bytes so far complete.

        Raises:
            WireError: an event is longer than allowed. The parser is of no use afterwards.
        """
        buffer = self._rest + piece if self._rest else piece
        if not self._begun and not (buffer := self._past_mark(buffer, at_end=False)):
            return []
        return self._read(buffer, at_end=False)

    def finish(self) -> list[Event]:
        """Events that the end of the bytes completes: a line end that might have become CRLF stays a line end."""
        if not self._begun:
            self._rest = self._past_mark(self._rest, at_end=True)
        return self._read(self._rest, at_end=True)

    def unfinished(self) -> Event | None:
        """After `finish`: what was left without its blank line, read as if it had one; None when nothing was.

        The standard discards it. Some servers leave the last blank line out, so the caller may look at it.
        """
        rest, data, name = self._rest, list(self._data), self._name
        if rest:
            field, value = _field(rest)
            if field == b"data":
                data.append(value)
        end = self._base + len(rest)
        return Event(b"\n".join(data), name, end) if data or end > self._event_start else None

    def _past_mark(self, buffer: bytes, *, at_end: bool) -> bytes:
        """Drops a byte order mark; empty while it cannot be told yet."""
        if len(buffer) < 3 and BYTE_ORDER_MARK.startswith(buffer) and not at_end:
            self._rest = buffer
            return b""
        self._begun, self._rest = True, b""
        if buffer.startswith(BYTE_ORDER_MARK):
            self._base = self._event_start = 3
            return buffer[3:]
        return buffer

    def _read(self, buffer: bytes, *, at_end: bool) -> list[Event]:
        events: list[Event] = []
        position, size, base = 0, len(buffer), self._base
        while position < size:
            if not self._data and not self._name and (match := _ONE_LINE_EVENT.match(buffer, position)):
                position = match.end()
                self._check_size(base + position)
                events.append(Event(match[1], b"", base + position))
                self._event_start = base + position
                continue
            ending = _LINE_END.search(buffer, position)
            # A CR that ends the buffer may be half of a CRLF.
            if ending is None or (ending.end() == size and buffer[size - 1] == 13 and not at_end):
                break
            self._check_size(base + ending.end())
            self._line(buffer[position : ending.start()], base + ending.end(), events)
            position = ending.end()
        self._rest = buffer[position:]
        self._base = base + position
        self._check_size(base + size)
        return events

    def _line(self, line: bytes, end: int, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event(b"\n".join(self._data), self._name, end))
            self._data, self._name = [], b""
        elif line[0] == 58:
            self.comments += 1
        else:
            field, value = _field(line)
            if field == b"data":
                self._data.append(value)
            elif field == b"event":
                self._name = value
        if not self._data and not self._name:
            self._event_start = end

    def _check_size(self, position: int) -> None:
        if position - self._event_start > self._max_event_bytes:
            raise WireError(f"an event is longer than {self._max_event_bytes} bytes")


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value[1:] if value.startswith(b" ") else value
