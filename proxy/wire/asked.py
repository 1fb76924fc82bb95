"""What a request body asks, as far as the comparison of its answers needs it."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.asked_tokens import asked_tokens
from proxy.wire.dialect import Asked
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json
from proxy.wire.object_fields import object_of, text_of
from proxy.wire.wanted_json import NO_JSON, WantedJson


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


def asked(fields: Mapping[str, Any], endpoint: str, wanted: WantedJson = NO_JSON, *, choices: int = 1) -> Asked:
    """What was asked, put together from the fields of a request."""
    return Asked(
        model=asked_model(fields),
        wants_json=wanted.asks,
        json_field=wanted.field,
        json_schema=wanted.schema,
        choices=choices,
        estimated_tokens=asked_tokens(fields, endpoint),
    )
