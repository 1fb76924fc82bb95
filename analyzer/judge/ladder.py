"""What settles a pair without a judge: answers that are equal, or mean the same to whoever runs them.

Cheapest first, and only what is certain: whatever these rungs leave open goes to a judge.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analyzer.judge.plain_json import NotJson, canonical, object_of, objects_of, read_json, text_of
from analyzer.judge.tool_schemas import normal_form, schemas
from analyzer.normal_form import normal_form as unicode_form
from store.judging.pair import Answer, Pair


@dataclass(frozen=True, slots=True)
class Settled:
    """A pair that needs no judge."""

    rung: Literal["equal", "structure"]
    preference: float
    """-1, 0 or 1; positive: the candidate is better."""


TIE_EQUAL = Settled("equal", 0.0)
TIE_STRUCTURE = Settled("structure", 0.0)


def settle(pair: Pair) -> Settled | None:
    """What the free rungs say of a pair; None: they leave it to a judge.

    An answer whose middle was not kept settles nothing: what is left of two may be equal where they are not.
    """
    if not pair.is_whole:
        return None
    ours, theirs = pair.primary, pair.answer
    is_same_text = ours.text == theirs.text or spaced(ours.text) == spaced(theirs.text)
    # White space inside a text of JSON may decide whether it is any.
    if is_same_text and {ours.valid_json, theirs.valid_json} != {True, False}:
        if _exact_calls(ours.tool_calls) == _exact_calls(theirs.tool_calls):
            return TIE_EQUAL
        if ours.tool_calls and theirs.tool_calls and _call_the_same(pair):
            return TIE_STRUCTURE
        return None
    return _by_json(ours, theirs)


def spaced(text: str) -> str:
    """A text in Unicode's form NFC, each run of white space one space, and none at its ends."""
    return " ".join(unicode_form(text, "NFC").split())


def _by_json(ours: Answer, theirs: Answer) -> Settled | None:
    """Of a request that asked for JSON; the recorder has checked both answers against the client's own schema."""
    if ours.valid_json is None or theirs.valid_json is None or ours.tool_calls or theirs.tool_calls:
        return None
    if ours.valid_json != theirs.valid_json:
        return Settled("structure", 1.0 if theirs.valid_json else -1.0)
    if not ours.valid_json:
        return None
    try:
        same = canonical(read_json(ours.text)) == canonical(read_json(theirs.text))
    except NotJson:
        return None
    return TIE_STRUCTURE if same else None


def _exact_calls(tool_calls: str) -> Any:
    """Names and arguments in their order, without the ids, which are drawn anew for every answer."""
    if not tool_calls.strip():
        return []
    calls = _calls(tool_calls)
    if calls is None:
        return tool_calls
    try:
        return [(call.get("name"), _written(call.get("arguments"))) for call in calls]
    except NotJson:
        return tool_calls


def _written(arguments: Any) -> str:
    """Arguments as the recorder writes them, canonical JSON in a text; files of pairs may hold the value itself.

    Raises:
        NotJson: a value that cannot be written so.
    """
    return arguments if isinstance(arguments, str) else canonical(arguments)


def _calls(tool_calls: str) -> list[dict[str, Any]] | None:
    """The calls of an answer; None where the text is no list of them."""
    try:
        value = read_json(tool_calls)
    except NotJson:
        return None
    calls = objects_of(value)
    return calls if calls and len(calls) == len(value) else None


def _call_the_same(pair: Pair) -> bool:
    """The same tools with arguments that mean the same, in any order: calls of one answer are run side by side."""
    ours, theirs = _calls(pair.primary.tool_calls), _calls(pair.answer.tool_calls)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    if Counter(map(_name, ours)) != Counter(map(_name, theirs)):
        return False
    declared = _declared(pair.request)
    try:
        return Counter(_meaning(c, declared) for c in ours) == Counter(_meaning(c, declared) for c in theirs)
    except NotJson:
        return False


def _declared(request: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        return schemas(object_of(read_json(request)))
    except NotJson:
        return {}


def _name(call: Mapping[str, Any]) -> str:
    return text_of(call.get("name"))


def _meaning(call: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Tool and arguments; equal where two calls do the same.

    Raises:
        NotJson: arguments that nobody can compare.
    """
    name, arguments = _name(call), call.get("arguments")
    try:
        if isinstance(arguments, str):
            arguments = read_json(arguments) if arguments.strip() else {}
        return name, normal_form({} if arguments is None else arguments, declared.get(name, {}))
    except NotJson:
        # Free text (custom tools), or beyond the bounds: what is written is compared.
        return name, _written(call.get("arguments"))
