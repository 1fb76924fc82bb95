"""How alike two answers are, and whether one is a refusal."""

import json
import re
from collections import Counter
from typing import Any

from proxy.wire.dialect import Answer, ToolCall
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json, well_formed

REFUSAL_WINDOW_CHARS = 160
"""A refusal says so at once; later such words are about something else."""

_REFUSAL = re.compile(
    r"\b(?:i(?:['’]m| am) (?:(?:so|very|really) )?sorry,? (?:but )?(?:i |as an )"
    r"|(?:sorry|unfortunately),? (?:but )?i (?:can['’]?t|can ?not|won['’]t|am (?:unable|not able)|must decline)"
    r"|i (?:can['’]?t|can ?not|won['’]t|am unable to|am not able to|must decline to) "
    r"(?:help|assist|comply|fulfil|provide|discuss|engage|support|create|generate|write|do that)"
    r"|i(?:['’]m| am) (?:unable|not able) to (?:help|assist|comply|fulfil|provide|discuss|engage|create|generate)"
    r"|as an ai(?: language model)?,? i (?:can['’]?t|can ?not|won['’]t|am (?:unable|not able)))",
    re.IGNORECASE,
)


def is_refusal(answer: Answer) -> bool:
    """A rule that anyone can apply by hand; it misses refusals in other languages and polite evasions.

    True when the provider says so (a refusal field, a finish reason such as `content_filter`, `refusal` or `SAFETY`),
    or when the first 160 characters of the visible text hold one of the usual English phrases ("I'm sorry, but I
    can't", "I cannot help", ...).
    """
    if answer.refusal or answer.declined:
        return True
    return bool(answer.text) and _REFUSAL.search(answer.text or "", 0, REFUSAL_WINDOW_CHARS) is not None


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
    """JSON text with sorted keys and without blanks; no arguments at all are an empty object, other text stays."""
    if not text.strip():
        return "{}"
    try:
        value: Any = read_json(text.encode("utf-8", "replace"))
        return well_formed(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    except (WireError, RecursionError, ValueError):
        return text


def tool_calls_json(calls: tuple[ToolCall, ...] | None) -> str:
    """Tool calls as one canonical JSON text; empty without any."""
    if not calls:
        return ""
    plain = [{"id": call.id, "name": call.name, "arguments": canonical_json(call.arguments)} for call in calls]
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
