"""JSON from strangers: read whatever it is, and written so that equal values are equal texts."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

_EXACT: Final = 2.0**53
"""Beyond it a float is no longer the number that was written."""
# JSON can escape them one by one.
_HALF_CHARACTERS: Final = re.compile("[\ud800-\udfff]")
_decode: Final = msgspec.json.decode


class NotJson(ValueError):  # noqa: N818 - what a text is, not a fault
    """A text that is no JSON, or nested so deeply that nobody reads it."""


def read_json(text: str) -> Any:
    """The value; NaN and lone surrogates are let through, as servers send them.

    Raises:
        NotJson: nothing else.
    """
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from None


def well_formed(text: str) -> str:
    """The text with U+FFFD for what UTF-8 cannot hold: halves of characters, which JSON can escape."""
    return text if text.isascii() else _HALF_CHARACTERS.sub("\ufffd", text)


def object_of(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """A text; an empty one for anything else."""
    return value if isinstance(value, str) else ""


def compact(value: Any) -> str:
    """JSON text without blanks, keys as they stand; a mark in its place where it is nested too deeply."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return "[nested too deeply]"


def canonical(value: Any) -> str:
    """JSON text with sorted keys in which numbers are their values: 1, 1.0 and 1e0 are the same.

    Raises:
        NotJson: nested too deeply, or a number that programs cannot compute with.
    """
    try:
        return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as error:
        raise NotJson(type(error).__name__) from None


def number(value: float) -> float | int:
    """A float as the whole number that it is, where it is one.

    Raises:
        NotJson: infinite, or no number.
    """
    if not math.isfinite(value):
        raise NotJson("not finite")
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
