"""X-Forwarded-*: what the primary is told of where a request came from."""

from typing import Final, Literal

from proxy.wire.heads import CLAIMS, NOT_TO_PRIMARY, Headers, named_by_connection
from proxy.wire.trailers import ACCEPTED, TE, accepts_trailers

Mode = Literal["append", "replace", "keep"]

_FOR: Final = b"x-forwarded-for"
_UNTRUSTED: Final = NOT_TO_PRIMARY | CLAIMS
_WITHOUT_FOR: Final = NOT_TO_PRIMARY | {_FOR}


class Forwarding:
    """What one client's connection adds to the heads of its requests.

    - `append`: its address behind what X-Forwarded-For says already, in one line, because some readers take only the
      first; -Proto and -Host where nobody said them yet.
    - `replace`: nothing that the client says of its origin is believed, `Forwarded` and `X-Real-IP` included.
    - `keep`: headers pass as they come.

    The lines are made once per connection and Host; a request costs one comparison.
    """

    __slots__ = ("_for", "_host", "_lines", "_mode", "_proto")

    def __init__(self, mode: Mode, address: str, *, tls: bool) -> None:
        self._mode = mode
        self._for = plain_address(address).encode()
        self._proto = b"https" if tls else b"http"
        self._host: bytes | None = None
        self._lines = self._made(None)

    def lines(self, headers: Headers, host: bytes | None, *, has_claims: bool) -> bytes:
        """All header lines that travel to the primary, each with its CRLF.

        Args:
            headers: the client's.
            host: what it calls us; None when it does not say.
            has_claims: there is at least one of `CLAIMS` among the headers.
        """
        left_out = NOT_TO_PRIMARY
        own = b""
        if self._mode != "keep":
            if host != self._host:
                self._host, self._lines = host, self._made(host)
            own = self._lines
            if has_claims:
                if self._mode == "replace":
                    left_out = _UNTRUSTED
                else:
                    left_out, own = _WITHOUT_FOR, self._added(headers, host)
        named = named_by_connection(headers)
        skip = left_out | named if named else left_out
        lines = [b"%b: %b\r\n" % (name, value) for name, low, value in headers if low not in skip]
        lines.append(own)
        if TE in named and accepts_trailers(headers):
            lines.append(ACCEPTED)
        return b"".join(lines)

    def _made(self, host: bytes | None) -> bytes:
        line = b"X-Forwarded-For: %b\r\n" % self._for if self._for else b""
        line += b"X-Forwarded-Proto: %b\r\n" % self._proto
        return line + b"X-Forwarded-Host: %b\r\n" % host if host is not None else line

    def _added(self, headers: Headers, host: bytes | None) -> bytes:
        said = {low for _, low, _ in headers}
        hops = [value for _, low, value in headers if low == _FOR and value]
        if self._for:
            hops.append(self._for)
        lines = b"X-Forwarded-For: %b\r\n" % b", ".join(hops) if hops else b""
        if b"x-forwarded-proto" not in said:
            lines += b"X-Forwarded-Proto: %b\r\n" % self._proto
        if b"x-forwarded-host" not in said and host is not None:
            lines += b"X-Forwarded-Host: %b\r\n" % host
        return lines


def plain_address(address: str) -> str:
    """An address without its zone; IPv4 mapped into IPv6, as a socket for both shows it, as IPv4."""
    plain = address.partition("%")[0]
    mapped = plain[7:] if plain.lower().startswith("::ffff:") else ""
    return mapped if "." in mapped else plain
