"""Which requests are copied: the same request falls the same way on every replica and after every restart.

The candidate is not part of the hash, so samples are nested: all candidates see the same requests, a conversation falls
one way, and raising a share keeps those already in it.
"""

from collections.abc import Callable

from proxy.shadow.body import RequestBody, key_hash
from proxy.wire.heads import Headers, header

_WHOLE = 2**64
Look = Callable[[Headers, RequestBody | None], tuple[bytes, ...] | None]


def threshold(share: float) -> int:
    """The share as a bound on the hash."""
    return _WHOLE if share >= 1 else int(share * _WHOLE)


class SamplingKey:
    """Finds the key of a request in the configured places, and hashes it."""

    def __init__(self, unit: str, sources: tuple[str, ...], seed: int) -> None:
        self._seed = seed
        self._places = [_place(source) for source in (sources if unit == "conversation" else ())]

    def hash_of(self, request_id: bytes, headers: Headers, body: RequestBody | None) -> int:
        """64-bit hash; a request with none of the places draws alone, by its id."""
        for tag, look in self._places:
            parts = look(headers, body)
            if parts is not None:
                return key_hash((tag, *parts), self._seed)
        return key_hash((b"request", request_id), self._seed)


def _place(source: str) -> tuple[bytes, Look]:
    """A tag, so that equal values found in different places are different keys, and the way to look there."""
    kind, _, name = source.partition(":")
    if kind == "header":
        return source.encode(), _in_header(name.lower().encode())
    return source.encode(), _in_body(tuple(name.split("."))) if kind == "body" else _in_opening


def _in_header(name: bytes) -> Look:
    def look(headers: Headers, body: RequestBody | None) -> tuple[bytes, ...] | None:
        value = header(headers, name)
        return (value,) if value else None

    return look


def _in_body(path: tuple[str, ...]) -> Look:
    def look(headers: Headers, body: RequestBody | None) -> tuple[bytes, ...] | None:
        value = body.text_at(path) if body is not None else None
        return (value,) if value else None

    return look


def _in_opening(headers: Headers, body: RequestBody | None) -> tuple[bytes, ...] | None:
    opening = body.opening() if body is not None else None
    if opening is None:
        return None
    # Two clients that begin with the same words are two conversations.
    return (opening, header(headers, b"authorization") or header(headers, b"x-api-key") or b"")
