"""Whether a request asks for JSON, and by which schema, in words: whoever judges the answer has to know."""

from collections.abc import Mapping
from typing import Any, Final

from analyzer.judge.plain_json import compact, object_of, text_of

MAX_SCHEMA_CHARS: Final = 8_000
"""Of a schema that is shown; schemas of real clients have hundreds of characters, seldom thousands."""
_TYPES: Final = frozenset({"json", "json_object", "json_schema"})

_Fields = Mapping[str, Any]


def wanted_in_words(fields: _Fields, endpoint: str) -> str:
    """What is said about JSON beside the conversation; empty when nothing is."""
    asks, schema = _wanted(fields, endpoint)
    if not asks:
        return ""
    if not schema:
        return "[setting of the request: the answer is to be JSON]"
    text = compact(schema)
    if len(text) > MAX_SCHEMA_CHARS:
        text = f"{text[:MAX_SCHEMA_CHARS]} [and {len(text) - MAX_SCHEMA_CHARS} characters more]"
    return f"[setting of the request: the answer is to be JSON that fits this JSON Schema]\n{text}"


def _wanted(fields: _Fields, endpoint: str) -> tuple[bool, Any]:
    """(is JSON asked for?, its schema)."""
    if endpoint in ("generateContent", "streamGenerateContent"):
        return _of_gemini(object_of(fields.get("generationConfig") or fields.get("generation_config")))
    if endpoint in ("api/chat", "api/generate"):
        wanted = fields.get("format")
        return wanted == "json" or (isinstance(wanted, dict) and bool(wanted)), object_of(wanted)
    if endpoint == "responses":
        return _format(object_of(fields.get("text")).get("format"))
    if endpoint == "messages":
        return _format(object_of(fields.get("output_config")).get("format") or fields.get("output_format"))
    guided = fields.get("guided_json") or object_of(fields.get("structured_outputs")).get("json")
    return (True, guided) if guided else _format(fields.get("response_format"))


def _format(value: Any) -> tuple[bool, Any]:
    """OpenAI's object for formats, which others took over; the schema stands in `json_schema` or beside the type."""
    holder = object_of(value)
    return (
        text_of(holder.get("type")) in _TYPES,
        object_of(holder.get("json_schema")).get("schema") or holder.get("schema"),
    )


def _of_gemini(config: _Fields) -> tuple[bool, Any]:
    names = ("responseJsonSchema", "response_json_schema", "responseSchema", "response_schema")
    schema = next((config[name] for name in names if config.get(name)), None)
    media = config.get("responseMimeType") or config.get("response_mime_type")
    return media == "application/json" or schema is not None, schema
