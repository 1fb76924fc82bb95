"""The primary leg: the client's request to the upstream, the upstream's answer to the client.

The client comes first: bytes are written to it before anything else is done with them.
"""

import time
from collections.abc import Callable
from typing import Protocol

from proxy.serve.answers import error_answer
from proxy.serve.context import ServeContext
from proxy.shadow.offer import Offer
from proxy.upstream.connection import Response
from proxy.upstream.leg import Leg
from proxy.wire.heads import Headers, endpoint_of, request_to_primary, response_to_client
from record.outcome import Outcome

_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS"})


class ClientSide(Protocol):
    """The client's connection, as a relay sees it."""

    def write(self, data: bytes) -> None:
        """Sends bytes to the client."""

    def relay_done(self, relay: "Relay", *, close: bool) -> None:
        """The answer is complete; `close`: the connection must end with it."""

    def relay_broken(self, relay: "Relay") -> None:
        """The answer cannot be completed and has begun: only ending the connection tells the client."""

    def pause_request(self) -> None:
        """The upstream takes no more of the request body for now."""

    def resume_request(self) -> None:
        """It takes more again."""


class Request:
    """Head of a client's request."""

    __slots__ = ("chunked", "content_length", "headers", "keep_alive", "method", "target", "version")

    def __init__(self, method: bytes, target: bytes, version: str, headers: Headers, *, keep_alive: bool) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.keep_alive = keep_alive
        self.content_length: int | None = None
        self.chunked = False
        for _, low, value in headers:
            if low == b"content-length":
                self.content_length = int(value)
            elif low == b"transfer-encoding":
                self.chunked = True


class Relay(Leg):
    """One request of a client and its answer."""

    __slots__ = (
        "_answer_chunked",
        "_answer_close",
        "_client",
        "_context",
        "_held_since_ns",
        "_offered",
        "_out",
        "_pending_head",
        "_received_ns",
        "_started",
        "_wrote_head",
        "body",
        "body_bytes",
        "complete",
        "endpoint",
        "held_ns",
        "overhead_ns",
        "request",
        "start_ns",
        "start_unix_us",
        "when_over",
    )  # fmt: skip

    def __init__(self, context: ServeContext, client: ClientSide, request: Request) -> None:
        self.endpoint = endpoint_of(request.target) if request.method == b"POST" else None
        wanted = self.endpoint is not None and context.shadow.is_on
        super().__init__(
            context.primary, context.deadlines, context.limits, context.shadow.new_tape() if wanted else None
        )
        self.request = request
        self.start_ns = time.monotonic_ns()
        self.start_unix_us = time.time_ns() // 1000
        self.body: list[bytes] | None = [] if wanted else None
        """The request's body for the copies, by reference; None when there are none, or it is too large."""
        self.body_bytes = 0
        self.complete = False
        """The whole request has arrived."""
        self.held_ns = 0
        """How long the client held our reading of the answer."""
        self.overhead_ns: int | None = None
        self.when_over: Callable[[], None] | None = None
        """Set by the shadow side when it records the exchange."""
        self._context = context
        self._client = client
        self._out: list[bytes] = []
        self._started = False
        self._offered = False
        self._received_ns = self.start_ns
        self._held_since_ns: int | None = None
        self._pending_head = b""
        self._wrote_head = False
        self._answer_chunked = False
        self._answer_close = False

    # From the client.

    def take_body(self, data: bytes) -> None:
        """A stretch of the request's body."""
        self.body_bytes += len(data)
        self._out.append(b"%x\r\n%b\r\n" % (len(data), data) if self.request.chunked else data)
        if self.body is not None:
            self.body.append(data)
            if self.body_bytes > self._context.max_mirrored_bytes:
                self.body = None

    def request_complete(self) -> None:
        """The request's last byte has arrived."""
        self.complete = True
        self._received_ns = time.monotonic_ns()
        if self.request.chunked:
            self._out.append(b"0\r\n\r\n")

    def reopen(self) -> None:
        """The parser was wrong about the request's end; nothing of it has been sent."""
        self.complete = False
        self._out.clear()

    def pump(self) -> None:
        """Sends on what has arrived; call it once per read."""
        if self.outcome is not None:
            return
        if not self._started:
            self._start()
        elif self._out:
            data, self._out = b"".join(self._out), []
            self.send(data, last=self.complete)
        else:
            return

    def _start(self) -> None:
        self._started = True
        self._context.figures.primary_began()
        self._out.insert(0, self._head())
        data, self._out = b"".join(self._out), []
        self.begin(data, last=self.complete, head_request=self.request.method == b"HEAD")

    def _head(self) -> bytes:
        request = self.request
        return request_to_primary(
            request.method,
            request.target,
            request.headers,
            self.pool.origin,
            content_length=request.content_length,
            chunked=request.chunked,
        )

    def on_sent(self) -> None:
        """See `Leg`. The copies are thought of only now: the primary has what it needs."""
        if not self._offered:
            self._offer()

    def _offer(self) -> None:
        self._offered = True
        request = self.request
        self._context.shadow.offer(
            Offer(
                endpoint=self.endpoint,
                target=request.target,
                headers=request.headers,
                body=self.body,
                body_bytes=self.body_bytes,
                start_ns=self.start_ns,
                start_unix_us=self.start_unix_us,
                primary=self,
            )
        )
        self.body = None

    def client_gone(self) -> None:
        """The client's connection is lost."""
        if self.outcome is None:
            self.cut(Outcome.CLIENT_ABORT, "the client went away")

    def hold(self) -> None:
        """The client reads too slowly: the answer waits at the upstream."""
        if self.outcome is None and self._held_since_ns is None:
            self._held_since_ns = time.monotonic_ns()
            self.pause_reading()

    def unhold(self) -> None:
        """The client reads again."""
        if self._held_since_ns is not None:
            self.held_ns += time.monotonic_ns() - self._held_since_ns
            self._held_since_ns = None
            if self.outcome is None:
                self.resume_reading()

    # From the upstream.

    def on_head(self, response: Response, now_ns: int) -> None:
        """See `Leg`."""
        request = self.request
        if response.status < 200:
            if request.version == "1.1" and response.status != 101:
                self._client.write(response_to_client(response.status, response.reason, response.headers, framing=b""))
            return
        framing = self._framing(response)
        close = self._answer_close or not request.keep_alive or self._context.draining or not self.complete
        self._answer_close = close
        if close:
            framing += b"Connection: close\r\n"
        elif request.version == "1.0":
            framing += b"Connection: keep-alive\r\n"
        self._pending_head = response_to_client(response.status, response.reason, response.headers, framing=framing)

    def _framing(self, response: Response) -> bytes:
        bodiless = self.request.method == b"HEAD" or response.status in {204, 304}
        if response.content_length is not None and response.status != 204:
            return b"Content-Length: %d\r\n" % response.content_length
        if bodiless:
            return b""
        if self.request.version == "1.1":
            self._answer_chunked = True
            return b"Transfer-Encoding: chunked\r\n"
        self._answer_close = True
        return b""

    def on_data(self, data: bytes, now_ns: int) -> None:
        """See `Leg`."""
        if self._answer_chunked:
            data = b"%b%x\r\n%b\r\n" % (self._pending_head, len(data), data)
        elif self._pending_head:
            data = self._pending_head + data
        self._pending_head = b""
        self._wrote_head = True
        self._client.write(data)

    def on_end(self) -> None:
        """See `Leg`."""
        self.unhold()
        outcome = self.outcome
        assert outcome is not None  # noqa: S101 - set by the caller
        if outcome is Outcome.OK:
            self._finish_answer()
        elif outcome is not Outcome.CLIENT_ABORT:
            self._fail_answer(outcome)
        if self._started:
            self._context.figures.primary_ended(self)
        if self.complete and not self._offered:
            self._offer()  # it could not be sent, but it was received
        when_over, self.when_over = self.when_over, None
        if when_over is not None:
            when_over()

    def is_over(self) -> bool:
        """See `PrimaryLeg`."""
        return self.outcome is not None

    def as_leg(self) -> Leg:
        """See `PrimaryLeg`."""
        return self

    def _finish_answer(self) -> None:
        tail = self._pending_head + (b"0\r\n\r\n" if self._answer_chunked else b"")
        if tail:
            self._client.write(tail)
        if self.t0_ns is not None and self.end_ns is not None:
            sending = self.t0_ns - self._received_ns - (self.connect_ns or 0)
            self.overhead_ns = max(0, sending) + time.monotonic_ns() - self.end_ns
        self._client.relay_done(self, close=self._answer_close)

    def _fail_answer(self, outcome: Outcome) -> None:
        if self._wrote_head:
            self._client.relay_broken(self)
            return
        name = self.pool.name
        if outcome is Outcome.TIMEOUT:
            answer = (504, "upstream_timeout", f"The upstream {name!r} did not answer in time.")
        elif outcome is Outcome.CONNECT_ERROR:
            answer = (502, "upstream_unreachable", f"The upstream {name!r} could not be reached.")
        else:
            answer = (502, "upstream_broken", f"The upstream {name!r} ended the connection without a whole answer.")
        close = not self.complete or not self.request.keep_alive or self._context.draining
        self._client.write(error_answer(*answer, close=close))
        self._client.relay_done(self, close=close)

    def on_blocked(self) -> None:
        """See `Leg`."""
        if not self.complete:
            self._client.pause_request()

    def on_flowing(self) -> None:
        """See `Leg`."""
        self._client.resume_request()

    def repeat(self) -> bool:
        """Only a request without a body whose method is safe (RFC 9110 section 9.2.2)."""
        if self.request.method not in _REPEATABLE or self.body_bytes or not self.complete:
            return False
        self.reused = False
        self.begin(self._head(), last=True, head_request=self.request.method == b"HEAD")
        return True
