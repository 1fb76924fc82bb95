"""A client's request: its head, and whether it can be forwarded."""

from typing import Final

from proxy.wire.heads import CLAIMS, Headers, is_chunked, says_websocket

_NOTED: Final = CLAIMS | {b"content-length", b"host", b"transfer-encoding"}
_HOST_BYTES: Final = (
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    b"-._~"  # unreserved
    b"!$&'()*+;="  # sub-delims without the comma, which would make two of one
    b"%:[]"
)
"""What a Host may hold (RFC 3986 section 3.2)."""
_ENDS_OF_AUTHORITY: Final = b"/?#"


class Request:
    """Head of a client's request, looked through once."""

    __slots__ = (
        "chunked", "content_length", "fault", "has_claims", "headers", "host", "keep_alive", "method", "target",
        "version",
    )  # fmt: skip

    def __init__(self, method: bytes, target: bytes, version: str, headers: Headers, *, keep_alive: bool) -> None:
        """`target` in origin form, in absolute form, or `*`."""
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.keep_alive = keep_alive
        self.content_length: int | None = None
        self.chunked = False
        self.host: bytes | None = None
        self.has_claims = False
        """Says something of where it comes from."""
        self.fault: str | None = None
        """Why it cannot be forwarded although it can be read; None when it can."""
        self._look()
        if not target.startswith(b"/"):
            self._bring_to_origin_form()

    def _look(self) -> None:
        """Two Host headers, or none (RFC 9112 section 3.2), and transfer codings that would be lost on the way or
        that two readers may take differently (section 6.1), are faults.
        """
        hosts = 0
        for _, low, value in self.headers:
            if low not in _NOTED:
                continue
            if low == b"host":
                hosts += 1
                self.host = value.strip(b" \t")
            elif low == b"content-length":
                self.content_length = int(value)
            elif low == b"transfer-encoding":
                if self.chunked or not is_chunked(value, self.version):
                    self.fault = "Transfer-Encoding may only be chunked, once, and only in HTTP/1.1."
                self.chunked = True
            else:
                self.has_claims = True
        if self.version not in {"1.0", "1.1"}:
            self.fault = "The protocol must be HTTP/1.1."
        elif hosts > 1 or (hosts == 0 and self.version != "1.0"):
            self.fault = "There must be exactly one Host header."
        elif self.host is not None and self.host.translate(None, _HOST_BYTES):
            self.fault = "The Host header must be a name or an address."

    def _bring_to_origin_form(self) -> None:
        """What is asked for by a whole address is its path, and its authority is the host (RFC 9112 section 3.2.2)."""
        target = self.target
        if target == b"*" and self.method == b"OPTIONS":
            return
        scheme, mark, rest = target.partition(b"://")
        if not mark or scheme.lower() not in {b"http", b"https"}:
            self.fault = self.fault or "The request target must be a path."
            return
        end = next((at for at, byte in enumerate(rest) if byte in _ENDS_OF_AUTHORITY), len(rest))
        authority, path = rest[:end], rest[end:]
        if not authority or authority.translate(None, _HOST_BYTES):
            self.fault = self.fault or "The request target must be a path."
            return
        self.target = path if path.startswith(b"/") else b"/" + path
        if self.host is not None:
            self.host = authority

    def asks_for_websocket(self) -> bool:
        """Is it the opening handshake of a WebSocket (RFC 6455 section 4.1)? Connection was looked at by the parser."""
        if self.method != b"GET" or self.version != "1.1" or self.chunked or self.content_length:
            return False
        return says_websocket(self.headers)
