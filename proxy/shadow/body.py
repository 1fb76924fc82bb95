"""The JSON body of a request, taken apart no further than needed: top-level fields stay bytes until they are looked at.

What is not changed is sent on byte for byte; a copy is parsed once, whatever the number of candidates. Fields are put
together again from their bytes, which costs about as much as copying them.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import xxhash

from proxy.wire.apis import APIS, CREDENTIALS, Api
from proxy.wire.shapes import decode_keyed_tools, decode_tools
from proxy.wire.turns import Turns

_decode_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_encode: Final = msgspec.json.encode

_hash: Final = xxhash.xxh3_64_intdigest
_ABSENT: Final = msgspec.Raw(b"null")
_TRUE: Final = msgspec.Raw(b"true")
_FALSE: Final = msgspec.Raw(b"false")
_ONE: Final = msgspec.Raw(b"1")
_CHAT: Final = APIS["chat/completions"]


class RequestBody:
    """A JSON object as a client sent it."""

    __slots__ = ("_for_any", "_turns", "api", "fields", "raw")

    def __init__(self, raw: bytes, api: Api = _CHAT) -> None:
        """Takes it apart. Of a field that is there twice the last one counts, as it does for most servers.

        Raises:
            msgspec.DecodeError: not a JSON object.
            UnicodeDecodeError: a key is not UTF-8.
        """
        self.raw = raw
        self.api = api
        self.fields: dict[str, msgspec.Raw] = _decode_fields(raw)
        self._turns: Turns | None = None
        self._for_any: tuple[dict[str, msgspec.Raw | None], dict[str, str]] | None = None

    @property
    def turns(self) -> Turns:
        """The conversation."""
        if self._turns is None:
            self._turns = Turns(self.api, self.fields)
        return self._turns

    def _gives(self, names: frozenset[str]) -> bool:
        """Is one of the fields there, and not null or false?"""
        if names.isdisjoint(self.fields):
            return False
        return any(self.fields.get(name, _ABSENT) not in (_ABSENT, _FALSE) for name in names)

    @property
    def stream(self) -> bool:
        """Was a stream asked for?"""
        how = self.api.stream
        if how == "asked":
            return self.fields.get("stream") == _TRUE
        return self.fields.get("stream") != _FALSE if how == "unless_refused" else how == "always"

    @property
    def model(self) -> bytes | None:
        """The model that is asked for; None when the body names none."""
        raw = self.fields.get("model")
        try:
            return _decode_text(raw).encode() if raw is not None else None
        except msgspec.MsgspecError:
            return None

    @property
    def is_stateful(self) -> bool:
        """Does it lean on state that only the primary's provider holds? Sent elsewhere it would fail or mean another
        thing, and sent twice it might change that state."""
        return self._gives(self.api.stateful) or (self.api.has_turns and self.turns.refers_to_stored())

    @property
    def has_provider_tools(self) -> bool:
        """Would the provider itself act (search, run code, call an MCP server)? Unreadable tools count as such."""
        if self._gives(self.api.acting):
            return True
        raw = self.fields.get("tools", _ABSENT)
        if raw in (_ABSENT, _FALSE):
            return False
        api = self.api
        try:
            if api.tools_by_key:
                return any(not api.client_tools.issuperset(tool) for tool in decode_keyed_tools(raw))
            return any(not _is_client_tool(tool.type or api.default_tool, api) for tool in decode_tools(raw))
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

    def for_candidate(
        self, model: msgspec.Raw | None, params: Mapping[str, msgspec.Raw | None], *, path_names_model: bool
    ) -> tuple[bytes, list[str]]:
        """The body for a candidate, and the names of the fields that differ from the client's.

        Nothing is stored at the provider, one answer is asked for, a stream is asked to report its usage, and keys
        that a client handed to its gateway stay behind.

        Args:
            model: what to ask for, as JSON; None leaves the client's.
            params: top-level fields to set; None removes one.
            path_names_model: the model stands in the path; one in the body would contradict it.
        """
        if self._for_any is None:
            self._for_any = self._for_any_candidate()
        wanted, names = self._for_any
        wanted = wanted.copy()
        if model is not None and not path_names_model:
            wanted["model"] = model
        elif model is not None and "model" in self.fields:
            wanted["model"] = None
        if params:
            wanted.update(params)
            names = {holder: name for holder, name in names.items() if holder not in params}
        return self._changed(wanted, names)

    def _for_any_candidate(self) -> tuple[dict[str, msgspec.Raw | None], dict[str, str]]:
        """What becomes of the fields whoever the candidate is, and what those are called of which a part changes."""
        api, fields = self.api, self.fields
        wanted = self._not_kept()
        if api.has_n and fields.get("n", _ABSENT) not in (_ABSENT, _ONE):
            wanted["n"] = _ONE
        if api.reports_usage_on_wish and self.stream:
            wanted["stream_options"] = _with_usage(fields.get("stream_options"))
        if not CREDENTIALS.isdisjoint(fields):
            wanted.update(dict.fromkeys(CREDENTIALS.intersection(fields)))
        names = {}
        for holder, name in api.count_in.items():
            one = _with_one(fields.get(holder), name)
            if one is not None:
                wanted[holder] = one
                names[holder] = f"{holder}.{name}"
        return wanted, names

    def for_control(self) -> tuple[bytes, list[str]]:
        """The body for the control leg: the client's, but for a second answer stored in the client's account."""
        return self._changed(self._not_kept(), {})

    def _not_kept(self) -> dict[str, msgspec.Raw | None]:
        store = self.fields.get("store", _ABSENT)
        if store == _TRUE or (self.api.keeps_unless_told and store == _ABSENT):
            return {"store": _FALSE}
        return {}

    def _changed(self, wanted: dict[str, msgspec.Raw | None], names: Mapping[str, str]) -> tuple[bytes, list[str]]:
        changed = [name for name, value in wanted.items() if self.fields.get(name) != value]
        if not changed:
            return self.raw, []
        fields = self.fields.copy()
        for name in changed:
            value = wanted[name]
            if value is None:
                del fields[name]
            else:
                fields[name] = value
        return _encode(fields), sorted([names.get(name, name) for name in changed])


def _is_client_tool(kind: str, api: Api) -> bool:
    return kind in api.client_tools or kind.startswith(api.client_tool_prefixes)


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    try:
        fields = _decode_fields(options) if options is not None else {}
    except msgspec.MsgspecError:
        fields = {}
    if options is not None and fields.get("include_usage") == _TRUE:
        return options
    fields["include_usage"] = _TRUE
    return msgspec.Raw(_encode(fields))


def _with_one(holder: msgspec.Raw | None, name: str) -> msgspec.Raw | None:
    """An object in which a number of answers is 1; None when it is so already, or not said."""
    if holder is None:
        return None
    try:
        fields = _decode_fields(holder)
    except msgspec.MsgspecError:
        return None
    if fields.get(name, _ABSENT) in (_ABSENT, _ONE):
        return None
    fields[name] = _ONE
    return msgspec.Raw(_encode(fields))


def key_hash(parts: list[bytes], seed: int) -> int:
    """Keyed 64-bit hash of a sampling key."""
    return _hash(b"\0".join(parts), seed)
