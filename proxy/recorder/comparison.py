"""How alike two answers are: texts by every character, tool calls by what they mean."""

import json
import math
from collections import Counter
from typing import Any

import msgspec

from proxy.wire.dialect import Answer, ToolCall
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json, well_formed


def exact_match(primary: Answer, candidate: Answer) -> bool | None:
    """Are the visible texts the same? None where one is unknown, or where neither arm shows any."""
    if primary.text is None or candidate.text is None or not (primary.text or candidate.text):
        return None
    return primary.text == candidate.text


def tool_call_agreement(primary: Answer, candidate: Answer) -> float | None:
    """Calls with the same name and the same arguments, in any order, over the larger number of calls; 0 to 1.

    Arguments are compared as JSON values where both are JSON. None where neither arm calls, or one is unknown.
    """
    ours, theirs = primary.tool_calls, candidate.tool_calls
    if ours is None or theirs is None or not (ours or theirs):
        return None
    if not ours or not theirs:
        return 0.0
    same = Counter(map(_canonical, ours)) & Counter(map(_canonical, theirs))
    return same.total() / max(len(ours), len(theirs))


def _canonical(call: ToolCall) -> tuple[str, str]:
    return call.name, canonical_json(call.arguments)


def canonical_json(text: str) -> str:
    """JSON text with sorted keys and without blanks; no arguments at all are an empty object, other text stays.

    Numbers are compared by their value, as JSON knows no other: 1, 1.0 and 1e0 are the same. Escapes are undone; of a
    key that is there twice the last one counts, as it does for those who would run the call.
    """
    if not text.strip():
        return "{}"
    try:
        value = _decode(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        value = None
    try:
        if value is None:
            value = _plain(read_json(text.encode("utf-8", "replace")))
        return well_formed(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    except (WireError, RecursionError, ValueError):
        return text


def _number(literal: str) -> float | int:
    """A number with a fraction or an exponent; raises ValueError: larger than any number that programs compute with."""
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(literal)
    # Beyond 2^53 a float is no longer the number that was written.
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


_EXACT = 2.0**53
_decode = msgspec.json.Decoder(float_hook=_number).decode


def _plain(value: Any) -> Any:
    """The same for what the lenient reader gave; raises ValueError as `_number` does."""
    if isinstance(value, float) and math.isinf(value):
        raise ValueError("a number without end")
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def tool_calls_json(calls: tuple[ToolCall, ...] | None) -> str:
    """Tool calls as one canonical JSON text; empty without any."""
    if not calls:
        return ""
    plain = [{"id": call.id, "name": call.name, "arguments": canonical_json(call.arguments)} for call in calls]
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
