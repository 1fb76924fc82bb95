"""OpenAI chat completions, streamed and not, as OpenAI, Azure and their many imitators send them."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.asked import asked, asked_count, fields_of
from proxy.wire.body import Reply
from proxy.wire.chat_choice import Choice
from proxy.wire.dialect import Answer, Asked
from proxy.wire.object_fields import error_of, model_of, objects_of, text_of, usage_of
from proxy.wire.wanted_json import openai_json

_DECLINED = "content_filter"


class OpenAiChat:
    """`POST .../chat/completions`."""

    endpoint = "chat/completions"
    understands = (
        "one object, or events with or without `[DONE]` and keep-alive comments",
        "usage in the last chunk, in the last choice (Moonshot), under `x_groq`, or absent",
        "`reasoning_content` (DeepSeek), `reasoning` (OpenRouter, vLLM), `thinking`, thoughts in parts (Mistral)",
        "tool calls whole, in fragments, without ids or indexes; custom tools; `function_call`",
        "several choices (the first is compared), `refusal`, sound and its transcript, pictures",
        "Azure's first chunk without choices; errors inside a 200 answer, stream or choice",
    )

    def read_request(self, body: bytes) -> Asked:
        """Model, choices, texts, and whether JSON is asked for."""
        return read_openai_request(body, self.endpoint)

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, ChatReader())


def read_openai_request(body: bytes, endpoint: str) -> Asked:
    """Chat Completions and Completions ask alike."""
    fields = fields_of(body)
    return asked(fields, endpoint, openai_json(fields), choices=asked_count(fields.get("n")))


class ChatReader(Reader):
    """Reads chunks and whole completions; the first choice is the one that is compared."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = Choice()
        self.said = self.choice

    def delta_of(self, choice: Mapping[str, Any]) -> Any:
        """What a chunk adds to a choice."""
        return choice.get("delta")

    def message_of(self, choice: Mapping[str, Any]) -> Any:
        """What a choice says that came whole."""
        return choice.get("message")

    def take(self, event: dict[str, Any], name: str) -> None:
        """One chunk: pieces of choices, and at its end, perhaps, the usage."""
        if self.model is None:
            self.model = model_of(event)
        choices = event.get("choices")
        if choices.__class__ is list:
            for choice in choices:
                if isinstance(choice, dict):
                    self._take_choice(choice)
        elif (error := error_of(event)) is not None:
            self.error = self.error or error
        if event.get("error") and self.error is None:
            self.error = error_of(event)
        if (event.get("usage") or "x_groq" in event) and (usage := usage_of(event)) is not None:
            self.raw_usage = usage

    def piece_of(self, event: dict[str, Any]) -> str | None:
        """Of a chunk that brings the first choice a piece of text and nothing else."""
        choices = event.get("choices")
        if choices.__class__ is not list or len(choices) != 1 or choices[0].__class__ is not dict:
            return None
        choice = choices[0]
        if choice.get("index") or choice.get("finish_reason") or "error" in choice or "usage" in choice:
            return None
        if event.get("error") or event.get("usage") or "x_groq" in event:
            return None
        return self.choice.piece_of(self.delta_of(choice))

    def take_pieces(self, event: dict[str, Any], pieces: list[str]) -> bool:
        """Of such chunks."""
        return self.choice.add_pieces(self.delta_of(event["choices"][0]), pieces)

    def _take_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index") or 0
        if index.__class__ is int and index >= self.choices:
            self.choices = index + 1
        if index != 0:
            return
        grew, thought = self.choice.add(self.delta_of(choice))
        if grew:
            self.content_grew()
        if thought:
            self.reasoning_grew()
        if reason := choice.get("finish_reason"):
            self._finish(reason)
        if "error" in choice or "usage" in choice:
            self._take_oddities(choice)

    def _finish(self, reason: Any) -> None:
        self.finish_reason = text_of(reason) or self.finish_reason
        self.declined = self.finish_reason == _DECLINED

    def _take_oddities(self, choice: dict[str, Any]) -> None:
        """OpenRouter reports errors in the choice they hit, Moonshot the usage in the last choice."""
        self.error = self.error or error_of({"error": choice.get("error")})
        self.raw_usage = usage_of(choice) or self.raw_usage

    def take_whole(self, value: dict[str, Any]) -> None:
        """A completion."""
        self.error, self.model = error_of(value), model_of(value)
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices:
            self.is_unknown = True
            self.fault = None if self.error else "no choices"
            return
        self.choices = len(choices)
        known = objects_of(choices)
        chosen = next((choice for choice in known if not choice.get("index")), known[0] if known else {})
        self.choice.add(self.message_of(chosen))
        self._finish(chosen.get("finish_reason"))
        self._take_oddities(chosen)
        self.raw_usage = usage_of(value) or self.raw_usage
