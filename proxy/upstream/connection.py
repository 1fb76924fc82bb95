"""One connection to an upstream: writes a request, frames the response.

httptools (llhttp) reads the bytes. Three things it cannot do are done here: a response to HEAD has no body whatever its
head says; a body that ends with the connection ends there; a connection on which anything unasked arrives is never
used again.
"""

import asyncio
import contextlib
import os
import select
from typing import Final, cast

import httptools

from proxy.clock import monotonic_ns
from proxy.upstream.budget import PausedReads, ReadBudget
from proxy.upstream.exchange import ConnectionOwner, Exchange, Response
from proxy.upstream.idle import usable_idle_ns
from proxy.upstream.reading import Reading
from proxy.upstream.words import in_words
from proxy.wire.heads import KNOWN_NAMES, is_chunked

MAX_HEAD_BYTES: Final = 256 * 2**10
"""Largest response head that is read, interim ones included; servers send a few KiB at most."""
MAX_TRAILER_BYTES: Final = 16 * 2**10
"""Largest trailer section that is kept and handed on; a larger one breaks the response."""
MAX_BARREN_BYTES: Final = 256 * 2**10
"""Most that may come between two stretches of a body: sizes and extensions of chunks, and the trailers."""
_LAST_WORDS_BYTES: Final = 256 * 2**10
"""Most that is read of an answer after our write failed."""
_NO_RESPONSE: Final = Response()
_BLANK: Final = b"\r\n"
_FRAMING: Final = frozenset({b"transfer-encoding", b"content-length"})
_USUAL_REASONS: Final = frozenset({b"", b"OK", b"Bad Request", b"Not Found", b"Too Many Requests"})
_REASON_BYTES: Final = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""What a reason phrase may hold (RFC 9112 section 4); llhttp lets anything pass."""


class UpstreamConnection:
    """Carries one exchange at a time. A protocol by its methods: compiled classes inherit from no other kind."""

    __slots__ = (
        "_barren", "_body", "_budget", "_complete", "_exchange", "_goodbye", "_head_bytes", "_head_done",
        "_head_request", "_is_tls", "_owner", "_parser", "_poll", "_read_ns", "_response", "_reusable", "_seen_any",
        "_trailer_bytes", "_tunnel", "_unreadable", "_upgrade", "_window", "idle_since_ns", "reading", "transport",
        "usable_idle_ns", "used",
    )  # fmt: skip

    def __init__(self, owner: ConnectionOwner, budget: ReadBudget | None = None) -> None:
        """`budget`: of reading; None has no limit."""
        self._owner = owner
        self._budget = budget or ReadBudget(2**61, 0.0, PausedReads())
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._response = _NO_RESPONSE
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._head_done = False
        self._head_request = False
        self._complete = False
        self._reusable = True
        self._unreadable = ""
        self._window = b""
        """Last bytes of the reads before, while an answer to HEAD is read."""
        self._read_ns = 0
        """When the last read was made."""
        self._seen_any = False
        self._barren = 0
        """Bytes since the last of a body."""
        self._trailer_bytes = 0
        self._upgrade = False
        self._tunnel = False
        """The protocol was changed: what comes is handed on as it is."""
        self._is_tls = False
        self._goodbye = False
        """The server has said that it sends no more."""
        self.reading = Reading()
        self._poll: select.poll | None = None
        self.idle_since_ns = 0
        self.usable_idle_ns = 0
        """How long it may be idle and still be used; known with its first response."""
        self.used = 0
        """Exchanges carried so far."""
        self.transport: asyncio.Transport | None = None

    # What an exchange does.

    def carry(self, exchange: Exchange, *, head_request: bool, upgrade: bool = False) -> None:
        """Begins an exchange; then `write` its request.

        `upgrade`: it asks for another protocol. After a 101, which is told as a head, `response_data` gets the bytes as
        they come, and `response_end` is the end of the connection.
        """
        self._exchange = exchange
        self._head_request = head_request
        self._upgrade = upgrade
        self._seen_any = False
        self._complete = False
        self._window = b""
        self.used += 1

    def write(self, data: bytes) -> bool:
        """Sends bytes of the request. True when all of them have left our buffer."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        transport.write(data)
        return transport.get_write_buffer_size() == 0 and not transport.is_closing()

    def took_nothing(self) -> bool:
        """After the first `write` of an exchange: did the system refuse it, so that no byte of it can have arrived?"""
        return self.transport is None or (not self._is_tls and self.transport.is_closing())

    def is_fresh(self) -> bool:
        """Just made: is it open, and has nothing come unasked?"""
        return self._reusable and self.transport is not None and not self.transport.is_closing()

    def is_quiet(self) -> bool:
        """Idle: has nothing arrived that the loop has not read yet, the server's goodbye above all?"""
        if self._poll is None:
            socket = self.transport.get_extra_info("socket") if self.transport is not None else None
            if socket is None:
                return True
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN)
        return not self._poll.poll(0)

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
        self.reading.transport = made
        # With no buffer of its own a write leaves at once or tells us, which is what t0 is defined by.
        made.set_write_buffer_limits(high=0)

    def read_through(self, raw: asyncio.Transport) -> None:
        """`raw` lies under TLS, and is what is paused: TLS that is paused throws away what it holds at the end."""
        self._is_tls = True
        self.reading.transport = raw

    def data_received(self, data: bytes) -> None:
        now_ns = self._read_ns = monotonic_ns()
        exchange = self._exchange
        budget = self._budget
        budget.read += len(data)
        if budget.read > budget.limit:
            budget.over(self.reading, len(data))
        if exchange is None:
            self._desynchronised()
            return
        if self._tunnel:
            exchange.response_data(data, now_ns)
            return
        if not self._seen_any and data[0] in _BLANK:
            self._fail("a blank line before the response", now_ns)  # the rest of an earlier one, perhaps
            return
        self._seen_any = True
        if not self._head_done:
            self._head_bytes += len(data)
        if not self._parse(data, exchange, now_ns):
            return
        if self._head_request:
            self._note_surplus(data)
        if self._unreadable:
            self._fail(self._unreadable, now_ns)
        elif not self._head_done and self._head_bytes > MAX_HEAD_BYTES:
            self._fail("response head too large", now_ns)
        elif self._exchange is exchange:
            self._deliver(exchange, len(data), now_ns)

    def _parse(self, data: bytes, exchange: Exchange, now_ns: int) -> bool:
        """Feeds the parser; False when that has ended the exchange, or HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._complete:
                self._switch(exchange, data[upgrade.args[0] :], now_ns)
                return False
            self._reusable = False
        except httptools.HttpParserCallbackError as error:
            self._owner.fault(error.__context__ or error)
            self._fail("internal fault", now_ns)
            return False
        except httptools.HttpParserError as error:
            if not self._complete:
                self._fail(f"not HTTP: {error}", now_ns)
                return False
            self._reusable = False
        return True

    def _switch(self, exchange: Exchange, rest: bytes, now_ns: int) -> None:
        """The server speaks another protocol from `rest` on."""
        if not self._upgrade or self._unreadable:
            self._fail(self._unreadable or "unasked protocol upgrade", now_ns)
            return
        self._tunnel = True
        self._reusable = False
        if rest and self._exchange is exchange:
            exchange.response_data(rest, now_ns)

    def _note_surplus(self, data: bytes) -> None:
        """Nothing may follow the head of an answer to HEAD; the parser would take it for the body."""
        window = self._window + data
        end = window.find(b"\r\n\r\n")
        if end >= 0 and end + 4 != len(window):
            self._reusable = False
        self._window = window[-3:]

    def _deliver(self, exchange: Exchange, size_bytes: int, now_ns: int) -> None:
        if self._body:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body.clear()
            self._barren = 0
            exchange.response_data(body, now_ns)
        elif self._head_done and not self._complete:
            self._barren += size_bytes
            if self._barren > MAX_BARREN_BYTES:
                self._fail("too much between the chunks of the body", now_ns)
                return
        if self._complete and self._exchange is exchange:
            self._finish(exchange, now_ns)

    def _finish(self, exchange: Exchange, now_ns: int) -> None:
        self._exchange = None
        keep = self._reusable and self._response.keep_alive and exchange.is_request_out()
        if self._head_request:
            # The parser waits for a body that does not come; a fresh one reads the next response.
            self._parser = httptools.HttpResponseParser(self)
        self._head_done = False
        self._head_bytes = self._barren = self._trailer_bytes = 0
        self.reading.reset()  # an idle connection reads: that is how its end is noticed
        if keep:
            self.idle_since_ns = now_ns
            if self.used == 1:
                self.usable_idle_ns = usable_idle_ns(self._response.headers)
            self._owner.idle(self)
        elif self.transport is not None:
            self.transport.close()
        exchange.response_end(now_ns)

    def eof_received(self) -> bool:
        self._goodbye = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.lost(self)
        if exc is not None and self._exchange is not None and not self._is_tls:
            self._read_last_words()
        exchange = self._exchange
        if exchange is None:
            return
        now_ns = monotonic_ns()
        if exc is None and self._ends_with_connection():
            self._complete = True
            self._reusable = False
            self._deliver(exchange, 0, now_ns)
            return
        self._exchange = None
        reason = "connection closed" if exc is None else in_words(exc)
        exchange.response_broken(reason, now_ns, seen_any=self._seen_any)

    def _ends_with_connection(self) -> bool:
        """Is the end of the connection the proper end of this response? Under TLS only when it was announced."""
        if self._is_tls and not self._goodbye:
            return False
        if self._tunnel:
            return True
        return self._head_done and not self._response.chunked and self._response.content_length is None

    def _read_last_words(self) -> None:
        """Our write failed, perhaps because the server had answered without waiting for all of the request, and left.

        Its answer may have arrived unread. The transport still has the socket, but reads no more.
        """
        socket = self.transport.get_extra_info("socket") if self.transport is not None else None
        if socket is None:
            return
        left = _LAST_WORDS_BYTES
        with contextlib.suppress(OSError):
            while left > 0 and self._exchange is not None:
                data = os.read(socket.fileno(), left)
                if not data:
                    return
                left -= len(data)
                self.data_received(data)

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.request_blocked()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.request_flowing(monotonic_ns())

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
            self._on_trailer(name, value)
            return
        known = KNOWN_NAMES.get(name)
        if known is None:
            low = name.lower()
        else:
            name, low = known
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

    def _on_trailer(self, name: bytes, value: bytes) -> None:
        if self._complete:
            return  # of a response that nobody asked for
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > MAX_TRAILER_BYTES:
            self._unreadable = "trailers too large"
            return
        low = name.lower()
        response = self._response
        if response.trailers is None:
            response.trailers = []
        response.trailers.append((name, low, value))
        if low in _FRAMING:
            self._reusable = False  # a server that frames behind the body may mean what comes next otherwise than we

    def on_headers_complete(self) -> None:
        if self._complete or self._unreadable:
            return
        response = self._response
        response.status = self._parser.get_status_code()
        response.keep_alive = self._parser.should_keep_alive() and not response.says_close
        if response.status < 200 and (response.chunked or response.content_length is not None):
            self._unreadable = "an interim response with a body"
        if response.reason not in _USUAL_REASONS and response.reason.translate(None, _REASON_BYTES):
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
        exchange.response_head(response, self._read_ns)

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
