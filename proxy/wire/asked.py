"""What a request body asks, as far as the comparison of its answers needs it."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json
from proxy.wire.object_fields import object_of, text_of

_JSON_FORMATS = frozenset({"json_object", "json_schema"})


def fields_of(body: bytes) -> Mapping[str, Any]:
    """The fields of a request; none where it is not a JSON object."""
    try:
        return object_of(read_json(body))
    except WireError:
        return {}


def asked_model(fields: Mapping[str, Any]) -> str | None:
    """The model that is asked for."""
    return text_of(fields.get("model")) or None


def asked_count(value: Any) -> int:
    """A number of answers; 1 where it is none."""
    return value if value.__class__ is int and value > 0 else 1


def is_json_format(value: Any) -> bool:
    """Does OpenAI's object for formats, which Anthropic took over, ask for JSON?"""
    return object_of(value).get("type") in _JSON_FORMATS
