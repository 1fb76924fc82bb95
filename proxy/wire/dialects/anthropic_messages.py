"""Anthropic's Messages: one object, or typed events that build its content block by block."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.anthropic_usage import read_anthropic_usage
from proxy.wire.asked import asked, fields_of
from proxy.wire.body import Reply
from proxy.wire.counts import Reported
from proxy.wire.dialect import Answer, Asked
from proxy.wire.object_fields import error_of, model_of, object_of, objects_of, text_of
from proxy.wire.said import Call
from proxy.wire.wanted_json import anthropic_json

_DECLINED = "refusal"


class AnthropicMessages:
    """`POST .../messages`."""

    endpoint = "messages"
    understands = (
        "one object, or typed events with or without names, and pings",
        "text, thinking (also redacted or only signed), tool calls in fragments; tools that the provider runs are none",
        "cumulative usage over events; cache reads and writes, for five minutes and an hour",
        "errors inside a stream, `refusal`, `model_context_window_exceeded`",
    )

    def read_request(self, body: bytes) -> Asked:
        """Model, texts, and whether JSON is asked for."""
        fields = fields_of(body)
        return asked(fields, self.endpoint, anthropic_json(fields))

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, _MessageReader())


class _MessageReader(Reader):
    last_names = ("usage", "stop_reason", "model")

    def __init__(self) -> None:
        super().__init__()
        self.choices = 1
        self._calls: dict[Any, Call] = {}
        """Calls that the client is to run, by block index. Tools that Anthropic runs are none."""
        self._given: set[Any] = set()
        """Blocks whose arguments came with their beginning."""
        self._knows_output = False
        self._usage: dict[str, Any] = {}
        self.raw_usage = self._usage

    def take(self, event: dict[str, Any], name: str) -> None:
        """One typed event; gateways may leave the event's name out, so the type in the data decides."""
        kind = text_of(event.get("type")) or name
        if kind == "content_block_delta":
            self._take_delta(event.get("index"), object_of(event.get("delta")))
        elif kind == "content_block_start":
            self._add_block(event.get("index"), object_of(event.get("content_block")))
        elif kind == "message_start":
            message = object_of(event.get("message"))
            self.model = model_of(message) or self.model
            self._add_usage(message)
            for place, block in enumerate(objects_of(message.get("content"))):
                self._add_block(place, block)
        elif kind == "message_delta":
            self._finish(object_of(event.get("delta")).get("stop_reason"))
            self._add_usage(event)
            told = object_of(event.get("usage")).get("output_tokens") is not None
            self._knows_output = self._knows_output or told
        elif kind == "message_stop":
            self.ended = True
        else:
            self.error = self.error or error_of(event)

    def _add_block(self, index: Any, block: Mapping[str, Any]) -> None:
        """The beginning of a block; in a whole answer, the block itself."""
        kind = block.get("type")
        if kind == "text":
            grew = self.said.add_text(block.get("text"))
        elif kind == "tool_use":
            call = self._calls[_index(index)] = self.said.begin_call(block.get("id"), block.get("name"))
            if (given := block.get("input")) and call.add_arguments(given):
                self._given.add(_index(index))
            grew = True
        else:
            grew = False
            # What is redacted has no text, but it was thought all the same.
            if self.said.add_reasoning(block.get("thinking")) or kind == "redacted_thinking":
                self.reasoning_grew()
        if grew:
            self.content_grew()

    def _take_delta(self, index: Any, delta: Mapping[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "text_delta":
            if self.said.add_text(delta.get("text")):
                self.content_grew()
        elif kind in ("thinking_delta", "signature_delta"):
            # A signature without a text signs a thought that is not shown.
            if self.said.add_reasoning(delta.get("thinking")) or delta.get("signature"):
                self.reasoning_grew()
        elif kind == "input_json_delta" and (call := self._calls.get(_index(index))) is not None:
            if delta.get("partial_json") and _index(index) in self._given:
                self._given.discard(_index(index))
                call.forget_arguments()
            if call.add_arguments(delta.get("partial_json")):
                self.content_grew()

    def _add_usage(self, holder: Mapping[str, Any]) -> None:
        """Counts are cumulative: the last one of each counts."""
        for name, count in object_of(holder.get("usage")).items():
            if count is not None:
                self._usage[name] = count

    def _finish(self, reason: Any) -> None:
        self.finish_reason = text_of(reason) or self.finish_reason
        self.declined = self.finish_reason == _DECLINED

    def take_whole(self, value: dict[str, Any]) -> None:
        """A message."""
        self.error, self.model = error_of(value), model_of(value)
        if not isinstance(value.get("content"), list):
            self.is_unknown = True
            self.fault = None if self.error else "no content"
            return
        for place, block in enumerate(objects_of(value["content"])):
            self._add_block(place, block)
        self._finish(value.get("stop_reason"))
        self._add_usage(value)
        self._knows_output = True

    def take_last(self, fields: Mapping[str, Any]) -> None:
        """Of a message, the reason and the usage stand behind the content."""
        self.model = model_of(fields)
        self._finish(fields.get("stop_reason"))
        self._add_usage(fields)
        self._knows_output = True

    def reported(self) -> Reported:
        """The counts, as far as they are final."""
        return read_anthropic_usage(self.raw_usage, output_is_final=self._knows_output)


def _index(value: Any) -> int:
    return value if isinstance(value, int) else 0
