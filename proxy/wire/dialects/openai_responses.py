"""OpenAI's Responses: one object, or typed events that end with that object.

The object of the last event tells all of it again. Where it does, it is believed; where the stream broke off, or an
imitator leaves the output out of it, the pieces count.
"""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.asked import asked, fields_of
from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, ApiError, Asked
from proxy.wire.object_fields import error_of, model_of, object_of, objects_of, read_error, text_of, usage_of
from proxy.wire.responses_output import add_item, arguments_of, id_of, is_call, name_of
from proxy.wire.said import Call, Said
from proxy.wire.wanted_json import responses_json

_REASONING_DELTAS = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_ARGUMENT_DELTAS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_UNFINISHED = frozenset({"queued", "in_progress"})


class OpenAiResponses:
    """`POST .../responses`."""

    endpoint = "responses"
    understands = (
        "one object, or typed events with or without names; the last event is believed where it tells all again",
        "items that came only whole, or only in pieces; streams that broke off",
        "text, refusals, reasoning and its summaries, calls of functions, custom tools, computer and shell",
        "`incomplete` with its reason, `failed` with its error, answers in the background",
    )

    def read_request(self, body: bytes) -> Asked:
        """Model, texts, and whether JSON is asked for."""
        fields = fields_of(body)
        return asked(fields, self.endpoint, responses_json(fields))

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, _ResponseReader())


class _ResponseReader(Reader):
    last_names = ("usage", "model", "status", "incomplete_details")

    def __init__(self) -> None:
        super().__init__()
        self.choices = 1
        self._calls: dict[Any, Call] = {}
        """By output index."""
        self._told: set[Any] = set()
        """Output indexes of items that came in pieces."""

    def take(self, event: dict[str, Any], name: str) -> None:
        """One typed event; imitators leave the event's name out, so the type in the data decides."""
        kind = text_of(event.get("type")) or name
        if kind == "response.output_text.delta":
            self._grew(event, content=self.said.add_text(event.get("delta")))
        elif kind in _REASONING_DELTAS:
            self._grew(event, reasoning=self.said.add_reasoning(event.get("delta")))
        elif kind == "response.refusal.delta":
            self._grew(event, content=self.said.add_refusal(event.get("delta")))
        elif kind in _ARGUMENT_DELTAS:
            self._grew(event, content=self._call(event, {}).add_arguments(event.get("delta")))
        elif kind == "response.output_item.added":
            self._begin_item(event)
        elif kind == "response.output_item.done":
            self._end_item(event)
        elif isinstance(response := event.get("response"), dict):
            self._take_state(response, is_last=kind in _LAST)
        else:
            self._take_error(event)

    def _grew(self, event: dict[str, Any], *, content: bool = False, reasoning: bool = False) -> None:
        if content or reasoning:
            self._told.add(_index(event))
        if content:
            self.content_grew()
        if reasoning:
            self.reasoning_grew()

    def _begin_item(self, event: dict[str, Any]) -> None:
        item = event.get("item")
        if isinstance(item, dict) and is_call(item):
            # Who is called is something to act upon; it counts as it does in chat.
            self._call(event, item)
            self.content_grew()

    def _end_item(self, event: dict[str, Any]) -> None:
        """Items of which no piece was sent, nor their beginning."""
        item, index = event.get("item"), _index(event)
        if not isinstance(item, dict) or index in self._told:
            return
        call = self._calls.get(index)
        if call is not None:
            call.add_arguments(arguments_of(item))
            return
        content, reasoning = add_item(self.said, item)
        self._grew(event, content=content, reasoning=reasoning)

    def _call(self, event: dict[str, Any], item: dict[str, Any]) -> Call:
        index = _index(event)
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = self.said.begin_call(id_of(item), name_of(item))
        return call

    def _take_error(self, event: dict[str, Any]) -> None:
        if event.get("type") == "error" and not isinstance(event.get("error"), dict):
            # As documented: the error's fields stand in the event itself, whose type is not the error's.
            self.error = self.error or read_error({**event, "type": None})
        else:
            self.error = self.error or error_of(event)

    def _take_state(self, response: Mapping[str, Any], *, is_last: bool) -> None:
        self.model = model_of(response) or self.model
        self.raw_usage = usage_of(response) or self.raw_usage
        if not is_last:
            return
        self.ended = True
        self.error = _error_in(response) or self.error
        self._finish(response)
        if items := objects_of(response.get("output")):
            self.said, self.is_complete = Said(), True
            for item in items:
                add_item(self.said, item)

    def _finish(self, response: Mapping[str, Any]) -> None:
        """The reason is why it is incomplete, where that is said; else how it ended."""
        why = text_of(object_of(response.get("incomplete_details")).get("reason"))
        self.finish_reason = why or text_of(response.get("status")) or None
        self.declined = why == "content_filter"

    def take_whole(self, value: dict[str, Any]) -> None:
        """A response object."""
        status = value.get("status")
        if not isinstance(value.get("output"), list) and not isinstance(status, str):
            self.error = error_of(value)
            self.is_unknown = True
            self.fault = None if self.error else "no output"
            return
        self._take_state(value, is_last=True)
        if text_of(status) in _UNFINISHED:
            # It is worked on in the background; what it will say nobody knows here.
            self.is_unknown = True

    def take_last(self, fields: Mapping[str, Any]) -> None:
        """Of an object, usage and status stand behind the output."""
        super().take_last(fields)
        self.model = model_of(fields)
        self._finish(fields)


def _index(event: dict[str, Any]) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else 0


def _error_in(response: Mapping[str, Any]) -> ApiError | None:
    error = response.get("error")
    return read_error(error) if isinstance(error, dict) and error else None
