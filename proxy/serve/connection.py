"""A client's connection: reads requests, answers them in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from proxy.serve.answers import error_answer
from proxy.serve.context import ServeContext
from proxy.serve.relay import Relay, Request
from proxy.wire.heads import Headers, framing_fault

READ_AHEAD_BYTES = 256 * 2**10
"""Of an answer that a slow client has not taken yet; beyond it the upstream waits."""
HEAD_TIMEOUT_NS = 30_000_000_000
IDLE_TIMEOUT_NS = 75_000_000_000
"""A connection without a request; longer than the 60 s at which most clients and balancers give up theirs."""
BODY_TIMEOUT_NS = 60_000_000_000


class ClientConnection:
    """One client. Pipelined requests wait their turn, and reading waits with them.

    An asyncio protocol by its methods: a compiled class inherits from no other kind.
    """

    __slots__ = (
        "_closing",
        "_context",
        "_current",
        "_gone",
        "_head_bytes",
        "_head_limited",
        "_headers",
        "_in_head",
        "_parser",
        "_paused_for",
        "_receiving",
        "_target",
        "_transport",
        "_waiting",
        "deadline_bucket",
        "deadline_ns",
    )  # fmt: skip

    def __init__(self, context: ServeContext, on_gone: "Callable[[ClientConnection], None]") -> None:
        self._context = context
        self._gone = on_gone
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._current: Relay | None = None
        self._waiting: deque[Relay] = deque()
        self._receiving: Relay | None = None
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._in_head = True
        self._head_limited = True
        self._closing = False
        self._paused_for: set[str] = set()
        self.deadline_ns = time.monotonic_ns() + HEAD_TIMEOUT_NS
        self.deadline_bucket = -1

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self._transport = made
        made.set_write_buffer_limits(high=READ_AHEAD_BYTES)
        self._context.deadlines.add(self)
        self._context.figures.client_connected()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._in_head and not self._head_fits(data):
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._unreadable(error)
        if self._current is not None and not self._closing:
            self._current.pump()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._context.deadlines.discard(self)
        for relay in (self._current, *self._waiting):
            if relay is not None:
                relay.client_gone()
        self._current = None
        self._waiting.clear()
        self._context.figures.client_gone()
        self._gone(self)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self._current is not None:
            self._current.hold()

    def resume_writing(self) -> None:
        if self._current is not None:
            self._current.unhold()

    def expired(self, now_ns: int) -> None:
        """See `Limited`: the client was too slow to say what it wants, or has nothing to say."""
        if self._current is not None and self._receiving is None:
            self.deadline_ns = now_ns + IDLE_TIMEOUT_NS
            self._context.deadlines.add(self)
        elif self._receiving is not None or self._head_bytes:
            self._refuse(408, "request_timeout", "The request did not arrive in time.")
        else:
            self._end()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = []
        self._in_head = True

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        # Behind the head only trailers follow; they end here, as RFC 9110 section 6.5.1 allows.
        if self._in_head:
            self._headers.append((name, name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_limited = False
        self._head_bytes = 0
        method, version = self._parser.get_method(), self._parser.get_http_version()
        target = _origin_form(method, self._target)
        fault = "The request target must be a path." if target is None else framing_fault(self._headers, version)
        if target is None or fault is not None:
            self._refuse(400, "bad_request", fault or "")
            return
        request = Request(method, target, version, self._headers, keep_alive=self._parser.should_keep_alive())
        if request.content_length is not None and request.content_length > self._context.max_body_bytes:
            self._refuse(413, "body_too_large", f"The body is longer than {self._context.max_body_bytes} bytes.")
            return
        relay = Relay(self._context, self, request)
        self._receiving = relay
        if self._current is None:
            self._current = relay
        else:
            self._waiting.append(relay)
            self._pause("pipeline")

    def on_body(self, data: bytes) -> None:
        relay = self._receiving
        if relay is None:
            return
        relay.take_body(data)
        if relay.body_bytes > self._context.max_body_bytes:
            self._refuse(413, "body_too_large", f"The body is longer than {self._context.max_body_bytes} bytes.")

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.request_complete()
        self._receiving = None
        self._in_head = True

    # What a relay calls.

    def write(self, data: bytes) -> None:
        """See `ClientSide`."""
        if self._transport is not None:
            self._transport.write(data)

    def relay_done(self, relay: Relay, *, close: bool) -> None:
        """See `ClientSide`."""
        if relay is not self._current:
            return
        self._current = None
        if close or self._closing:
            self._end()
            return
        if self._waiting:
            self._current = self._waiting.popleft()
            if not self._waiting:
                self._resume("pipeline")
            # Not at once: a long pipeline of quick answers must not recurse.
            asyncio.get_running_loop().call_soon(self._pump_next, self._current)
        self._set_deadline()

    def _pump_next(self, relay: Relay) -> None:
        if relay is self._current and not self._closing:
            relay.pump()

    def relay_broken(self, relay: Relay) -> None:
        """See `ClientSide`."""
        self._closing = True
        self._current = None
        if self._transport is not None:
            self._transport.abort()

    def pause_request(self) -> None:
        """See `ClientSide`."""
        self._pause("upstream")

    def resume_request(self) -> None:
        """See `ClientSide`."""
        self._resume("upstream")

    # What the worker calls.

    def drain(self) -> None:
        """Ends the connection now if nothing is under way, else with the answer under way."""
        if self._current is None and self._receiving is None:
            self._end()

    # Inside.

    def _head_fits(self, data: bytes) -> bool:
        self._head_bytes += len(data)
        if self._head_bytes <= self._context.max_header_bytes or b"\r\n\r\n" in data[: self._context.max_header_bytes]:
            return True
        self._refuse(431, "head_too_large", f"The head is longer than {self._context.max_header_bytes} bytes.")
        return False

    def _after_upgrade(self, rest: bytes) -> None:
        """The parser takes an `Upgrade` for the end of HTTP and skips the body; the request goes on without it.

        A fresh parser reads the body as the head without its upgrade headers would have it read.
        """
        relay = self._waiting[-1] if self._waiting else self._current
        if relay is None or self._closing:
            return
        relay.reopen()
        self._receiving = relay
        self._in_head = False
        request = relay.request
        framing = b"Transfer-Encoding: chunked\r\n" if request.chunked else b""
        if request.content_length is not None:
            framing = b"Content-Length: %d\r\n" % request.content_length
        self._parser = httptools.HttpRequestParser(_WithoutHead(self))
        try:
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
            if rest:
                self._parser.feed_data(rest)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade(rest[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._unreadable(error)

    def _set_deadline(self) -> None:
        """While an answer is under way its own limits hold; `expired` looks again then."""
        if self._receiving is not None:
            self._limit(BODY_TIMEOUT_NS)
        elif self._head_bytes == 0:
            self.deadline_ns = time.monotonic_ns() + IDLE_TIMEOUT_NS
        elif not self._head_limited:
            self._head_limited = True
            self._limit(HEAD_TIMEOUT_NS)

    def _limit(self, wait_ns: int) -> None:
        self.deadline_ns = time.monotonic_ns() + wait_ns
        self._context.deadlines.hasten(self)

    def _pause(self, why: str) -> None:
        self._paused_for.add(why)
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self, why: str) -> None:
        self._paused_for.discard(why)
        if not self._paused_for and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _unreadable(self, error: httptools.HttpParserError) -> None:
        if isinstance(error, httptools.HttpParserCallbackError):
            # Raised by one of our own methods, not by what the client sent.
            self._context.on_internal_error("request", error.__context__ or error)
            self._refuse(500, "internal_error", "shadowbench failed to read this request; the fault is logged.")
        else:
            self._refuse(400, "bad_request", "This is not a well-formed HTTP/1.1 request.")

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answers and closes; what the client sends further is not read."""
        if self._closing:
            return
        self._closing = True
        self._context.figures.refused()
        for relay in (self._current, *self._waiting):
            if relay is not None:
                relay.client_gone()
        answered = self._current is None or self._current.response is None
        self._current = None
        self._waiting.clear()
        if answered:
            self.write(error_answer(status, kind, message, close=True))
        self._end()

    def _end(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()


class _WithoutHead:
    """Parser callbacks that leave out the first head: it was read already."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._in_first_head = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._in_first_head:
            self._connection.on_message_begin()

    def on_url(self, target: bytes) -> None:
        if not self._in_first_head:
            self._connection.on_url(target)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_first_head:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._in_first_head:
            self._connection.on_headers_complete()
        self._in_first_head = False


def _origin_form(method: bytes, target: bytes) -> bytes | None:
    """Path and query of a request target; None for one that a reverse proxy does not serve (RFC 9112 section 3.2)."""
    if target.startswith(b"/"):
        return target
    if target == b"*" and method == b"OPTIONS":
        return target
    scheme, mark, rest = target.partition(b"://")
    if mark and scheme.lower() in {b"http", b"https"}:
        authority, slash, path = rest.partition(b"/")
        return slash + path if slash and authority else b"/"
    return None
