"""One choice of a chat completion, put together from a message or from its deltas."""

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.wire.dialect import ToolCall
from proxy.wire.json_text import well_formed

MAX_TOOL_CALLS = 1024
"""More calls than any API allows (128); further ones are dropped."""


class _Call:
    """A tool call in the making."""

    def __init__(self, index: Any, call_id: str) -> None:
        self.index = index
        self.id = call_id
        self.name = ""
        self.arguments: list[str] = []

    def add(self, function: Mapping[str, Any]) -> bool:
        name, arguments = function.get("name"), function.get("arguments")
        grew = False
        if isinstance(name, str) and name and not self.name:
            self.name, grew = name, True
        if isinstance(arguments, str) and arguments:
            self.arguments.append(arguments)
            return True
        if isinstance(arguments, (dict, list)):
            # Some servers send the object itself instead of its text.
            self.arguments.append(msgspec.json.encode(arguments).decode())
            return True
        return grew

    def done(self) -> ToolCall:
        return ToolCall(well_formed(self.id), well_formed(self.name), well_formed("".join(self.arguments)))


class Choice:
    """Grows by messages or deltas; both have the same fields."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []

    def add(self, delta: Any) -> tuple[bool, bool]:
        """(content grew, reasoning grew); content is text, refusal or tool call."""
        if not isinstance(delta, dict):
            return False, False
        get = delta.get
        content = get("content")
        if content.__class__ is str:
            grew, thought = bool(content), False
            if grew:
                self._text.append(content)
            if len(delta) == 1:
                return grew, False  # the usual delta: nothing but a piece of text
        else:
            grew, thought = self._add_parts(content)
        reasoning = get("reasoning_content") or get("reasoning")
        if isinstance(reasoning, str) and reasoning:
            self._reasoning.append(reasoning)
            thought = True
        refusal = get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refusal.append(refusal)
            grew = True
        if calls := get("tool_calls"):
            grew = self._add_calls(calls) or grew
        if isinstance(function := get("function_call"), dict):
            grew = self._call("function_call", "").add(function) or grew
        return grew, thought

    def _add_parts(self, content: Any) -> tuple[bool, bool]:
        """Content as a list of parts: text, and Mistral's thinking."""
        before = len(self._text), len(self._reasoning)
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            if isinstance(part.get("text"), str):
                self._text.append(part["text"])
            thinking = part.get("thinking")
            for thought in thinking if isinstance(thinking, list) else [part]:
                text = thought.get("text" if thought is not part else "thinking") if isinstance(thought, dict) else None
                if isinstance(text, str):
                    self._reasoning.append(text)
        return len(self._text) > before[0], len(self._reasoning) > before[1]

    def _add_calls(self, fragments: Any) -> bool:
        grew = False
        for place, fragment in enumerate(fragments if isinstance(fragments, list) else ()):
            if not isinstance(fragment, dict):
                continue
            call_id = fragment.get("id")
            call = self._call(fragment.get("index", place), call_id if isinstance(call_id, str) else "")
            function = fragment.get("function")
            grew = (isinstance(function, dict) and call.add(function)) or grew
        return grew

    def _call(self, index: Any, call_id: str) -> _Call:
        """The call that a fragment belongs to: a new id begins a new call, even where all say index 0."""
        for call in reversed(self._calls):
            if call.index == index:
                if call_id and call.id and call.id != call_id:
                    break
                call.id = call.id or call_id
                return call
        call = _Call(index, call_id)
        if len(self._calls) < MAX_TOOL_CALLS:
            self._calls.append(call)
        return call

    def text(self) -> str:
        """Visible text so far."""
        return well_formed("".join(self._text))

    def reasoning(self) -> str:
        """Reasoning text so far."""
        return well_formed("".join(self._reasoning))

    def refusal(self) -> str:
        """Refusal text so far."""
        return well_formed("".join(self._refusal))

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Tool calls so far, in order of appearance."""
        return tuple(call.done() for call in self._calls)
