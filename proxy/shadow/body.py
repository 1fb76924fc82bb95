"""The JSON body of a request, taken apart no further than needed: top-level fields stay bytes until they are looked at.

What is not changed is sent on byte for byte; a copy is parsed once, whatever the number of candidates.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import xxhash

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.encode

_ABSENT = msgspec.Raw(b"null")
_TRUE = msgspec.Raw(b"true")
_FALSE = msgspec.Raw(b"false")
_ONE = msgspec.Raw(b"1")
_STATEFUL = ("previous_response_id", "conversation", "background")
_PROVIDER_FIELDS = ("web_search_options", "mcp_servers")
_CLIENT_TOOLS = frozenset({"function", "custom"})


class _Role(msgspec.Struct):
    role: str = ""


class _Tool(msgspec.Struct):
    type: str = "function"


_decode_role = msgspec.json.Decoder(_Role).decode
_decode_tools = msgspec.json.Decoder(list[_Tool]).decode


class RequestBody:
    """A JSON object as a client sent it."""

    __slots__ = ("fields", "raw")

    def __init__(self, raw: bytes) -> None:
        """Takes it apart.

        Raises:
            msgspec.DecodeError: not a JSON object.
            UnicodeDecodeError: a key is not UTF-8.
        """
        self.raw = raw
        self.fields: dict[str, msgspec.Raw] = _decode_fields(raw)

    def _given(self, name: str) -> bool:
        return self.fields.get(name, _ABSENT) not in (_ABSENT, _FALSE)

    @property
    def stream(self) -> bool:
        """Was a stream asked for?"""
        return self.fields.get("stream") == _TRUE

    @property
    def is_stateful(self) -> bool:
        """Does it lean on state that only the primary's provider holds?"""
        return any(self._given(name) for name in _STATEFUL)

    @property
    def has_provider_tools(self) -> bool:
        """Would the provider itself act (search, run code, call an MCP server)? Unreadable tools count as such."""
        if any(self._given(name) for name in _PROVIDER_FIELDS):
            return True
        if not self._given("tools"):
            return False
        try:
            return any(tool.type not in _CLIENT_TOOLS for tool in _decode_tools(self.fields["tools"]))
        except msgspec.MsgspecError:
            return True

    def text_at(self, path: tuple[str, ...]) -> bytes | None:
        """The JSON of a scalar at a path, for sampling keys; None when it is not there."""
        raw: Any = self.fields.get(path[0])
        try:
            for part in path[1:]:
                raw = _decode_fields(raw).get(part) if raw is not None else None
        except msgspec.MsgspecError:
            return None
        value = bytes(raw) if raw is not None else b"null"
        return None if value == b"null" or value[:1] in b"{[" else value

    def opening(self) -> bytes | None:
        """The messages up to the first of a user: what all turns of a conversation begin with."""
        raw = self.fields.get("messages")
        if raw is None:
            return None
        opening = []
        try:
            for message in _decode_list(raw):
                opening.append(bytes(message))
                if _decode_role(message).role == "user":
                    break
        except msgspec.MsgspecError:
            return None
        return b"\0".join(opening) or None

    def rewritten(self, model: msgspec.Raw | None, params: Mapping[str, msgspec.Raw | None]) -> tuple[bytes, list[str]]:
        """The body for a candidate, and the names of the fields that differ from the client's.

        Nothing is stored at the provider, one choice is asked for, and a stream is asked to report its usage.

        Args:
            model: what to ask for, as JSON; None leaves the client's.
            params: fields to set; None removes one.
        """
        wanted: dict[str, msgspec.Raw | None] = {}
        if model is not None:
            wanted["model"] = model
        if self.fields.get("store") == _TRUE:
            wanted["store"] = _FALSE
        if self.fields.get("n", _ABSENT) not in (_ABSENT, _ONE):
            wanted["n"] = _ONE
        if self.stream:
            wanted["stream_options"] = _with_usage(self.fields.get("stream_options"))
        wanted.update(params)
        changed = [name for name, value in wanted.items() if self.fields.get(name) != value]
        if not changed:
            return self.raw, []
        fields = {**self.fields, **wanted}
        return _encode({name: value for name, value in fields.items() if value is not None}), sorted(changed)


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    try:
        fields = _decode_fields(options) if options is not None else {}
    except msgspec.MsgspecError:
        fields = {}
    if options is not None and fields.get("include_usage") == _TRUE:
        return options
    fields["include_usage"] = _TRUE
    return msgspec.Raw(_encode(fields))


def key_hash(parts: tuple[bytes, ...], seed: int) -> int:
    """Keyed 64-bit hash of a sampling key."""
    return xxhash.xxh3_64_intdigest(b"\0".join(parts), seed=seed)
