"""Embeddings as OpenAI and its imitators send them: vectors, which have no text, and token counts."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.asked import asked, fields_of
from proxy.wire.body import Reply
from proxy.wire.counts import NOT_REPORTED, Counts, Reported
from proxy.wire.dialect import Answer, Asked
from proxy.wire.object_fields import error_of, model_of, usage_of


class OpenAiEmbeddings:
    """`POST .../embeddings`."""

    endpoint = "embeddings"
    understands = (
        "vectors in numbers or base64: counted, not read",
        "usage; no output is generated",
    )

    def read_request(self, body: bytes) -> Asked:
        """The model, and the texts."""
        return asked(fields_of(body), self.endpoint)

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are; its text is unknown, as it has none."""
        return read_reply(reply, _EmbeddingsReader())


class _EmbeddingsReader(Reader):
    last_names = ("usage", "model")

    def __init__(self) -> None:
        super().__init__()
        self.is_unknown = True

    def take(self, event: dict[str, Any], name: str) -> None:
        """Embeddings are not streamed; a gateway may send an error so."""
        self.error = self.error or error_of(event)

    def take_whole(self, value: dict[str, Any]) -> None:
        """A list of vectors; what is in them does not matter."""
        self.error, self.model = error_of(value), model_of(value)
        self.raw_usage = usage_of(value) or {}
        vectors = value.get("data")
        if isinstance(vectors, list) and vectors:
            self.choices = len(vectors)
        elif self.error is None:
            self.fault = "no vectors"

    def take_last(self, fields: Mapping[str, Any]) -> None:
        """Long lists of vectors lose their middle; usage and model stand behind it."""
        super().take_last(fields)
        self.model = model_of(fields)

    def reported(self) -> Reported:
        """No token is generated: the output is 0 where the input is known."""
        if not self.raw_usage:
            return NOT_REPORTED
        counts = Counts()
        inputs = counts.get(self.raw_usage, "prompt_tokens", "input_tokens", "total_tokens")
        return counts.report(inputs, None if inputs is None else 0)
