"""What the request of each API looks like: where a conversation begins, what the provider would keep or do.

Sources: the providers' API references (OpenAI, Anthropic, Gemini, Ollama; late 2026). Fields that gateways and other
providers added to OpenAI's API are among them. What is not known here is sent as it came, but for tools: a tool of an
unknown type counts as one that the provider runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Api:
    """One API, by the fields of its requests."""

    endpoint: str
    conversation: str
    """The field that holds the turns, or the prompt."""
    has_turns: bool = True
    """False: the field is one prompt."""
    before: tuple[str, ...] = ()
    """Fields that stand before the turns: system prompts."""
    default_role: str = ""
    stateful: frozenset[str] = frozenset()
    """Fields that lean on what only the primary's provider holds."""
    acting: frozenset[str] = frozenset()
    """Fields that make the provider act."""
    client_tools: frozenset[str] = frozenset({"function", "custom"})
    """Types of tools that the client itself runs."""
    client_tool_prefixes: tuple[str, ...] = ()
    default_tool: str = "function"
    """The type of a tool that names none."""
    tools_by_key: bool = False
    """A tool's type is its key (Gemini), not its field `type`."""
    stream: Literal["asked", "unless_refused", "always", "never"] = "asked"
    reports_usage_on_wish: bool = False
    """A stream ends with its usage only when `stream_options.include_usage` says so."""
    keeps_unless_told: bool = False
    """Answers are stored unless `store` is false."""
    has_n: bool = False
    """`n` is the number of answers."""
    count_in: Mapping[str, str] = field(default_factory=dict)
    """Gemini: the object that holds the number of answers -> its name there, in both spellings."""


_OPENAI_STATE: Final = frozenset({"previous_response_id", "conversation", "background", "deferred"})
_OPENAI_ACTS: Final = frozenset({"web_search_options", "mcp_servers", "plugins", "search_parameters", "data_sources"})

_CHAT: Final = Api(
    "chat/completions",
    "messages",
    stateful=_OPENAI_STATE,
    acting=_OPENAI_ACTS,
    reports_usage_on_wish=True,
    has_n=True,
)
_COMPLETIONS: Final = Api("completions", "prompt", has_turns=False, reports_usage_on_wish=True, has_n=True)
_EMBEDDINGS: Final = Api("embeddings", "", has_turns=False, stream="never")
_RESPONSES: Final = Api(
    "responses",
    "input",
    before=("instructions",),
    stateful=_OPENAI_STATE | {"prompt"},
    acting=_OPENAI_ACTS,
    client_tools=frozenset({"function", "custom", "local_shell", "apply_patch"}),
    keeps_unless_told=True,
)
_MESSAGES: Final = Api(
    "messages",
    "messages",
    before=("system",),
    stateful=frozenset({"container"}),
    acting=frozenset({"mcp_servers"}),
    client_tools=frozenset({"custom"}),
    client_tool_prefixes=("bash_", "text_editor_", "computer_", "memory_"),
    default_tool="custom",
)
_GENERATE: Final = Api(
    "generateContent",
    "contents",
    before=("systemInstruction", "system_instruction"),
    default_role="user",
    stateful=frozenset({"cachedContent", "cached_content"}),
    client_tools=frozenset({"functionDeclarations", "function_declarations"}),
    tools_by_key=True,
    stream="never",
    count_in={"generationConfig": "candidateCount", "generation_config": "candidate_count"},
)
_STREAM_GENERATE: Final = Api(
    "streamGenerateContent",
    _GENERATE.conversation,
    before=_GENERATE.before,
    default_role=_GENERATE.default_role,
    stateful=_GENERATE.stateful,
    client_tools=_GENERATE.client_tools,
    tools_by_key=True,
    stream="always",
    count_in=_GENERATE.count_in,
)
_OLLAMA_CHAT: Final = Api("api/chat", "messages", stream="unless_refused")
_OLLAMA_GENERATE: Final = Api(
    "api/generate",
    "prompt",
    has_turns=False,
    before=("system",),
    stateful=frozenset({"context"}),
    stream="unless_refused",
)

APIS: Final[Mapping[str, Api]] = {
    api.endpoint: api
    for api in (
        _CHAT,
        _COMPLETIONS,
        _EMBEDDINGS,
        _RESPONSES,
        _MESSAGES,
        _GENERATE,
        _STREAM_GENERATE,
        _OLLAMA_CHAT,
        _OLLAMA_GENERATE,
    )
}
"""By endpoint (`endpoints.endpoint_of`): every inference call has an entry."""

CREDENTIALS: Final = frozenset(
    {
        "api_base",
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_ad_token",
        "base_url",
        "extra_headers",
        "user_config",
        "vertex_credentials",
    }
)
"""Body fields by which clients hand keys, or the way to a provider, to a gateway (LiteLLM's names)."""
