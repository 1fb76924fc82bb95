"""Ollama's own API, api/chat and api/generate: one object, or one per line."""

from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.asked import asked, fields_of
from proxy.wire.body import Reply
from proxy.wire.chat_choice import Choice
from proxy.wire.counts import NOT_REPORTED, Counts, Reported
from proxy.wire.dialect import Answer, Asked
from proxy.wire.errors import WireError
from proxy.wire.framing import LINES, Framing
from proxy.wire.json_text import read_json
from proxy.wire.object_fields import error_of, model_of, objects_of, text_of
from proxy.wire.wanted_json import ollama_json

_COUNTS = ("prompt_eval_count", "eval_count")


class Ollama:
    """`POST .../api/chat` and `.../api/generate`."""

    understands = (
        "one object, or one JSON object per line, chat and generate",
        "text, thinking, tool calls, pictures; counts of the last line",
    )

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def read_request(self, body: bytes) -> Asked:
        """Model, texts, and whether JSON is asked for: by the word, or by a schema."""
        fields = fields_of(body)
        return asked(fields, self.endpoint, ollama_json(fields))

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, _OllamaReader())


class _OllamaReader(Reader):
    """Streamed or not, the objects are the same; those of a stream hold what is new."""

    last_names = (*_COUNTS, "done_reason", "done", "model")

    def __init__(self) -> None:
        super().__init__()
        self.choices = 1
        self.choice = Choice()
        self.said = self.choice

    def framing_of(self, start: bytes, content_type: bytes) -> Framing | None:
        """Lines where the header or a second line says so; one object has lines too when it was laid out for people."""
        if start[:1] == b"{" and (b"ndjson" in content_type or _has_lines(start)):
            return LINES
        return super().framing_of(start, content_type)

    def take(self, event: dict[str, Any], name: str) -> None:
        """One object."""
        self.take_last(event)
        self.error = self.error or error_of(event)
        message = event.get("message")
        said = dict(message) if isinstance(message, dict) else {"content": event.get("response")}
        calls = said.pop("tool_calls", None)
        if "thinking" in event:
            said["thinking"] = event["thinking"]
        grew, thought = self.choice.add(said)
        if self._add_calls(calls) or grew or event.get("image"):
            self.content_grew()
        if thought:
            self.reasoning_grew()

    def _add_calls(self, calls: Any) -> bool:
        """Every call comes whole; they are not numbered."""
        found = [call["function"] for call in objects_of(calls) if isinstance(call.get("function"), dict)]
        for function in found:
            self.said.begin_call(function.get("id"), function.get("name")).add_arguments(function.get("arguments"))
        return bool(found)

    def take_last(self, fields: Any) -> None:
        """What stands outside the message; the counts come with the last object."""
        self.model = model_of(fields) or self.model
        if fields.get("done"):
            self.ended = True
            self.finish_reason = text_of(fields.get("done_reason")) or self.finish_reason
        counts = {name: fields[name] for name in _COUNTS if fields.get(name) is not None}
        self.raw_usage = counts or self.raw_usage

    def take_whole(self, value: dict[str, Any]) -> None:
        """One object that is all, or the only one that came of a stream."""
        self.ended = value.get("done") is not False
        self.take(value, "")
        if "message" not in value and "response" not in value:
            self.is_unknown = True
            self.fault = None if self.error else "neither a message nor a response"

    def reported(self) -> Reported:
        """The counts; thinking is part of the output and not counted apart."""
        if not self.raw_usage:
            return NOT_REPORTED
        counts = Counts()
        return counts.report(counts.get(self.raw_usage, _COUNTS[0]), counts.get(self.raw_usage, _COUNTS[1]))


def _has_lines(start: bytes) -> bool:
    line, _, rest = start.partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(read_json(line), dict)
    except WireError:
        return False
