"""A client's bytes, cut into requests: httptools (llhttp) reads them, and what it leaves unbounded is bounded here.

Three things it cannot do: it stops for an `Upgrade` and skips the request's body; it reads on through a pipeline
however long; it takes chunk extensions and trailers without end.
"""

from typing import Final

import httptools

from proxy.serve.request import Request
from proxy.wire.heads import KNOWN_NAMES, Headers

_SLICE_BYTES: Final = 16 * 2**10
"""A larger read is parsed in slices, so that a pipeline of tiny requests becomes no thousand objects at once."""
_GIVEN_AWAY: Final[Headers] = []
"""The request has them now; nothing is added here."""
_FRAMING_PER_BYTE: Final = 16
"""Bytes of chunk framing that one byte of a body may cost; a chunk of one byte needs five."""


class RequestReader:
    """Parser callbacks and their bounds. A subclass acts on requests, by the methods of `What a subclass says`."""

    __slots__ = (
        "_begun",
        "_body_left",
        "_framing_bytes",
        "_head_bytes",
        "_headers",
        "_in_head",
        "_knows_length",
        "_max_body_bytes",
        "_max_header_bytes",
        "_parser",
        "_target",
        "_unread",
        "_unread_at",
    )  # fmt: skip

    def __init__(self, max_header_bytes: int, max_body_bytes: int) -> None:
        self.limit(max_header_bytes, max_body_bytes)
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: Headers = []
        self._in_head = True
        """Between the end of one request and the end of the next one's head."""
        self._begun = False
        """A part of a head is there."""
        self._head_bytes = 0
        self._knows_length = False
        self._body_left = 0
        """Bytes that the body may still have."""
        self._framing_bytes = 0
        """Of chunk framing, extensions and trailers, beyond what the body's bytes justify."""
        self._unread = b""
        """Waits until requests before it are answered; bounded by one read, because reading pauses meanwhile."""
        self._unread_at = 0

    # What a subclass says.

    def has_room(self) -> bool:
        """May more requests be read now?"""
        raise NotImplementedError

    def request_began(self, request: Request) -> None:
        """A head is complete and in order."""
        raise NotImplementedError

    def body_arrived(self, data: bytes) -> None:
        """A stretch of the body."""
        raise NotImplementedError

    def trailer_arrived(self, name: bytes, low: bytes, value: bytes) -> None:
        """A field behind the body."""
        raise NotImplementedError

    def request_ended(self) -> None:
        """The request is complete."""
        raise NotImplementedError

    def upgrade_asked(self, rest: bytes) -> None:
        """The parser has stopped behind a head that asks for another protocol; `rest` follows it."""
        raise NotImplementedError

    def refused(self, reason: str, status: int, message: str) -> None:
        """It cannot be read on. `reason`: one of `proxy.figures.REFUSALS`."""
        raise NotImplementedError

    def failed(self, error: BaseException) -> None:
        """One of our own methods failed, not what the client sent."""
        raise NotImplementedError

    # What a subclass does.

    def limit(self, max_header_bytes: int, max_body_bytes: int) -> None:
        """Bounds of a request."""
        self._max_header_bytes = max_header_bytes
        self._max_body_bytes = max_body_bytes

    def feed(self, data: bytes) -> None:
        """Reads on."""
        if len(data) <= _SLICE_BYTES and not self._unread:
            self._parse(data)
            return
        self._unread = self._unread[self._unread_at :] + data if self._unread else data
        self._unread_at = 0
        self.feed_unread()

    def feed_unread(self) -> None:
        """Reads what was left, as far as there is room."""
        while self._unread and self.has_room():
            data, at = self._unread, self._unread_at
            size = self._slice(data, at)
            if at + size >= len(data):
                self._unread = b""
                self._unread_at = 0
            else:
                self._unread_at = at + size
            self._parse(memoryview(data)[at : at + size])

    def take_unread(self) -> bytes:
        """What was not parsed; it is the caller's now."""
        data = self._unread[self._unread_at :]
        self._unread = b""
        self._unread_at = 0
        return data

    def put_back(self, rest: bytes) -> None:
        """What stands before everything unread."""
        self._unread = rest + self.take_unread()

    def start_over(self) -> None:
        """A request begins with the next byte."""
        self._parser = httptools.HttpRequestParser(self)
        self._in_head = True
        self._begun = False
        self._head_bytes = 0

    def reopen(self, request: Request, rest: bytes) -> None:
        """Reads the body that the parser skipped for an `Upgrade`.

        A fresh parser is told the head as it would be without its upgrade headers.
        """
        self._in_head = False
        framing = b"Transfer-Encoding: chunked\r\n" if request.chunked else b""
        if request.content_length is not None:
            framing = b"Content-Length: %d\r\n" % request.content_length
        self._parser = httptools.HttpRequestParser(_WithoutHead(self))
        self._feed_parser(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
        if rest:
            self._feed_parser(rest)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._target = b""
        self._headers = []
        self._in_head = True
        self._begun = True

    def on_url(self, target: bytes) -> None:
        """A stretch of the request target."""
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; behind the head, a trailer."""
        known = KNOWN_NAMES.get(name)
        low = name.lower() if known is None else known[1]
        if self._in_head:
            self._headers.append((name if known is None else known[0], low, value))
        else:
            self.trailer_arrived(name, low, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head = False
        self._begun = False
        # What came of it in a slice with the end of another request was not counted.
        at_most = self._head_bytes + _SLICE_BYTES
        if at_most > self._max_header_bytes and self._exact_head_bytes() > self._max_header_bytes:
            self._refuse_head()
            return
        self._head_bytes = 0
        self._framing_bytes = 0
        parser = self._parser
        request = Request(
            parser.get_method(),
            self._target,
            parser.get_http_version(),
            self._headers,
            keep_alive=parser.should_keep_alive(),
        )
        self._headers = _GIVEN_AWAY
        length = request.content_length
        if request.fault is not None:
            self.refused("bad_request", 400, request.fault)
        elif length is not None and length > self._max_body_bytes:
            self._refuse_body()
        else:
            self._knows_length = length is not None
            self._body_left = self._max_body_bytes if length is None else length
            self.request_began(request)

    def on_body(self, data: bytes) -> None:
        """A stretch of the body."""
        self._body_left -= len(data)
        if self._body_left < 0:
            self._refuse_body()
        else:
            self.body_arrived(data)

    def on_message_complete(self) -> None:
        """The request's last byte."""
        self._in_head = True
        self.request_ended()

    # Inside.

    def _slice(self, data: bytes, at: int) -> int:
        """How much to parse at once: a head and no more, or as much of a body as is known to follow."""
        if self._in_head:
            end = data.find(b"\r\n\r\n", at, at + _SLICE_BYTES)
            return _SLICE_BYTES if end < 0 else end + 4 - at
        return max(1, self._body_left) if self._knows_length else _SLICE_BYTES

    def _parse(self, data: bytes | memoryview) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            self._feed_parser(data)
            if self._head_bytes > self._max_header_bytes:  # 0 behind a whole head
                self._refuse_head()
            return
        left = self._body_left
        self._feed_parser(data)
        if not self._in_head:
            payload = left - self._body_left
            surplus = self._framing_bytes + len(data) - payload * (1 + _FRAMING_PER_BYTE)
            self._framing_bytes = max(0, surplus)
            if surplus > self._max_header_bytes:
                self.refused(
                    "head_too_large",
                    431,
                    f"Chunk extensions or trailers are longer than {self._max_header_bytes} bytes.",
                )

    def _feed_parser(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade_asked(bytes(data[upgrade.args[0] :]))
        except httptools.HttpParserCallbackError as error:
            self.failed(error.__context__ or error)
        except httptools.HttpParserError:
            self.refused("bad_request", 400, "This is not a well-formed HTTP/1.1 request.")

    def _exact_head_bytes(self) -> int:
        """Only asked for when bytes around the head may have been counted, too."""
        return len(self._target) + sum(len(name) + len(value) + 3 for name, _, value in self._headers)

    def _refuse_head(self) -> None:
        self.refused("head_too_large", 431, f"The head is longer than {self._max_header_bytes} bytes.")

    def _refuse_body(self) -> None:
        self.refused("body_too_large", 413, f"The body is longer than {self._max_body_bytes} bytes.")


class _WithoutHead:
    """Parser callbacks that leave out the first head: it was read already."""

    def __init__(self, reader: RequestReader) -> None:
        self._reader = reader
        self._in_first_head = True
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        if not self._in_first_head:
            self._reader.on_message_begin()

    def on_url(self, target: bytes) -> None:
        if not self._in_first_head:
            self._reader.on_url(target)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_first_head:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._in_first_head:
            self._reader.on_headers_complete()
        self._in_first_head = False
