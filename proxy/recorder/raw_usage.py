"""A provider's own token counts as they are stored: what our normalised counts can be checked against later.

Nothing is corrected: counts that cannot be (negative ones, numbers without end) are unknown in the normalised columns
and stand here as they came. It is JSON whatever came: what JSON has no number for is written as text.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.wire.json_text import well_formed

MAX_RAW_CHARS = 4096
"""Ten times what providers send; a longer one is dropped, and counted."""
_MAX_DEPTH = 16

_encode = msgspec.json.Encoder(order="deterministic").encode


def raw_usage_text(reported: Mapping[str, Any]) -> str | None:
    """Canonical JSON: sorted keys, no blanks. Empty where nothing was reported, None where it is too much to keep."""
    if not reported:
        return ""
    try:
        # `null` may be a number that is none: those are rare, and looked at one by one.
        data = _encode(reported)
        text = data.decode() if b"null" not in data else _carefully(reported)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        text = _carefully(reported)
    return text if text is not None and len(text) <= MAX_RAW_CHARS else None


def _carefully(reported: Mapping[str, Any]) -> str | None:
    try:
        plain = _plain(reported, 0)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return well_formed(text)


def _plain(value: Any, depth: int) -> Any:
    """Raises ValueError: nested too deeply."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    return [_plain(inner, depth + 1) for inner in value] if isinstance(value, list) else value
