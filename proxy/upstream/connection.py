"""One connection to an upstream: writes a request, frames the response.

httptools (llhttp) reads the bytes. Three things it cannot do are done here: a response to HEAD has no body whatever its
head says; a body that ends with the connection ends there; a connection on which anything unasked arrives is never
used again.
"""

import asyncio
import time
from typing import Protocol, cast

import httptools

from proxy.wire.heads import Headers, is_chunked

MAX_HEAD_BYTES = 256 * 2**10
"""Largest response head that is read; servers send a few KiB at most."""
_BLANK = b"\r\n"
_REASON_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""What a reason phrase may hold (RFC 9112 section 4); llhttp lets anything pass."""


class Exchange(Protocol):
    """Who asked: hears of the response as it comes. No call may wait or raise."""

    def is_request_out(self) -> bool:
        """Has the whole request left? If not, the connection cannot carry another."""

    def response_head(self, response: "Response", now_ns: int) -> None:
        """Status and headers are complete (1xx heads are told too, before the final one)."""

    def response_data(self, data: bytes, now_ns: int) -> None:
        """A stretch of the body, transfer-decoded; one call per read."""

    def response_end(self, now_ns: int) -> None:
        """The response is complete."""

    def response_broken(self, reason: str, now_ns: int, *, seen_any: bool) -> None:
        """The connection failed first. `seen_any`: at least one byte of a response had come."""

    def request_blocked(self) -> None:
        """The upstream takes no more of the request for now."""

    def request_flowing(self, now_ns: int) -> None:
        """All that was written has left."""


class Response:
    """Head of a response."""

    __slots__ = ("chunked", "content_length", "headers", "keep_alive", "reason", "says_close", "status")

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.keep_alive = False
        """May the connection carry another exchange? False, too, when the body ends with the connection."""
        self.headers: Headers = []
        self.content_length: int | None = None
        self.chunked = False
        self.says_close = False


class UpstreamConnection:
    """Carries one exchange at a time. A protocol by its methods: compiled classes inherit from no other kind."""

    __slots__ = (
        "_body",
        "_complete",
        "_exchange",
        "_head_bytes",
        "_head_done",
        "_head_request",
        "_owner",
        "_parser",
        "_paused",
        "_response",
        "_reusable",
        "_seen_any", "_unreadable", "_window",
        "idle_since_ns",
        "transport",
        "used",
    )  # fmt: skip

    def __init__(self, owner: "ConnectionOwner") -> None:
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._response = Response()
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._head_done = False
        self._head_request = False
        self._complete = False
        self._reusable = True
        self._unreadable = ""
        self._window = b""
        """Last bytes of the reads before, while an answer to HEAD is read."""
        self._seen_any = False
        self._paused = False
        self.idle_since_ns = 0
        self.used = 0
        """Exchanges carried so far."""
        self.transport: asyncio.Transport | None = None

    # What an exchange does.

    def carry(self, exchange: Exchange, *, head_request: bool) -> None:
        """Begins an exchange; then `write` its request."""
        self._exchange = exchange
        self._head_request = head_request
        self._seen_any = False
        self._complete = False
        self._window = b""
        self.used += 1
        if self._paused:
            self.resume_reading()

    def write(self, data: bytes) -> bool:
        """Sends bytes of the request. True when all of them have left our buffer."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        transport.write(data)
        return transport.get_write_buffer_size() == 0

    def pause_reading(self) -> None:
        """Stops reading the response until `resume_reading`."""
        if self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Goes on reading."""
        self._paused = False
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def abandon(self) -> None:
        """Drops the exchange and the connection with it: what is still to come belongs to nobody."""
        self._exchange = None
        self._reusable = False
        if self.transport is not None:
            self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self.transport = made
        # With no buffer of its own a write leaves at once or tells us, which is what t0 is defined by.
        made.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        exchange = self._exchange
        if exchange is None:
            self._desynchronised()
            return
        if not self._seen_any and data[0] in _BLANK:
            self._fail("a blank line before the response", now_ns)  # the rest of an earlier one, perhaps
            return
        self._seen_any = True
        if not self._head_done:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and b"\r\n\r\n" not in data:
                self._fail("response head too large", now_ns)
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("unasked protocol upgrade", now_ns)
            return
        except httptools.HttpParserCallbackError as error:
            self._owner.fault(error.__context__ or error)
            self._fail("internal fault", now_ns)
            return
        except httptools.HttpParserError as error:
            if not self._complete:
                self._fail(f"not HTTP: {error}", now_ns)
                return
            self._reusable = False
        if self._head_request:
            self._note_surplus(data)
        if self._unreadable:
            self._fail(self._unreadable, now_ns)
        elif self._exchange is exchange:
            self._deliver(exchange, now_ns)

    def _note_surplus(self, data: bytes) -> None:
        """Nothing may follow the head of an answer to HEAD; the parser would take it for the body."""
        window = self._window + data
        end = window.find(b"\r\n\r\n")
        if end >= 0 and end + 4 != len(window):
            self._reusable = False
        self._window = window[-3:]

    def _deliver(self, exchange: Exchange, now_ns: int) -> None:
        if self._body:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body.clear()
            exchange.response_data(body, now_ns)
        if self._complete and self._exchange is exchange:
            self._finish(exchange, now_ns)

    def _finish(self, exchange: Exchange, now_ns: int) -> None:
        self._exchange = None
        keep = self._reusable and self._response.keep_alive and exchange.is_request_out()
        if self._head_request:
            # The parser waits for a body that does not come; a fresh one reads the next response.
            self._parser = httptools.HttpResponseParser(self)
        self._head_done = False
        self._head_bytes = 0
        if keep:
            self.idle_since_ns = now_ns
            self._owner.idle(self)
        elif self.transport is not None:
            self.transport.close()
        exchange.response_end(now_ns)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        now_ns = time.monotonic_ns()
        self._owner.lost(self)
        exchange = self._exchange
        if exchange is None:
            return
        if self._head_done and self._until_close() and exc is None:
            self._complete = True
            self._reusable = False
            self._deliver(exchange, now_ns)
            return
        self._exchange = None
        exchange.response_broken(str(exc or "connection closed"), now_ns, seen_any=self._seen_any)

    def _until_close(self) -> bool:
        return not self._response.chunked and self._response.content_length is None

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.request_blocked()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.request_flowing(time.monotonic_ns())

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._complete:
            self._reusable = False  # a response nobody asked for
        else:
            self._response = Response()

    def on_status(self, reason: bytes) -> None:
        if not self._complete:
            self._response.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer, or of a response that nobody asked for
        low = name.lower()
        response = self._response
        response.headers.append((name, low, value))
        if low == b"content-length":
            response.content_length = int(value)
        elif low == b"connection" and b"close" in value.lower():
            response.says_close = True
        elif low == b"transfer-encoding":
            if response.chunked or not is_chunked(value, self._parser.get_http_version()):
                self._unreadable = "a transfer coding other than chunked"
            response.chunked = True

    def on_headers_complete(self) -> None:
        if self._complete or self._unreadable:
            return
        response = self._response
        response.status = self._parser.get_status_code()
        response.keep_alive = self._parser.should_keep_alive() and not response.says_close
        if response.status < 200 and (response.chunked or response.content_length is not None):
            self._unreadable = "an interim response with a body"
        if response.reason.translate(None, _REASON_BYTES):
            self._unreadable = "control characters in the reason phrase"
        if self._unreadable:
            return
        exchange = self._exchange
        if exchange is None:
            return
        if response.status >= 200:
            self._head_done = True
            if self._head_request:
                self._complete = True
        exchange.response_head(response, time.monotonic_ns())

    def on_body(self, data: bytes) -> None:
        if self._complete:
            self._reusable = False
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._response.status >= 200:
            self._complete = True

    # Failures.

    def _fail(self, reason: str, now_ns: int) -> None:
        exchange, self._exchange = self._exchange, None
        self._reusable = False
        if self.transport is not None:
            self.transport.abort()
        if exchange is not None:
            self._body.clear()
            exchange.response_broken(reason, now_ns, seen_any=True)

    def _desynchronised(self) -> None:
        """Bytes arrived on an idle connection: whatever they are, the next response could not be trusted."""
        self._reusable = False
        if self.transport is not None:
            self.transport.abort()


class ConnectionOwner(Protocol):
    """The pool, as a connection sees it."""

    def idle(self, connection: UpstreamConnection) -> None:
        """The connection is free for another exchange."""

    def lost(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""

    def fault(self, error: BaseException) -> None:
        """Our own code failed while it read a response."""
