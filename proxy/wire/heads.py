"""HTTP heads: which headers travel on, and the bytes of a head.

Names keep the case in which they came. Hop-by-hop headers (RFC 9110 section 7.6.1) end here, framing is made anew.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes, bytes]]
"""(name as received, name in lower case, value), in order."""
Pairs = list[tuple[bytes, bytes]]
"""(name in lower case, value)."""

OPT_OUT: Final = b"x-shadowbench-sample"
"""`never` keeps a request from being copied; not forwarded."""
REQUEST_ID: Final = b"x-shadowbench-request-id"
"""On every copy, and on answers where `listen.send_request_id` says so."""
MARKER: Final = b"x-shadowbench-mirror"
"""On every copy; a request that bears it is never copied again."""

WEBSOCKET: Final = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
"""Of both heads of a handshake; the headers that say the same end here, as hop-by-hop headers do."""

CLAIMS: Final = frozenset(
    {
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)
"""What a client, or a balancer before us, says of where a request comes from."""
_NOT_BY_CONNECTION: Final = CLAIMS | {b"authorization", b"close", b"cookie", b"host", b"keep-alive", b""}
"""What a Connection header cannot take away: whoever may name these there may choose who the upstream thinks it
speaks with. RFC 9110 section 7.6.1 forbids naming what is meant for all recipients."""
_ABOUT_ITSELF: Final = frozenset({b"keep-alive", b"Keep-Alive", b"close"})
"""What a Connection header says as a rule: it names no other."""
_NONE: Final[frozenset[bytes]] = frozenset()
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    }
)
NOT_TO_PRIMARY: Final = _HOP_BY_HOP | {b"host", b"content-length", OPT_OUT}
"""Names (lower case) that no upstream gets from the client."""
_NOT_TO_CLIENT: Final = _HOP_BY_HOP | {b"content-length", REQUEST_ID}
"""An upstream's request id is not ours: feedback sent with it would be joined to nothing, or to another's pair."""

_KEPT_OF_REQUEST: Final = frozenset({b"accept", b"content-encoding", b"content-type", b"user-agent"})
_KEPT_OF_RESPONSE: Final = frozenset(
    {
        b"age",
        b"cf-cache-status",
        b"content-encoding",
        b"content-type",
        b"helicone-cache",
        b"openai-processing-ms",
        b"request-id",
        b"retry-after",
        b"x-cache",
        b"x-envoy-upstream-service-time",
        b"x-litellm-cache-hit",
        b"x-litellm-cache-key",
        b"x-litellm-model-id",
        b"x-portkey-cache-status",
        b"x-request-id",
    }
)


@dataclass(frozen=True, slots=True)
class Origin:
    """An upstream's address, taken apart once."""

    host: str
    port: int
    tls: bool
    base_path: bytes
    """Put before the client's path; without a slash at its end."""
    authority: bytes
    """Value of the Host header."""

    @classmethod
    def parse(cls, url: str) -> "Origin":
        """From a checked address of the configuration."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (443 if tls else 80),
            tls=tls,
            base_path=parts.path.rstrip("/").encode(),
            authority=parts.netloc.encode(),
        )


def _spellings(names: str) -> dict[bytes, tuple[bytes, bytes]]:
    known = {}
    for name in names.split():
        low = name.lower().encode()
        for spelling in (low, name.encode()):
            known[spelling] = (spelling, low)
    return known


KNOWN_NAMES: Final = _spellings(
    "Accept Accept-Encoding Accept-Language Access-Control-Expose-Headers Alt-Svc Authorization Cache-Control"
    " CF-Cache-Status CF-RAY Connection Content-Encoding Content-Length Content-Type Date Host Keep-Alive"
    " OpenAI-Organization OpenAI-Processing-Ms OpenAI-Version Request-Id Server Set-Cookie Strict-Transport-Security"
    " Traceparent Transfer-Encoding User-Agent Vary Via X-Content-Type-Options X-Forwarded-For X-Forwarded-Proto"
    " X-Request-Id X-Stainless-Arch X-Stainless-Async X-Stainless-Lang X-Stainless-OS X-Stainless-Package-Version"
    " X-Stainless-Retry-Count X-Stainless-Runtime X-Stainless-Runtime-Version"
)
"""Names that come again and again, as received -> (as received, in lower case): one object each for all messages."""


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for _, low, value in headers:
        if low == name:
            return value
    return None


def named_by_connection(headers: Headers) -> frozenset[bytes]:
    """Header names (lower case) that a Connection header declares hop-by-hop."""
    for _, low, value in headers:
        if low == b"connection" and value not in _ABOUT_ITSELF:
            return _named_by_connection(headers)
    return _NONE


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named: set[bytes] = set()
    for _, low, value in headers:
        if low == b"connection":
            named.update([token.strip().lower() for token in value.split(b",")])
    return frozenset(named - _NOT_BY_CONNECTION)


def says_websocket(headers: Headers) -> bool:
    """Does an Upgrade header name it?"""
    return any(
        token.strip().lower() == b"websocket"
        for _, low, value in headers
        if low == b"upgrade"
        for token in value.split(b",")
    )


def is_chunked(value: bytes, version: str) -> bool:
    """Is this a Transfer-Encoding that we can undo and make anew?"""
    return value.strip(b" \t").lower() == b"chunked" and version == "1.1"


def forwarded(headers: Headers, left_out: frozenset[bytes]) -> list[bytes]:
    """Header lines that travel on, as pieces to be joined."""
    own = named_by_connection(headers)
    skip = left_out | own if own else left_out
    return [b"%b: %b\r\n" % (name, value) for name, low, value in headers if low not in skip]


def request_to_primary(
    method: bytes, target: bytes, lines: bytes, origin: Origin, *, content_length: int | None, chunked: bool
) -> bytes:
    """The head of the primary leg: the client's, with our framing and the upstream's authority.

    `lines`: the headers that travel on, each with its CRLF.
    """
    framing = b""
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n"
    elif content_length is not None:
        framing = b"Content-Length: %d\r\n" % content_length
    return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b%b\r\n" % (
        method,
        origin.base_path,
        target,
        origin.authority,
        lines,
        framing,
    )


def response_to_client(status: int, reason: bytes, headers: Headers, *, framing: bytes, extra: bytes = b"") -> bytes:
    """The head of the answer: the upstream's, with our framing.

    Args:
        status: 100 to 999.
        reason: the upstream's own words, possibly none.
        headers: as the upstream sent them.
        framing: Content-Length, Transfer-Encoding and Connection lines, each with its CRLF.
        extra: further header lines.
    """
    lines = forwarded(headers, _NOT_TO_CLIENT)
    return b"HTTP/1.1 %d %b\r\n%b%b%b\r\n" % (status, reason, b"".join(lines), extra, framing)


def kept_of_request(headers: Headers) -> Pairs:
    """What the capture log may hold of a request's headers."""
    return [(low, value) for _, low, value in headers if low in _KEPT_OF_REQUEST]


def kept_of_response(headers: Headers) -> Pairs:
    """What the capture log may hold of a response's headers."""
    return [(low, value) for _, low, value in headers if low in _KEPT_OF_RESPONSE]
