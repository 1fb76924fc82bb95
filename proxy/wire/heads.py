"""HTTP heads: which headers travel on, and the bytes of a head.

Names keep the case in which they came. Hop-by-hop headers (RFC 9110 section 7.6.1) end here, framing is made anew.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes, bytes]]
"""(name as received, name in lower case, value), in order."""
Pairs = list[tuple[bytes, bytes]]
"""(name in lower case, value)."""

OPT_OUT = b"x-shadowbench-sample"
"""`never` keeps a request from being copied; not forwarded."""
REQUEST_ID = b"x-shadowbench-request-id"
MARKER = b"x-shadowbench-mirror"
"""On every copy; a request that bears it is never copied again."""

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_TO_PRIMARY = _HOP_BY_HOP | {b"host", b"content-length", OPT_OUT}
_NOT_TO_CLIENT = _HOP_BY_HOP | {b"content-length"}

_TO_CANDIDATE = frozenset(
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
_SAFE_QUERY_KEYS = frozenset({b"alt", b"api-version", b"beta"})

_KEPT_OF_REQUEST = frozenset({b"accept", b"content-encoding", b"content-type", b"user-agent"})
_KEPT_OF_RESPONSE = frozenset(
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

_ENDPOINTS = ("chat/completions",)


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


def endpoint_of(target: bytes) -> str | None:
    """The dialect's key when the request target is an inference call, by the end of its path."""
    path = target.partition(b"?")[0].rstrip(b"/")
    for endpoint in _ENDPOINTS:
        if path.endswith(b"/" + endpoint.encode()):
            return endpoint
    return None


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for _, low, value in headers:
        if low == name:
            return value
    return None


def named_by_connection(headers: Headers) -> frozenset[bytes]:
    """Header names (lower case) that a Connection header declares hop-by-hop."""
    named: set[bytes] = set()
    for _, low, value in headers:
        if low == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    named -= {b"close", b"keep-alive", b""}
    return frozenset(named)


def framing_fault(headers: Headers, version: str) -> str | None:
    """Why a request cannot be forwarded although it can be read; None when it can.

    Two Host headers, or none (RFC 9112 section 3.2), and transfer codings that would be lost on the way or that two
    readers may take differently (section 6.1).
    """
    if version not in {"1.0", "1.1"}:
        return "The protocol must be HTTP/1.1."
    hosts = codings = 0
    for _, low, value in headers:
        if low == b"host":
            hosts += 1
        elif low == b"transfer-encoding":
            codings += 1
            if codings > 1 or not is_chunked(value, version):
                return "Transfer-Encoding may only be chunked, once, and only in HTTP/1.1."
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        return "There must be exactly one Host header."
    return None


def is_chunked(value: bytes, version: str) -> bool:
    """Is this a Transfer-Encoding that we can undo and make anew?"""
    return value.strip(b" \t").lower() == b"chunked" and version == "1.1"


def forwarded(headers: Headers, left_out: frozenset[bytes]) -> list[bytes]:
    """Header lines that travel on, as pieces to be joined."""
    own = named_by_connection(headers)
    skip = left_out | own if own else left_out
    return [b"%b: %b\r\n" % (name, value) for name, low, value in headers if low not in skip]


def request_to_primary(
    method: bytes, target: bytes, headers: Headers, origin: Origin, *, content_length: int | None, chunked: bool
) -> bytes:
    """The head of the primary leg: the client's, with our framing and the upstream's authority."""
    lines = forwarded(headers, _NOT_TO_PRIMARY)
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
        b"".join(lines),
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


def request_to_candidate(
    target: bytes, headers: Headers, origin: Origin, *, own: Pairs, request_id: bytes, content_length: int
) -> bytes:
    """The head of a candidate leg: allow-listed headers only, never a credential of the client.

    Args:
        target: the client's path and query; the query keeps none but known harmless keys.
        headers: the client's.
        origin: where it goes.
        own: the candidate's configured headers, names in lower case; they replace the client's.
        request_id: text form of the request's id.
        content_length: bytes of the body.
    """
    replaced = {name for name, _ in own}
    lines = [
        b"%b: %b\r\n" % (name, value) for name, low, value in headers if low in _TO_CANDIDATE and low not in replaced
    ]
    lines.extend(b"%b: %b\r\n" % pair for pair in own)
    return b"POST %b%b HTTP/1.1\r\nHost: %b\r\n%b%b: %b\r\n%b: 1\r\nContent-Length: %d\r\n\r\n" % (
        origin.base_path,
        harmless_target(target),
        origin.authority,
        b"".join(lines),
        REQUEST_ID,
        request_id,
        MARKER,
        content_length,
    )


def request_to_control(
    target: bytes, headers: Headers, origin: Origin, *, own: Pairs, request_id: bytes, content_length: int
) -> bytes:
    """The head of the control leg: what the primary got, the client's credentials included."""
    lines = forwarded(headers, _NOT_TO_PRIMARY | {name for name, _ in own})
    lines.extend(b"%b: %b\r\n" % pair for pair in own)
    return b"POST %b%b HTTP/1.1\r\nHost: %b\r\n%b%b: %b\r\n%b: 1\r\nContent-Length: %d\r\n\r\n" % (
        origin.base_path,
        target,
        origin.authority,
        b"".join(lines),
        REQUEST_ID,
        request_id,
        MARKER,
        content_length,
    )


def harmless_target(target: bytes) -> bytes:
    """Path and query without keys: of the query only known harmless parameters stay."""
    path, mark, query = target.partition(b"?")
    if not mark:
        return path
    kept = [part for part in query.split(b"&") if part.partition(b"=")[0].lower() in _SAFE_QUERY_KEYS]
    return path + b"?" + b"&".join(kept) if kept else path


def kept_of_request(headers: Headers) -> Pairs:
    """What the capture log may hold of a request's headers."""
    return [(low, value) for _, low, value in headers if low in _KEPT_OF_REQUEST]


def kept_of_response(headers: Headers) -> Pairs:
    """What the capture log may hold of a response's headers."""
    return [(low, value) for _, low, value in headers if low in _KEPT_OF_RESPONSE]
