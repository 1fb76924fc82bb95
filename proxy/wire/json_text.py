"""JSON as servers really send it: fast when it is sound, lenient when it is not."""

import json
from typing import Any

import msgspec

from proxy.wire.errors import WireError

_decode = msgspec.json.decode


def read_json(data: bytes) -> Any:
    """The value. Bytes that are not UTF-8 become U+FFFD; NaN and lone surrogates are let through.

    Raises:
        WireError: not JSON, or nested too deeply.
    """
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return _read_leniently(data)


def _read_leniently(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON ({type(error).__name__})") from None


def write_json(value: Any) -> str:
    """A value that `read_json` gave, as compact JSON text in which lone surrogates have become U+FFFD.

    Raises:
        WireError: nested too deeply.
    """
    try:
        return well_formed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        raise WireError("nested too deeply") from None


def is_json(text: str) -> bool:
    """Is it one JSON value, by RFC 8259 and nothing else around it?"""
    try:
        _decode(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return False
    return True


def well_formed(text: str) -> str:
    """Joins surrogates that were cut apart, and turns those that stay alone into U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
