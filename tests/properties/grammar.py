"""Hostile HTTP: well-formed messages, and the ways in which parsers have been made to disagree about them."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

Piece = bytes
METHODS = (b"GET", b"POST", b"POST", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"get", b"P OST", b"")
TARGETS = (b"/", b"/v1/chat/completions", b"/a?b=c", b"*", b"http://evil/x", b"//x", b"/a b", b"/%0d%0aX: 1", b"x", b"")
VERSIONS = (b"HTTP/1.1",) * 12 + (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b"")
LENGTHS = (
    b"%d",
    b"%d",
    b"%d",
    b"+%d",
    b"-%d",
    b"0%d",
    b"%d ",
    b" %d",
    b"%d, %d",
    b"0x%x",
    b"%d\t",
    b"%d;",
    b"%d\x0b",
    b"",
)
ENCODINGS = (
    b"chunked", b"chunked", b"chunked", b"Chunked", b"chunked ", b" chunked", b"xchunked", b"chunked, identity",
    b"gzip, chunked", b"identity", b"chunked\x0b", b"\tchunked", b"chunked,chunked", b'"chunked"', b"", b"chunked;q=1",
)  # fmt: skip
NAMES = (
    b"Content-Length", b"content-length", b"Content-Length ", b"Content_Length", b"Content-Length\t",
    b" Content-Length",
    b"Transfer-Encoding", b"transfer-encoding", b"Transfer-Encoding ", b"Transfer_Encoding", b"Transfer\x00-Encoding",
)  # fmt: skip
OTHERS = (
    b"X: y", b"X : y", b"X:y", b": y", b"X", b"X:\x00", b"X: a\rb", b"X: \xff", b"Connection: close",
    b"Connection: keep-alive", b"Connection: Content-Length", b"Expect: 100-continue", b"Upgrade: h2c", b" folded",
    b"Connection: Upgrade", b"Upgrade: websocket", b"Connection: Upgrade\r\nUpgrade: websocket",
    b"Connection: upgrade, X-Forwarded-For\r\nUpgrade: h2c, WebSocket", b"Connection: TE",
    b"Connection: TE\r\nTE: trailers", b"Connection: X-Forwarded-For, Host", b"X-Forwarded-Host: a, b",
    b"Forwarded: for=1", b"Host: other", b"TE: trailers", b"Trailer: X", b"Keep-Alive: 1", b"X-Forwarded-For: 1",
)  # fmt: skip
TRAILERS = (
    b"T: 1", b"T: 1", b"T: 1\r\nU: 2", b"T:", b"T : 1", b" folded", b"T: 1\r\n folded", b"T: \x00", b"T: a\rb",
    b"T: \xff", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: other", b"Connection: close",
    b"Authorization: x", b"X-Forwarded-For: 1", b"Upgrade: websocket", b"GET / HTTP/1.1",
)  # fmt: skip
NEWLINES = (b"\r\n",) * 40 + (b"\n", b"\r", b"\r\r\n", b"\n\r")
SIZES = (
    b"%x",
    b"%x",
    b"%x",
    b"%x",
    b"0%x",
    b"+%x",
    b"0x%x",
    b"%x ",
    b" %x",
    b"%x;a=b",
    b"%x;a\nb",
    b"%x;\r",
    b"-%x",
    b"",
)


def request(draw: random.Random) -> bytes:
    """One request, mostly well-formed, with a few things wrong."""
    newline = _newlines(draw, 0.03)
    start = b" ".join((_odd(draw, METHODS, 0.05), _odd(draw, TARGETS, 0.1), _odd(draw, VERSIONS, 0.08)))
    return _message(draw, start, newline, [b"Host: h"])


def response(draw: random.Random) -> bytes:
    """One response, mostly well-formed."""
    newline = _newlines(draw, 0.03)
    status = draw.choice(
        (b"200 OK", b"200", b"204 No Content", b"304 N", b"500 E", b"100 Continue", b"101 S", b"20 X", b"999 Z")
    )
    version = _odd(draw, VERSIONS, 0.08)
    return _message(draw, version + b" " + (status if draw.random() < 0.3 else b"200 OK"), newline, [])


def cuts(draw: random.Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces."""
    points = sorted(draw.randrange(len(data) + 1) for _ in range(draw.choice((0, 0, 0, 1, 2, 5)))) if data else []
    marks = [0, *points, len(data)]
    return [data[a:b] for a, b in pairwise(marks) if a < b]


def _message(draw: random.Random, start: bytes, newline: Callable[[], bytes], lines: list[bytes]) -> bytes:
    body = bytes(draw.choices(b"ab\r\n0G", k=draw.choice((0, 0, 1, 3, 17))))
    framing, payload = _framing(draw, body, newline)
    lines = [*lines, *framing]
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(OTHERS))
    head = start + newline() + b"".join(line + newline() for line in lines) + newline()
    message = head + payload
    if draw.random() < 0.03:
        at = draw.randrange(len(message))
        message = message[:at] + bytes([draw.randrange(256)]) + message[at + draw.choice((0, 1)) :]
    return message


def _framing(draw: random.Random, body: bytes, newline: Callable[[], bytes]) -> tuple[list[bytes], bytes]:
    kind = draw.random()
    if kind < 0.2:
        return [], b""
    if kind < 0.55:
        return [b"Content-Length: %d" % len(body)], body
    if kind < 0.85:
        return [b"Transfer-Encoding: chunked"], _chunked(draw, body, newline)
    lines = []
    for _ in range(draw.choice((1, 2, 2, 3))):
        name = draw.choice(NAMES)
        is_length = b"ength" in name
        value = _length(draw, len(body)) if is_length else draw.choice(ENCODINGS)
        lines.append(name + b":" + draw.choice((b" ", b"", b"  ", b"\t")) + value)
    return lines, draw.choice((body, _chunked(draw, body, newline)))


def _length(draw: random.Random, size: int) -> bytes:
    form = draw.choice(LENGTHS)
    number = size + draw.choice((0, 0, 0, 1, -1))
    count = form.count(b"%")
    return form % ((number,) * count) if count else form


def _chunked(draw: random.Random, body: bytes, newline: Callable[[], bytes]) -> bytes:
    out, at = b"", 0
    while at < len(body):
        size = draw.randint(1, len(body) - at)
        out += _size(draw, size) + newline() + body[at : at + size] + newline()
        at += size
    trailer = draw.choice(TRAILERS) + newline() if draw.random() < 0.15 else b""
    return out + b"0" + newline() + trailer + newline()


def _size(draw: random.Random, size: int) -> bytes:
    form = draw.choice(SIZES) if draw.random() < 0.1 else b"%x"
    return form % size if b"%" in form else form


def _newlines(draw: random.Random, odd: float) -> Callable[[], bytes]:
    return (lambda: draw.choice(NEWLINES)) if draw.random() < odd * 5 else (lambda: b"\r\n")


def _odd(draw: random.Random, choices: Sequence[bytes], share: float) -> bytes:
    return draw.choice(choices) if draw.random() < share * 3 else choices[1] if len(choices[1]) > 1 else choices[0]
