"""What one choice of an answer says, put together piece by piece; the same for every API."""

from typing import Any

from proxy.wire.dialect import ToolCall
from proxy.wire.json_text import well_formed, write_json

MAX_TOOL_CALLS = 1024
"""More calls than any API allows (OpenAI's: 128); further ones are dropped."""


class Call:
    """A tool call in the making."""

    def __init__(self, call_id: str = "", name: str = "") -> None:
        self.id = call_id
        self.name = name
        self._arguments: list[str] = []

    def add_arguments(self, arguments: Any) -> bool:
        """A piece of their text, or the value itself as some servers send it. Did anything come?

        Raises:
            WireError: a value that is nested too deeply.
        """
        if isinstance(arguments, str) and arguments:
            self._arguments.append(arguments)
            return True
        if isinstance(arguments, (dict, list)):
            self._arguments.append(write_json(arguments))
            return True
        return False

    def forget_arguments(self) -> None:
        """What came so far was not the beginning of what comes now."""
        self._arguments.clear()

    def done(self) -> ToolCall:
        """The call, as far as it has come."""
        return ToolCall(well_formed(self.id), well_formed(self.name), well_formed("".join(self._arguments)))


class Said:
    """Text, reasoning, refusal and tool calls of one choice. It holds no more than the bytes it was read from."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[Call] = []

    def add_text(self, piece: Any) -> bool:
        """Visible text; was it any?"""
        return _add(self._text, piece)

    def add_reasoning(self, piece: Any) -> bool:
        """Text that the model thought; was it any?"""
        return _add(self._reasoning, piece)

    def add_refusal(self, piece: Any) -> bool:
        """Text by which the provider refuses; was it any?"""
        return _add(self._refusal, piece)

    def begin_call(self, call_id: Any = "", name: Any = "") -> Call:
        """A new tool call; its arguments come later."""
        call = Call(call_id if isinstance(call_id, str) else "", name if isinstance(name, str) else "")
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


def _add(pieces: list[str], piece: Any) -> bool:
    if not isinstance(piece, str) or not piece:
        return False
    pieces.append(piece)
    return True
