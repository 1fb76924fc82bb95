"""One choice of a chat completion, put together from a message or from its deltas."""

from typing import Any

from proxy.wire.said import MAX_TOOL_CALLS, Call, Said

_REASONING_NAMES = ("reasoning_content", "reasoning", "thinking")
"""DeepSeek and its followers; OpenRouter, Groq and newer vLLM; Ollama."""
_TEXT_NAMES = frozenset({"content", *_REASONING_NAMES})


class Choice(Said):
    """Grows by messages or deltas; both have the same fields."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: dict[int | str, Call] = {}
        """The call that was begun last under each index."""

    def add(self, delta: Any) -> tuple[bool, bool]:
        """(content grew, reasoning grew); content is text, refusal, tool call, sound or picture.

        Raises:
            WireError: arguments of a tool call that are nested too deeply.
        """
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
        for name in _REASONING_NAMES:
            if reasoning := get(name):
                thought = self.add_reasoning(reasoning) or thought
                break
        if refusal := get("refusal"):
            grew = self.add_refusal(refusal) or grew
        if calls := get("tool_calls"):
            grew = self._add_calls(calls) or grew
        if function := get("function_call"):
            grew = self._add_to(self._call("function_call", ""), function) or grew
        if audio := get("audio"):
            grew = self._add_audio(audio) or grew
        return grew or bool(get("images")), thought

    def piece_of(self, delta: Any) -> str | None:
        """The text to which a delta comes down, visible or reasoning; None where there is more in it."""
        name = _only_text(delta)
        return None if name is None else str(delta[name])

    def add_pieces(self, delta: Any, pieces: list[str]) -> bool:
        """More deltas like this one, of which `piece_of` told the piece, with these in its place; is it content?"""
        is_content = _only_text(delta) == "content"
        (self._text if is_content else self._reasoning).extend(pieces)
        return is_content

    def _add_parts(self, content: Any) -> tuple[bool, bool]:
        """Content as a list of parts: text, refusals, Mistral's thinking, pictures and sounds."""
        grew = thought = False
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            grew = self.add_text(part.get("text")) or grew
            grew = self.add_refusal(part.get("refusal")) or grew
            if "image_url" in part or "audio" in part:
                grew = True
            thinking = part.get("thinking")
            for piece in thinking if isinstance(thinking, list) else [{"text": thinking}]:
                thought = (isinstance(piece, dict) and self.add_reasoning(piece.get("text"))) or thought
        return grew, thought

    def _add_audio(self, audio: Any) -> bool:
        """The transcript of a spoken answer is its text."""
        if not isinstance(audio, dict):
            return False
        return self.add_text(audio.get("transcript")) or bool(audio.get("data"))

    def _add_calls(self, fragments: Any) -> bool:
        grew = False
        for place, fragment in enumerate(fragments if isinstance(fragments, list) else ()):
            if not isinstance(fragment, dict):
                continue
            call_id = fragment.get("id")
            call = self._call(fragment.get("index", place), call_id if isinstance(call_id, str) else "")
            # OpenAI's custom tools take free text.
            custom = fragment.get("custom")
            if isinstance(custom, dict):
                custom = {"name": custom.get("name"), "arguments": custom.get("input")}
            grew = self._add_to(call, fragment.get("function") or custom) or grew
        return grew

    def _add_to(self, call: Call, function: Any) -> bool:
        if not isinstance(function, dict):
            return False
        name, grew = function.get("name"), False
        if isinstance(name, str) and name and not call.name:
            call.name, grew = name, True
        return call.add_arguments(function.get("arguments")) or grew

    def _call(self, index: Any, call_id: str) -> Call:
        """The call that a fragment belongs to: a new id begins a new call, even where all say index 0."""
        key = index if isinstance(index, (int, str)) else 0
        call = self._latest.get(key)
        if call is not None and not (call_id and call.id and call.id != call_id):
            call.id = call.id or call_id
            return call
        call = self.begin_call(call_id)
        if len(self._latest) < MAX_TOOL_CALLS:
            self._latest[key] = call
        return call


def _only_text(delta: Any) -> str | None:
    """The one field of a delta that holds anything, if it is text; its role apart, which says nothing."""
    if delta.__class__ is not dict:
        return None
    names = [name for name, value in delta.items() if value is not None and value != "" and name != "role"]
    if len(names) != 1 or delta[names[0]].__class__ is not str:
        return None
    return names[0] if names[0] in _TEXT_NAMES else None
