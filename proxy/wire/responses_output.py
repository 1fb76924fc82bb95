"""The output items of OpenAI's Responses: messages, reasoning, calls that the client is to run."""

from typing import Any

from proxy.wire.object_fields import objects_of
from proxy.wire.said import Said

_CALLS = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
}
"""Types of calls that the client runs -> the field that says with what. All others the provider runs itself."""


def is_call(item: dict[str, Any]) -> bool:
    """Is it a call that the client runs?"""
    return _type(item) in _CALLS


def arguments_of(item: dict[str, Any]) -> Any:
    """With what the call is made; text, or an object for the calls that have no text."""
    return item.get(_CALLS.get(_type(item), ""))


def name_of(item: dict[str, Any]) -> Any:
    """Whom the call is for; calls without a name of their own have their type's."""
    return item.get("name") or _type(item).removesuffix("_call")


def id_of(item: dict[str, Any]) -> Any:
    """By which the client answers the call."""
    return item.get("call_id") or item.get("id")


def add_item(said: Said, item: dict[str, Any]) -> tuple[bool, bool]:
    """Adds an item that is whole: (content grew, reasoning grew).

    Raises:
        WireError: arguments that are nested too deeply.
    """
    if is_call(item):
        said.begin_call(id_of(item), name_of(item)).add_arguments(arguments_of(item))
        return True, False
    if _type(item) == "message":
        parts = objects_of(item.get("content"))
        grown = [said.add_text(part.get("text")) or said.add_refusal(part.get("refusal")) for part in parts]
        return any(grown), False
    if _type(item) == "reasoning":
        # The thoughts themselves where they are shown, else their summary.
        parts = objects_of(item.get("content")) or objects_of(item.get("summary"))
        grown = [said.add_reasoning(part.get("text")) for part in parts]
        return False, any(grown)
    return False, False


def _type(item: dict[str, Any]) -> str:
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""
