"""Whether a request asks for JSON, in which of its fields, and by which schema; every API in its own words."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json
from proxy.wire.object_fields import object_of

_JSON_TYPES: Final = frozenset({"json", "json_object", "json_schema"})
_SERVERS: Final = (("guided_json", ""), ("structured_outputs", "json"))
"""Fields of vLLM, the older first, and where in them the schema stands."""
_MAX_DEPTH: Final = 64
_GOOGLE_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


class WantedJson(NamedTuple):
    """What is asked for."""

    asks: bool = False
    field: str = ""
    """The top-level field that asks: where it was changed, nobody knows what was asked for."""
    schema: bytes = b""
    """JSON Schema as compact JSON text; empty without one."""


NO_JSON: Final = WantedJson()


def openai_json(fields: Mapping[str, Any]) -> WantedJson:
    """Chat Completions and Completions: `response_format`, or what vLLM calls it."""
    for name, inner in _SERVERS:
        value = fields.get(name)
        value = object_of(value).get(inner) if inner else value
        if value:
            return WantedJson(True, name, _schema_text(_parsed(value)))
    return json_format(fields.get("response_format"), "response_format")


def json_format(value: Any, field: str) -> WantedJson:
    """OpenAI's object for formats, which others took over; the schema stands in `json_schema` or beside the type."""
    holder = object_of(value)
    if holder.get("type") not in _JSON_TYPES:
        return NO_JSON
    schema = object_of(holder.get("json_schema")).get("schema") or holder.get("schema")
    return WantedJson(True, field, _schema_text(schema))


def responses_json(fields: Mapping[str, Any]) -> WantedJson:
    """Responses: `text.format`."""
    return json_format(object_of(fields.get("text")).get("format"), "text")


def anthropic_json(fields: Mapping[str, Any]) -> WantedJson:
    """Messages: `output_config.format`, or `output_format` as it was called before."""
    wanted = json_format(object_of(fields.get("output_config")).get("format"), "output_config")
    return wanted if wanted.asks else json_format(fields.get("output_format"), "output_format")


def ollama_json(fields: Mapping[str, Any]) -> WantedJson:
    """Ollama: `format` is the word, or a schema."""
    wanted = fields.get("format")
    if wanted == "json":
        return WantedJson(True, "format")
    return WantedJson(True, "format", _schema_text(wanted)) if isinstance(wanted, dict) and wanted else NO_JSON


def gemini_json(fields: Mapping[str, Any]) -> WantedJson:
    """Gemini: a type of media, and a schema in Google's dialect or in JSON Schema."""
    name = "generation_config" if "generation_config" in fields else "generationConfig"
    config = object_of(fields.get(name))

    def first(*names: str) -> Any:
        return next((config[name] for name in names if config.get(name)), None)

    plain = first("responseJsonSchema", "response_json_schema", "_responseJsonSchema")
    google = first("responseSchema", "response_schema")
    if first("responseMimeType", "response_mime_type") != "application/json" and not (plain or google):
        return NO_JSON
    schema = plain if plain is not None else _from_google(google, 0)
    return WantedJson(True, name, _schema_text(schema))


def _parsed(value: Any) -> Any:
    """vLLM takes a schema as text, too."""
    if not isinstance(value, str):
        return value
    try:
        return read_json(value.encode("utf-8", "replace"))
    except WireError:
        return None


def _schema_text(schema: Any) -> bytes:
    """Empty for what says nothing: no schema, or one that fits everything."""
    if not isinstance(schema, dict) or not schema:
        return b""
    try:
        return msgspec.json.encode(schema, order="deterministic")
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError, OverflowError):
        return b"false!"  # no JSON: whoever checks finds it unusable


def _from_google(value: Any, depth: int) -> Any:
    """Google's subset of OpenAPI -> JSON Schema: types are in capitals, and `nullable` stands beside them."""
    if depth > _MAX_DEPTH or not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for name, part in value.items():
        if name == "type" and isinstance(part, str):
            if part.lower() in _GOOGLE_TYPES:
                made["type"] = [part.lower(), "null"] if value.get("nullable") is True else part.lower()
        elif name == "properties" and isinstance(part, dict):
            made[name] = {key: _from_google(inner, depth + 1) for key, inner in part.items()}
        elif name == "items":
            made[name] = _from_google(part, depth + 1)
        elif name in ("anyOf", "any_of") and isinstance(part, list):
            made["anyOf"] = [_from_google(inner, depth + 1) for inner in part]
        elif name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
            # Google's JSON writes 64-bit integers as text.
            made[name] = int(part) if isinstance(part, str) and part.isdecimal() and len(part) < 16 else part
        elif name == "enum" and isinstance(part, list):
            made[name] = [*part, None] if value.get("nullable") is True else part
        elif name not in ("nullable", "propertyOrdering", "property_ordering", "format", "title", "example"):
            made[name] = part
    return made
