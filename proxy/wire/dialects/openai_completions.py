"""OpenAI's older completions, a prompt in and a text out, as OpenAI and vLLM send them."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import read_reply
from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, Asked
from proxy.wire.dialects.openai_chat import ChatReader, read_openai_request


class OpenAiCompletions:
    """`POST .../completions`."""

    endpoint = "completions"
    understands = (
        "one object, or events as for chat, with the text in the choice itself",
        "usage, errors and reasoning as for chat",
    )

    def read_request(self, body: bytes) -> Asked:
        """Model, choices, texts, and whether JSON is asked for (vLLM)."""
        return read_openai_request(body, self.endpoint)

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, _CompletionReader())


class _CompletionReader(ChatReader):
    """As for chat, but a choice holds its text itself, streamed or not."""

    def delta_of(self, choice: Mapping[str, Any]) -> Any:
        """The choice, in the words of chat."""
        reasoning = choice.get("reasoning") or choice.get("reasoning_content")
        return {"content": choice.get("text"), "reasoning": reasoning}

    def message_of(self, choice: Mapping[str, Any]) -> Any:
        """The same as of a chunk."""
        return self.delta_of(choice)
