"""Heads of the copies: what a candidate may see of a client's request, and what the control leg gets."""

import re
from typing import Final

from proxy.wire.heads import MARKER, REQUEST_ID, Headers, Origin, Pairs

_TO_CANDIDATE: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"anthropic-beta",
        b"anthropic-version",
        b"content-encoding",
        b"content-type",
        b"openai-beta",
        b"user-agent",
    }
)
_NOT_TO_CONTROL: Final = frozenset({b"connection", b"expect", b"te", b"trailer", MARKER, REQUEST_ID})
"""Of these the copy has its own, or needs none: its whole body is sent at once."""
_HARMLESS: Final = re.compile(rb"(?:alt|api-version|beta)=[0-9A-Za-z._-]*", re.IGNORECASE)
"""Query parameters that say how to answer. Their values are words: where a semicolon separates parameters, too, a key
could hide behind one."""


class OwnHeaders:
    """Configured headers of an arm; they replace the client's of the same name."""

    __slots__ = ("lines", "names", "not_to_control")

    def __init__(self, pairs: Pairs) -> None:
        """`pairs`: names in lower case."""
        self.names = frozenset(name for name, _ in pairs)
        self.lines = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
        self.not_to_control = _NOT_TO_CONTROL | self.names


def request_to_candidate(
    target: bytes, headers: Headers, origin: Origin, *, own: OwnHeaders, request_id: bytes, content_length: int
) -> bytes:
    """The head of a candidate leg: allow-listed headers only, never a credential of the client.

    Args:
        target: path and query as the candidate is to be asked; the query keeps none but known harmless parameters.
        headers: the client's.
        origin: where it goes.
        own: the candidate's configured headers.
        request_id: text form of the request's id.
        content_length: bytes of the body.
    """
    replaced = own.names
    lines = [
        b"%b: %b\r\n" % (name, value) for name, low, value in headers if low in _TO_CANDIDATE and low not in replaced
    ]
    asked = harmless_target(target)
    return _head(asked, lines, origin, own=own, request_id=request_id, content_length=content_length)


def request_to_control(
    target: bytes, onward: bytes, origin: Origin, *, own: OwnHeaders, request_id: bytes, content_length: int
) -> bytes:
    """The head of the control leg: what the primary got, the client's credentials included.

    `onward`: the header lines of the primary leg, each with its CRLF.
    """
    left_out = own.not_to_control
    lines = [line for line in onward.splitlines(keepends=True) if line.partition(b":")[0].lower() not in left_out]
    return _head(target, lines, origin, own=own, request_id=request_id, content_length=content_length)


def _head(
    target: bytes, lines: list[bytes], origin: Origin, *, own: OwnHeaders, request_id: bytes, content_length: int
) -> bytes:
    return b"POST %b%b HTTP/1.1\r\nHost: %b\r\n%b%b%b: %b\r\n%b: 1\r\nContent-Length: %d\r\n\r\n" % (
        origin.base_path,
        target,
        origin.authority,
        b"".join(lines),
        own.lines,
        REQUEST_ID,
        request_id,
        MARKER,
        content_length,
    )


def harmless_target(target: bytes) -> bytes:
    """Path and query without keys: of the query only known harmless parameters stay, by name and form."""
    path, mark, query = target.partition(b"?")
    if not mark:
        return path
    kept = [part for part in query.split(b"&") if _HARMLESS.fullmatch(part)]
    return path + b"?" + b"&".join(kept) if kept else path
