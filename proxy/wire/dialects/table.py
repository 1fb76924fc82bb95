"""The dialects that are spoken, by endpoint. To add one: write its file, name it here."""

from collections.abc import Mapping

from proxy.wire.dialect import Dialect
from proxy.wire.dialects.anthropic_messages import AnthropicMessages
from proxy.wire.dialects.gemini import Gemini
from proxy.wire.dialects.ollama import Ollama
from proxy.wire.dialects.openai_chat import OpenAiChat
from proxy.wire.dialects.openai_completions import OpenAiCompletions
from proxy.wire.dialects.openai_embeddings import OpenAiEmbeddings
from proxy.wire.dialects.openai_responses import OpenAiResponses
from proxy.wire.dialects.unread import Unread

_SPOKEN: tuple[Dialect, ...] = (
    OpenAiChat(),
    OpenAiCompletions(),
    OpenAiEmbeddings(),
    OpenAiResponses(),
    AnthropicMessages(),
    Gemini("generateContent"),
    Gemini("streamGenerateContent"),
    Ollama("api/chat"),
    Ollama("api/generate"),
)

DIALECTS: Mapping[str, Dialect] = {dialect.endpoint: dialect for dialect in _SPOKEN}


def dialect_of(endpoint: str) -> Dialect:
    """The dialect of an endpoint; one that leaves the text unknown where we speak none."""
    return DIALECTS.get(endpoint) or Unread(endpoint)
