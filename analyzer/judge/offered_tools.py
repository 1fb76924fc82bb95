"""The tools of a request in a few words each: a judge that sees a call has to know what could have been called."""

from collections.abc import Mapping
from typing import Any, Final

from analyzer.judge.plain_json import compact, object_of, text_of
from analyzer.judge.tool_schemas import Tool, offered

MAX_CHARS: Final = 16_000
"""Of all tools together; those beyond it are counted."""
_MAX_DESCRIPTION_CHARS: Final = 400
_MAX_PARAMETERS: Final = 32
_MAX_NAME_CHARS: Final = 128
_MAX_CHOICE_CHARS: Final = 200
_CHOICES: Final = ("tool_choice", "toolConfig", "tool_config", "function_call")
_USUAL: Final = ("auto", None)


def tools_in_words(fields: Mapping[str, Any], endpoint: str) -> str:
    """One line per tool: name, parameters, description; then what is said about which to call. Empty without tools."""
    tools = list(offered(fields)) if endpoint in _WITH_TOOLS else []
    lines: list[str] = []
    size = 0
    for place, tool in enumerate(tools):
        line = _line(tool)
        size += len(line) + 1
        if size > MAX_CHARS:
            lines.append(f"[and {len(tools) - place} tools more]")
            break
        lines.append(line)
    if tools and (wanted := _choice(fields)):
        lines.append(f"[setting of the request: which tool to call: {wanted}]")
    return "\n".join(lines)


_WITH_TOOLS: Final = frozenset(
    {"chat/completions", "responses", "messages", "generateContent", "streamGenerateContent", "api/chat"}
)


def _choice(fields: Mapping[str, Any]) -> str:
    """What the request says about which tool is to be called; empty where the model may choose."""
    for name in _CHOICES:
        wanted = fields.get(name)
        if wanted not in _USUAL and object_of(wanted).get("type") != "auto":
            return _clipped(wanted if isinstance(wanted, str) else compact(wanted), _MAX_CHOICE_CHARS)
    return ""


def _line(tool: Tool) -> str:
    described = _clipped(tool.description, _MAX_DESCRIPTION_CHARS)
    signature = f"- {_clipped(tool.name, _MAX_NAME_CHARS) or '[without a name]'}({_parameters(tool.schema)})"
    return f"{signature}: {described}" if described else signature


def _parameters(schema: Mapping[str, Any]) -> str:
    """`city: string, days?: integer`; those that may be left out have a question mark."""
    properties = object_of(schema.get("properties"))
    listed = schema.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    words: list[str] = []
    for name, inner in properties.items():
        if len(words) == _MAX_PARAMETERS:
            words.append(f"and {len(properties) - _MAX_PARAMETERS} more")
            break
        kind = text_of(object_of(inner).get("type")).lower()
        optional = "" if name in required else "?"
        words.append(f"{_clipped(name, _MAX_NAME_CHARS)}{optional}{f': {_clipped(kind, 32)}' if kind else ''}")
    return ", ".join(words)


def _clipped(text: str, length: int) -> str:
    """On one line, and not longer than this."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
