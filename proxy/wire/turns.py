"""The turns of a conversation in a request: with what it opens, and whether it refers to things the provider holds."""

from typing import Final

import msgspec

from proxy.wire.apis import Api
from proxy.wire.shapes import NULL, Part, Turn, decode_part, decode_parts, decode_reference, decode_turns

Fields = dict[str, msgspec.Raw]
_QUOTE: Final = 0x22
_LIST: Final = 0x5B
_OBJECT: Final = 0x7B
_USER: Final = b"user"
_NULL: Final = NULL
_decode_turns: Final = decode_turns
_view: Final = memoryview
_MAX_DEPTH: Final = 4
"""Contents may hold contents (the result of a tool, say); nothing known goes deeper than two."""


class Turns:
    """The conversation of one request, read once however often it is asked for."""

    __slots__ = ("_api", "_before", "_text", "_turns")

    def __init__(self, api: Api, fields: Fields) -> None:
        self._api = api
        self._before: list[bytes] = [fields[name] for name in api.before if name in fields]
        self._text = b""
        """A prompt, instead of turns."""
        self._turns: list[Turn] = []
        raw = fields.get(api.conversation, _NULL)
        if not api.has_turns or _begins(raw) == _QUOTE:
            self._text = b"" if raw == _NULL else bytes(raw)
            return
        try:
            self._turns = _decode_turns(raw)
        except msgspec.MsgspecError:
            self._turns = []  # no conversation that we know; the upstreams will have their own word on it

    def opening(self) -> list[bytes] | None:
        """What all turns of a conversation begin with: system prompts, and the turns up to the first of a user.

        A prompt that holds the whole conversation has no such beginning: it stands for itself. In pieces, as they stand
        in the request.
        """
        if self._text:
            return [*self._before, self._text]
        if not self._turns:
            return None
        pieces = self._before.copy()
        for turn in self._turns:
            role = turn.role or self._api.default_role
            pieces.append(_USER if role == "user" else role.encode())
            pieces.append(turn.content)
            pieces.append(turn.parts)
            if role == "user":
                break
        return pieces

    def refers_to_stored(self) -> bool:
        """Does it name files or earlier answers by an id that only one provider knows?"""
        for turn in self._turns:
            if turn.type == "item_reference" or turn.audio != _NULL:
                return True
            for raw in (turn.content, turn.parts, turn.output):
                if raw is not _NULL and _holds_reference(raw, _MAX_DEPTH):
                    return True
        return False


def _begins(raw: msgspec.Raw) -> int:
    """The first byte of a value; texts are told from lists and objects without looking further."""
    return _view(raw)[0]


def _holds_reference(raw: msgspec.Raw, depth: int) -> bool:
    first = _begins(raw)
    if first not in (_LIST, _OBJECT) or depth == 0:
        return False
    try:
        parts = decode_parts(raw) if first == _LIST else [decode_part(raw)]
    except msgspec.MsgspecError:
        return False
    return any(_is_reference(part) or _holds_reference(part.content, depth - 1) for part in parts)


def _is_reference(part: Part) -> bool:
    if part.file_id != NULL or part.file_data_camel != NULL or _begins(part.file_data) == _OBJECT:
        return True
    return _names_file(part.file) or _names_file(part.source)


def _names_file(raw: msgspec.Raw) -> bool:
    if _begins(raw) != _OBJECT:
        return False
    try:
        return decode_reference(raw).file_id != NULL
    except msgspec.MsgspecError:
        return False
