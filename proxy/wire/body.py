"""A response body as it was kept -> stretches of decoded bytes that know which read brought them.

Offsets that leave this module are offsets in the body as received, so that a caller can look up a read's time
whether the body was compressed or not.
"""

import sys
import zlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import brotli

from proxy.wire.errors import WireError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_DECODED_BYTES = 64 * 2**20
"""A body that unpacks to more is not read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One leg's answer as bytes."""

    status: int | None
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""
    head: bytes
    """The body from its first byte: all of it, unless something was left out."""
    tail: bytes = b""
    """What was kept behind the gap; empty without one."""
    gap_bytes: int = 0
    ends: Sequence[int] = ()
    """Offset in the body just behind each read, ascending."""

    def header(self, name: bytes) -> bytes:
        """First value of a header; empty when there is none."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""


class UnknownEncoding(WireError):  # noqa: N818 - a kind of WireError, named after what it says
    """A content encoding that we cannot undo: the answer may be sound, but its text stays unknown."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Decoded bytes without a gap."""

    data: bytes
    start: int
    """Offset of the first byte in the body; used when nothing had to be decoded."""
    decoded_ends: Sequence[int] | None = None
    """Offset in `data` behind each read; None when nothing had to be decoded."""
    read_ends: Sequence[int] = ()

    def received_at(self, offset: int) -> int:
        """Offset in `data` -> offset in the body as received (for compressed bodies: the end of that read)."""
        if self.decoded_ends is None:
            return self.start + offset
        index = bisect_left(self.decoded_ends, offset)
        return self.read_ends[min(index, len(self.read_ends) - 1)]


def stretches(reply: Reply, *, max_bytes: int = MAX_DECODED_BYTES) -> tuple[Stretch, ...]:
    """One stretch, or two with a gap between them. A compressed body cannot be read behind a gap.

    Raises:
        UnknownEncoding: encoded in a way that we cannot undo.
        WireError: damaged compression, or more than `max_bytes` unpacked.
    """
    encoding = reply.header(b"content-encoding").strip().lower()
    if encoding in {b"", b"identity"}:
        first = Stretch(reply.head, 0)
        if not reply.gap_bytes:
            return (first,)
        return first, Stretch(reply.tail, len(reply.head) + reply.gap_bytes)
    return (_unpacked(reply, encoding, max_bytes),)


def unpacked(data: bytes, encoding: bytes, *, max_bytes: int = MAX_DECODED_BYTES) -> bytes:
    """A whole body, decoded; `encoding` is the value of its Content-Encoding header.

    Raises:
        UnknownEncoding, WireError: as for `stretches`.
    """
    return stretches(Reply(None, [(b"content-encoding", encoding)], data), max_bytes=max_bytes)[0].data


_Step = Callable[[bytes, int], bytes]
"""(compressed piece, most bytes wanted) -> decoded bytes."""


def _unpacked(reply: Reply, encoding: bytes, max_bytes: int) -> Stretch:
    step = _decoder(encoding, reply.head)
    read_ends = [end for end in reply.ends if end < len(reply.head)] + [len(reply.head)]
    pieces: list[bytes] = []
    decoded_ends: list[int] = []
    start = total = 0
    for end in read_ends:
        piece = step(reply.head[start:end], max_bytes - total + 1)
        pieces.append(piece)
        total += len(piece)
        if total > max_bytes:
            raise WireError(f"unpacks to more than {max_bytes} bytes")
        decoded_ends.append(total)
        start = end
    return Stretch(b"".join(pieces), 0, decoded_ends, read_ends)


def _decoder(encoding: bytes, data: bytes) -> _Step:
    if encoding in {b"gzip", b"x-gzip"}:
        return _zlib_step(16 + zlib.MAX_WBITS)
    if encoding == b"deflate":
        # RFC 9110 means zlib; some servers send the raw format. A zlib header is a multiple of 31 (RFC 1950).
        is_zlib = len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return _zlib_step(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
    if encoding == b"zstd":
        return _zstd_step()
    if encoding == b"br":
        return _brotli_step()
    raise UnknownEncoding("content encoding that is not gzip, deflate, br or zstd")


def _zlib_step(window_bits: int) -> _Step:
    decoder = zlib.decompressobj(window_bits)

    def step(piece: bytes, most: int) -> bytes:
        try:
            return decoder.decompress(piece, most)
        except zlib.error:
            raise WireError("damaged compression") from None

    return step


def _zstd_step() -> _Step:
    decoder = zstd.ZstdDecompressor()

    def step(piece: bytes, most: int) -> bytes:
        if decoder.eof:
            return b""
        try:
            return decoder.decompress(piece, most)
        except zstd.ZstdError:
            raise WireError("damaged compression") from None

    return step


def _brotli_step() -> _Step:
    decoder = brotli.Decompressor()

    def step(piece: bytes, most: int) -> bytes:
        pieces: list[bytes] = []
        while most > 0 and not decoder.is_finished():
            try:
                decoded: bytes = decoder.process(piece, output_buffer_limit=most)
            except brotli.error:
                raise WireError("damaged compression") from None
            if not decoded:
                break
            pieces.append(decoded)
            piece, most = b"", most - len(decoded)  # what it holds back comes without more input
        return b"".join(pieces)

    return step
