"""How many tokens a request asks with, by our estimator; unknown where part of it is no text.

What a model reads: the turns with their tool calls and results, what stands before them, the tools and the schema of
the answer. Pictures, sounds and files have no text, and what a provider holds (`previous_response_id`) is not here; the
number is unknown then, never smaller.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from proxy.wire.apis import APIS, Api
from proxy.wire.estimate import tokens_of, weight_of

_TURN: Final = 400
_BEFORE: Final = 300
"""Hundredths of tokens: a turn's frame, and the beginning of the answer (OpenAI counts three to four tokens each)."""
_TOOLS: Final = frozenset({"tools", "functions"})
_SCHEMAS: Final = frozenset(
    {
        "response_format", "text", "output_config", "output_format", "format", "guided_json", "structured_outputs",
        "generationConfig", "generation_config",
    }
)  # fmt: skip
"""Fields that may hold a schema, which most providers put before the model."""
_SCHEMA_NAMES: Final = frozenset(
    {"json_schema", "schema", "json", "responseSchema", "response_schema", "responseJsonSchema", "response_json_schema"}
)
_NO_TEXT: Final = frozenset(
    {
        "audio", "document", "file", "file_data", "fileData", "file_id", "image", "image_url", "images", "inlineData",
        "inline_data", "input_audio", "input_file", "input_image", "source", "video_url",
    }
)  # fmt: skip
_SAID: Final = frozenset(
    {
        "args", "arguments", "content", "function", "functionCall", "functionResponse", "function_call",
        "function_response", "input", "name", "output", "parts", "reasoning", "reasoning_content", "refusal",
        "response", "result", "summary", "text", "thinking", "tool_calls",
    }
)  # fmt: skip
"""Fields of a turn or of a part of it that a model reads."""
_VALUES: Final = frozenset({"args", "arguments", "input", "response"})
"""Fields whose value, where it is an object, is data: all of it is read."""
_MAX_DEPTH: Final = 8


class _Unknown(Exception):  # noqa: N818 - what is found out, not a fault
    """There is something in it that has no text."""


def text_fields(endpoint: str) -> frozenset[str]:
    """Fields of a request that decide its number of tokens: where one was changed, the other arm read another text."""
    api = APIS.get(endpoint)
    return _TOOLS | _SCHEMAS | ({api.conversation, *api.before} if api is not None else set())


def asked_tokens(fields: Mapping[str, Any], endpoint: str) -> int | None:
    """The estimate; None where a part is no text, or the conversation is not there."""
    api = APIS.get(endpoint)
    if api is None or any(fields.get(name) for name in api.stateful):
        return None
    conversation = fields.get(api.conversation or "input")
    if not conversation or fields.get("images"):
        return None
    try:
        weight = _conversation(conversation, api) + sum(_said(fields[name], 0) for name in api.before if name in fields)
    except _Unknown:
        return None
    weight += sum(_data(fields[name]) for name in _TOOLS if fields.get(name))
    weight += sum(_schema(fields[name]) for name in _SCHEMAS if isinstance(fields.get(name), dict))
    return tokens_of(weight)


def _conversation(value: Any, api: Api) -> int:
    if isinstance(value, str):
        return weight_of(value) + (_TURN + _BEFORE if api.has_turns else 0)
    if not isinstance(value, list):
        raise _Unknown
    if not api.has_turns:
        # Several prompts or texts; a prompt may be a list of tokens, which are as many as they are.
        return sum(weight_of(item) if isinstance(item, str) else _numbers(item) for item in value)
    return _BEFORE + sum(_TURN + _said(turn, 0) for turn in value)


def _numbers(item: Any) -> int:
    if isinstance(item, int):
        return 100
    if isinstance(item, list):
        return 100 * len(item)
    raise _Unknown


def _said(value: Any, depth: int) -> int:
    if isinstance(value, str):
        return weight_of(value)
    if depth >= _MAX_DEPTH:
        raise _Unknown
    if isinstance(value, list):
        return sum([_said(item, depth + 1) for item in value])
    if not isinstance(value, dict):
        return 0
    if not _NO_TEXT.isdisjoint(value) and any(value.get(name) for name in _NO_TEXT):
        raise _Unknown
    weight = 0
    for name, part in value.items():
        if name in _SAID and part:
            weight += _data(part) if name in _VALUES and isinstance(part, dict) else _said(part, depth + 1)
    return weight


def _data(value: Any) -> int:
    """JSON as it stands; providers write it in ways of their own."""
    try:
        return weight_of(msgspec.json.encode(value).decode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError, OverflowError):
        return 0


def _schema(holder: Mapping[str, Any]) -> int:
    """Of the schemas in it, however deep they stand (two levels are known)."""
    weight = 0
    for name, part in holder.items():
        if name in _SCHEMA_NAMES and isinstance(part, dict):
            weight += _data(part)
        elif name == "format" and isinstance(part, dict):
            weight += _schema(part)
    return weight or (_data(holder) if "properties" in holder else 0)
