"""Trailers: fields behind a chunked body (RFC 9110 section 6.5). They travel on as trailers and never become headers.

The `Trailer` header that announces them travels as it came: it is end-to-end, and only a hint. Where either side has
no chunked framing there is nowhere to put them, and they end here, as the section allows.
"""

from typing import Final

from proxy.wire.heads import CLAIMS, MARKER, OPT_OUT, REQUEST_ID, Headers, named_by_connection

TE: Final = b"te"
ACCEPTED: Final = b"TE: trailers\r\nConnection: TE\r\n"
"""To the upstream, in our own name, where the client said the same to us (RFC 9110 section 10.1.4)."""

_FORBIDDEN: Final = CLAIMS | frozenset(
    {
        # Where a message goes and where it ends.
        b"connection", b"content-length", b"expect", b"host", b"keep-alive", b"max-forwards", b"proxy-connection",
        b"te", b"trailer", b"transfer-encoding", b"upgrade",
        # Who asks.
        b"authorization", b"cookie", b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization",
        b"set-cookie", b"www-authenticate",
        # What the body is, and for whom it is kept.
        b"age", b"cache-control", b"content-encoding", b"content-range", b"content-type", b"date", b"expires",
        b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"location",
        b"pragma", b"range", b"retry-after", b"vary", b"warning",
        MARKER, OPT_OUT, REQUEST_ID,
    }
)  # fmt: skip
"""A receiver that merges trailers into the head, as some do, would be told these behind our back."""


def trailer_lines(trailers: Headers, headers: Headers) -> bytes:
    """The trailer section that travels on, without the blank line behind it.

    Args:
        trailers: as received.
        headers: of the same message; what its Connection header names ends here in the trailers, too.
    """
    skip = _FORBIDDEN | named_by_connection(headers)
    return b"".join([b"%b: %b\r\n" % (name, value) for name, low, value in trailers if low not in skip])


def accepts_trailers(headers: Headers) -> bool:
    """Does the sender say that it reads trailers?"""
    return any(
        token.strip().lower() == b"trailers" for _, low, value in headers if low == TE for token in value.split(b",")
    )
