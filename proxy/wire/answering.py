"""The bytes of a reply -> one answer: what every dialect has in common.

A dialect says what one event means (`take`) and what a whole answer means (`take_whole`), and keeps what it learns in
the fields of its `Reader`; cutting, counting, marks, gaps and faults are the same for all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from proxy.wire.body import Reply, Stretch, UnknownEncoding, stretches
from proxy.wire.counts import Reported
from proxy.wire.dialect import NO_MARKS, Answer, ApiError, Marks
from proxy.wire.errors import WireError
from proxy.wire.framing import SSE, Framing, cut_sse
from proxy.wire.json_tail import last_fields
from proxy.wire.json_text import read_json
from proxy.wire.object_fields import object_of
from proxy.wire.openai_usage import read_usage
from proxy.wire.repeats import Repeats
from proxy.wire.said import Said
from proxy.wire.sse import BYTE_ORDER_MARK, MAX_EVENT_BYTES, USUAL, Event

_DONE = b"[DONE]"
_SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":", b"\xef\xbb\xbf")
_COLON = 58
_NOTHING = Stretch(b"", 0)
_UNKNOWN_BYTES = "\n[{} bytes were not kept]\n"


class Reader:
    """What the bytes so far have said. Each dialect's reader adds how it reads an event and a whole answer."""

    last_names: ClassVar[tuple[str, ...]] = ("usage",)
    """Fields at the end of a whole answer that are worth having when its middle was not kept."""

    def __init__(self) -> None:
        self.said = Said()
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.raw_usage: Mapping[str, Any] = {}
        self.error: ApiError | None = None
        self.declined = False
        self.choices = 0
        self.ended = False
        self.fault: str | None = None
        self.is_unknown = False
        """Nobody knows the text, though nothing is wrong with the bytes."""
        self.is_complete = False
        """The last events told all of it again: a gap before them hides nothing."""
        self._events = 0
        self._comments = 0
        self._text_before_gap: str | None = None
        self._end = 0
        self._stretch = _NOTHING
        self._first_event: int | None = None
        self._first_reasoning: int | None = None
        self._first_content: int | None = None
        self._last_content: int | None = None
        self._last_content_end: int | None = None
        self._content_chunks = 0

    # What a dialect says

    def framing_of(self, start: bytes, content_type: bytes) -> Framing | None:
        """How a body that begins so is cut into events; None when it is one JSON value.

        Raises:
            WireError: it is neither.
        """
        if start[:1] in {b"{", b"["}:
            return None
        if b"event-stream" in content_type or start.startswith(_SSE_FIELDS):
            return SSE
        raise WireError("neither JSON nor an event stream" if start else "empty")

    def take(self, event: dict[str, Any], name: str) -> None:
        """One event; `name` is that of a typed one, else empty.

        Raises:
            WireError: it cannot be read.
        """
        raise NotImplementedError

    def take_whole(self, value: dict[str, Any]) -> None:
        """An answer that was not streamed. One that is no answer sets `fault`.

        Raises:
            WireError: it cannot be read.
        """
        raise NotImplementedError

    def take_last(self, fields: Mapping[str, Any]) -> None:
        """The fields of `last_names`, as far as they were found."""
        self.raw_usage = object_of(fields.get("usage"))

    def reported(self) -> Reported:
        """The token counts, from `raw_usage`."""
        return read_usage(self.raw_usage)

    def piece_of(self, event: dict[str, Any]) -> str | None:
        """The text to which an event comes down, if all else in it changes nothing once it was taken; None: not so.

        A dialect that says so for some of its events has to have `take_pieces`.
        """
        return None

    def take_pieces(self, event: dict[str, Any], pieces: list[str]) -> bool:
        """More events like this one, which was taken, with these pieces in its place; is it content, or reasoning?"""
        raise NotImplementedError

    # What a dialect calls

    def content_grew(self) -> None:
        """The event brought something that a client can show or act upon."""
        self._content_chunks += 1
        self._last_content_end = self._end
        if self._first_content is None:
            self._first_content = self._stretch.received_at(self._end)

    def reasoning_grew(self) -> None:
        """The event brought something that the model thought."""
        if self._first_reasoning is None:
            self._first_reasoning = self._stretch.received_at(self._end)

    # What is the same for all

    def read_events(self, parts: Sequence[Stretch], framing: Framing, *, gap_bytes: int) -> None:
        """One stretch, or two around a gap of which the events cut by it are left out."""
        try:
            self._read_stretch(parts[0], framing)
            if gap_bytes:
                self._text_before_gap = self.said.text()
            for part in parts[1:]:
                self._read_stretch(framing.behind_gap(part), framing)
        except WireError as error:
            self.fault = str(error)
        if self.fault is None and not self._events:
            self.fault = "a stream without events"

    def _read_stretch(self, stretch: Stretch, framing: Framing) -> None:
        try:
            is_usual = framing is SSE and len(stretch.data) <= MAX_EVENT_BYTES
            cut = cut_sse(stretch.data, self._read_usual(stretch)) if is_usual else framing.cut(stretch.data)
            self._comments += cut.comments
            for event in cut.events:
                self._add(event, stretch)
            if cut.rest is not None:
                self._add_rest(cut.rest, stretch)
        finally:
            self._leave(stretch)
        self.ended = self.ended or cut.is_closed

    def _read_usual(self, stretch: Stretch) -> int:
        """Server-sent events as nearly everybody writes them; where it stopped is for the parser to go on."""
        data, repeats = stretch.data, Repeats()
        at = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        while (match := USUAL.match(data, at)) is not None:
            begin, at = at, match.end()
            if match["data"] is None:
                self._comments += data[begin] == _COLON
                continue
            value = self._add(Event(match["data"], match["name"] or b"", at), stretch)
            if value is None or (piece := self.piece_of(value)) is None:
                continue
            if repeats.learn(data, (begin, at), match.span("data"), piece, self.piece_of):
                pieces, at = repeats.run(data, at)
                if pieces:
                    self._add_pieces(value, pieces, at)
        return at

    def _add_pieces(self, event: dict[str, Any], pieces: list[str], end: int) -> None:
        self._events += len(pieces)
        if self.take_pieces(event, pieces):
            self._content_chunks += len(pieces)
            self._last_content_end = end

    def _add(self, event: Event, stretch: Stretch) -> dict[str, Any] | None:
        """Takes an event; its value, if it has one."""
        value = None
        data = event.data
        if data == _DONE:
            self.ended = True
        elif not data or data.isspace():
            return None  # an empty event, to keep the connection alive
        else:
            value = read_json(data)
            if not isinstance(value, dict):
                raise WireError("an event that is not a JSON object")
            self._end, self._stretch = event.end, stretch
            self.take(value, event.name.decode("utf-8", "replace") if event.name else "")
        # Counted once it could be read.
        self._events += 1
        if self._first_event is None:
            self._first_event = stretch.received_at(event.end)
        return value

    def _add_rest(self, rest: Event, stretch: Stretch) -> None:
        """The last event may lack its end; if it is whole JSON it counts, if it is half an event it does not."""
        try:
            self._add(rest, stretch)
        except WireError:
            return

    def _leave(self, stretch: Stretch) -> None:
        """No more events of this stretch."""
        if self._last_content_end is not None:
            self._last_content = stretch.received_at(self._last_content_end)
            self._last_content_end = None

    def read_whole(self, data: bytes) -> None:
        """A body that is one JSON value.

        Raises:
            WireError: it is none.
        """
        value = read_json(data)
        if not isinstance(value, dict):
            raise WireError("JSON, but not an object")
        self.ended = True
        self.take_whole(value)

    def answer(self, *, gap_bytes: int, streamed: bool) -> Answer:
        """All of it, frozen."""
        reported = self.reported()
        is_known = self.fault is None and not self.is_unknown and (not gap_bytes or self.is_complete)
        text = self._text(gap_bytes)
        return Answer(
            fault=self.fault,
            text=text if is_known else None,
            partial_text=None if is_known else text or None,
            reasoning=self.said.reasoning(),
            refusal=self.said.refusal(),
            declined=self.declined,
            tool_calls=self.said.tool_calls() if is_known else None,
            finish_reason=self.finish_reason,
            model=self.model,
            usage=reported.usage,
            raw_usage=self.raw_usage,
            odd_usage=reported.odd,
            error=self.error,
            choices=self.choices,
            streamed=streamed,
            ended=self.ended or self.finish_reason is not None or self.error is not None,
            events=self._events,
            comments=self._comments,
            marks=self._marks() if streamed else NO_MARKS,
        )

    def _text(self, gap_bytes: int) -> str:
        text, before = self.said.text(), self._text_before_gap
        if before is None or self.is_complete:
            return text
        return before + _UNKNOWN_BYTES.format(gap_bytes) + text[len(before) :]

    def _marks(self) -> Marks:
        return Marks(
            self._first_event, self._first_reasoning, self._first_content, self._last_content, self._content_chunks
        )


def read_reply(reply: Reply, reader: Reader) -> Answer:
    """The answer, whatever the bytes are. `reader` is a fresh one."""
    try:
        parts = stretches(reply)
        start = parts[0].data.lstrip()
        framing = reader.framing_of(start, reply.header(b"content-type").lower())
        if framing is not None:
            reader.read_events(parts, framing, gap_bytes=reply.gap_bytes)
        elif reply.gap_bytes:
            return _read_ends(parts, reader)
        else:
            reader.read_whole(start)
    except UnknownEncoding:
        return Answer()
    except WireError as error:
        return Answer(fault=str(error))
    return reader.answer(gap_bytes=reply.gap_bytes, streamed=framing is not None)


def _read_ends(parts: Sequence[Stretch], reader: Reader) -> Answer:
    """A whole answer whose middle was not kept: its text is unknown, its token counts may not be."""
    if len(parts) > 1:
        reader.take_last(last_fields(parts[1].data, reader.last_names))
    reader.is_unknown = reader.ended = True
    return reader.answer(gap_bytes=0, streamed=False)
