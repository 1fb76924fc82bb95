"""Where in the price list a model may stand, by the name that a request or an answer gives it.

The address of the upstream decides where it is a provider's own. Behind a gateway of one's own only the name is left,
and gateways put the provider before it: `azure/gpt-4o` (LiteLLM), `openai/gpt-4o` (OpenRouter), `vertex_ai/claude-...`.
A name that could as well be that of open weights which somebody serves at home has no price: `openai/gpt-oss-120b` and
`mistralai/...` are how Hugging Face calls them, and what they cost there nobody but their owner knows.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_PROVIDERS: Final = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshotai": "moonshotai",
    "novita": "novita",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "vertex_ai": "google",
    "x-ai": "x-ai",
    "xai": "x-ai",
}
"""What stands before the name -> provider of the list; none of these is an owner of open weights."""
_OWNERS: Final = {"google": "google", "openai": "openai"}
"""The same for those who give weights away, too: only for the names below."""
_CLOSED: Final = re.compile(r"(?:gpt-(?!oss|neo|j)|chatgpt-|o[1-9](?:-|\Z)|gemini-|text-embedding-)", re.IGNORECASE)
_FAMILIES: Final = (
    (
        re.compile(r"(?:(?:us|eu|ap|apac|jp|au|ca|global)\.)?(?:anthropic|amazon|cohere|meta|mistral|ai21)\.", re.I),
        "aws",
    ),
    (re.compile(r"text-embedding-(?:3|ada)|chatgpt-|(?:davinci|babbage)-002", re.IGNORECASE), "openai"),
    (re.compile(r"sonar(?:-|\Z)", re.IGNORECASE), "perplexity"),
)
"""Names that say whose they are, but which the list does not know without a provider."""
MAX_NAME_CHARS: Final = 256
"""A longer one is in no list."""


class Place(NamedTuple):
    """One entry to look for."""

    model: str
    provider: str | None
    url: str | None


def places(url: str, model: str) -> Iterator[Place]:
    """In the order in which they are tried."""
    if len(model) > MAX_NAME_CHARS:
        return
    yield Place(model, None, url)
    name = model.removeprefix("models/")
    yield Place(name, None, None)
    prefix, _, rest = name.partition("/")
    if rest and (provider := _PROVIDERS.get(prefix.lower())):
        yield Place(rest, provider, None)
    if rest and (provider := _OWNERS.get(prefix.lower())) and _CLOSED.match(rest):
        yield Place(rest, provider, None)
    for pattern, provider in _FAMILIES:
        if pattern.match(name):
            yield Place(name, provider, None)
