"""Which requests are copied: the same request falls the same way on every replica and after every restart.

The candidate is not part of the hash, so samples are nested: all candidates see the same requests, a conversation falls
one way, and raising a share keeps those already in it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from proxy.shadow.body import RequestBody, key_hash
from proxy.wire.heads import Headers, header

_WHOLE: Final = 2**64
_CLIENT_KEYS: Final = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
Look = Callable[[Headers, RequestBody | None], Sequence[bytes] | None]


def threshold(share: float) -> int:
    """The share as a bound on the hash."""
    return _WHOLE if share >= 1 else int(share * _WHOLE)


class SamplingKey:
    """Finds the key of a request in the configured places, and hashes it."""

    def __init__(self, unit: str, sources: tuple[str, ...], seed: int) -> None:
        self._seed = seed
        used = sources if unit == "conversation" else ()
        self._places = [_place(source) for source in used]
        kinds = [source.startswith("header:") for source in used]
        self._leading_headers = kinds.index(False) if False in kinds else len(kinds)

    def hash_in_head(self, headers: Headers) -> int | None:
        """The same hash, where headers alone decide it; None when the body has to be looked at."""
        for tag, look in self._places[: self._leading_headers]:
            parts = look(headers, None)
            if parts is not None:
                return key_hash([tag, *parts], self._seed)
        return None

    def hash_of(self, request_id: bytes, headers: Headers, body: RequestBody | None) -> int:
        """64-bit hash; a request with none of the places draws alone, by its id."""
        for tag, look in self._places:
            parts = look(headers, body)
            if parts is not None:
                return key_hash([tag, *parts], self._seed)
        return key_hash([b"request", request_id], self._seed)


def _place(source: str) -> tuple[bytes, Look]:
    """A tag, so that equal values found in different places are different keys, and the way to look there."""
    kind, _, name = source.partition(":")
    if kind == "header":
        return source.encode(), _in_header(name.lower().encode())
    return source.encode(), _in_body(tuple(name.split("."))) if kind == "body" else _in_opening


def _in_header(name: bytes) -> Look:
    def look(headers: Headers, body: RequestBody | None) -> Sequence[bytes] | None:
        value = header(headers, name)
        return (value,) if value else None

    return look


def _in_body(path: tuple[str, ...]) -> Look:
    def look(headers: Headers, body: RequestBody | None) -> Sequence[bytes] | None:
        value = body.text_at(path) if body is not None else None
        return (value,) if value else None

    return look


def _in_opening(headers: Headers, body: RequestBody | None) -> Sequence[bytes] | None:
    opening = body.turns.opening() if body is not None else None
    if opening is None:
        return None
    # Two clients that begin with the same words are two conversations.
    for name in _CLIENT_KEYS:
        key = header(headers, name)
        if key:
            return [*opening, key]
    return [*opening, b""]
