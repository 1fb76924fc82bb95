"""A streamed chat completion: events -> one answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.wire.body import Stretch
from proxy.wire.chat_choice import Choice
from proxy.wire.chat_object import error_of, model_of, text_of, usage_of
from proxy.wire.dialect import Answer, ApiError, Marks
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json
from proxy.wire.openai_usage import read_usage
from proxy.wire.sse import Event, SseParser

_DONE = b"[DONE]"
_UNKNOWN_BYTES = "\n[{} bytes were not kept]\n"


class _Stream:
    """What the events so far have said."""

    def __init__(self) -> None:
        self.choice = Choice()
        self.text_before_gap: str | None = None
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.raw_usage: Mapping[str, Any] = {}
        self.error: ApiError | None = None
        self.choices = 0
        self.events = 0
        self.comments = 0
        self.ended = False
        self.first_event: int | None = None
        self.first_reasoning: int | None = None
        self.first_content: int | None = None
        self.last_content: int | None = None
        self.last_content_end: int | None = None
        self.content_chunks = 0

    def add(self, event: Event, stretch: Stretch) -> None:
        """One event.

        Raises:
            WireError: it is not JSON.
        """
        if event.data == _DONE:
            self.ended = True
        else:
            self._add_chunk(read_json(event.data), event.end, stretch)
        # Counted once it could be read.
        self.events += 1
        if self.first_event is None:
            self.first_event = stretch.received_at(event.end)

    def _add_chunk(self, chunk: Any, end: int, stretch: Stretch) -> None:
        if not isinstance(chunk, dict):
            raise WireError("an event that is not a JSON object")
        if self.model is None:
            self.model = model_of(chunk)
        choices = chunk.get("choices")
        if choices.__class__ is list:
            for choice in choices:
                if isinstance(choice, dict):
                    self._add_choice(choice, end, stretch)
        elif (error := error_of(chunk)) is not None:
            self.error = self.error or error
        if chunk.get("error") and self.error is None:
            self.error = error_of(chunk)
        if (chunk.get("usage") or "x_groq" in chunk) and (usage := usage_of(chunk)) is not None:
            self.raw_usage = usage

    def _add_choice(self, choice: Mapping[str, Any], end: int, stretch: Stretch) -> None:
        index = choice.get("index") or 0
        if index.__class__ is int and index >= self.choices:
            self.choices = index + 1
        if index != 0:
            return
        grew, thought = self.choice.add(choice.get("delta"))
        if grew:
            self.last_content_end = end
            self.content_chunks += 1
            if self.first_content is None:
                self.first_content = stretch.received_at(end)
        if thought and self.first_reasoning is None:
            self.first_reasoning = stretch.received_at(end)
        if reason := choice.get("finish_reason"):
            self.finish_reason = text_of(reason) or self.finish_reason

    def leave(self, stretch: Stretch) -> None:
        """No more events of this stretch."""
        if self.last_content_end is not None:
            self.last_content = stretch.received_at(self.last_content_end)
            self.last_content_end = None

    def answer(self, *, fault: str | None, gap_bytes: int) -> Answer:
        """All of it, frozen."""
        reported = read_usage(self.raw_usage)
        known = not fault and not gap_bytes
        text = self.choice.text()
        if self.text_before_gap is not None:
            before = self.text_before_gap
            text = before + _UNKNOWN_BYTES.format(gap_bytes) + text[len(before) :]
        return Answer(
            fault=fault,
            text=text if known else None,
            partial_text=None if known else text,
            reasoning=self.choice.reasoning(),
            refusal=self.choice.refusal(),
            tool_calls=self.choice.tool_calls() if known else None,
            finish_reason=self.finish_reason,
            model=self.model,
            usage=reported.usage,
            raw_usage=self.raw_usage,
            odd_usage=reported.odd,
            error=self.error,
            choices=self.choices,
            streamed=True,
            ended=self.ended or self.finish_reason is not None or self.error is not None,
            events=self.events,
            comments=self.comments,
            marks=Marks(
                self.first_event, self.first_reasoning, self.first_content, self.last_content, self.content_chunks
            ),
        )


def read_stream(parts: Sequence[Stretch], *, gap_bytes: int) -> Answer:
    """One stretch, or two around a gap of which the events cut by it are left out."""
    stream = _Stream()
    fault = None
    try:
        _read_stretch(stream, parts[0], begins_inside=False)
        if gap_bytes:
            stream.text_before_gap = stream.choice.text()
        for part in parts[1:]:
            _read_stretch(stream, part, begins_inside=True)
    except WireError as error:
        fault = str(error)
    if fault is None and not stream.events:
        fault = "an event stream without events"
    return stream.answer(fault=fault, gap_bytes=gap_bytes)


def _read_stretch(stream: _Stream, part: Stretch, *, begins_inside: bool) -> None:
    parser = SseParser()
    skipped = _behind_cut_event(part.data) if begins_inside else 0
    if skipped:
        part = Stretch(part.data[skipped:], part.start + skipped)
    try:
        for event in parser.feed(part.data) + parser.finish():
            stream.add(event, part)
    finally:
        stream.comments += parser.comments
        stream.leave(part)
    if (rest := parser.unfinished()) is not None and rest.data:
        _add_unfinished(stream, rest, part)
    stream.leave(part)


def _add_unfinished(stream: _Stream, rest: Event, part: Stretch) -> None:
    """The last event may lack its blank line; if it is whole JSON it counts, if it is half an event it does not."""
    try:
        stream.add(rest, part)
    except WireError:
        return


def _behind_cut_event(data: bytes) -> int:
    """Where the first whole event begins in bytes that begin inside one; their length if none does."""
    found = [at + len(blank) for blank in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := data.find(blank)) >= 0]
    return min(found, default=len(data))
