"""The request's half of a primary leg: from the client's bytes to the upstream, and to the copies."""

from typing import Final

from proxy.clock import monotonic_ns
from proxy.serve.client_side import ClientSide
from proxy.serve.context import ServeContext
from proxy.serve.request import Request
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.leg import Leg
from proxy.wire.endpoints import called_by
from proxy.wire.forwarding import Forwarding
from proxy.wire.heads import WEBSOCKET, Headers, request_to_primary
from proxy.wire.trailers import trailer_lines

_REPEATABLE: Final = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_SMALL_BYTES: Final = 4096
"""Pieces below this are joined as they come: a body in a million pieces is no million objects."""
_NEVER_NS: Final = 2**61


class Upload(Leg):
    """Sends a client's request as it comes."""

    __slots__ = (
        "_blocked",
        "_client",
        "_context",
        "_ended",
        "_forwarding",
        "_out",
        "_received_ns",
        "_started",
        "_trailers",
        "_wants_tunnel",
        "_was_partial",
        "body",
        "body_bytes",
        "complete",
        "endpoint",
        "onward",
        "request",
    )  # fmt: skip

    def __init__(self, context: ServeContext, client: ClientSide, request: Request, forwarding: Forwarding) -> None:
        self.endpoint = called_by(request.target).endpoint if request.method == b"POST" else None
        wanted = self.endpoint is not None and context.shadow.is_on
        super().__init__(
            context.primary, context.deadlines, context.limits, context.shadow.new_tape() if wanted else None
        )
        self.request = request
        self.body: list[bytes] | None = [] if wanted else None
        """The request's body for the copies, by reference; None when there are none, or it is too large."""
        self.body_bytes = 0
        self.complete = False
        """The whole request has arrived."""
        self.onward = b""
        """Header lines as the primary gets them; the control leg gets the same."""
        self._context = context
        self._client = client
        self._forwarding = forwarding
        self._out: list[bytes] = []
        """Of the body, not sent yet: one read's worth."""
        self._trailers: Headers | None = None
        self._ended = False
        """The last chunk was sent."""
        self._received_ns = 0
        self._started = False
        self._blocked = False
        self._was_partial = False
        """The request was sent in more than one piece."""
        self._wants_tunnel = False

    # From the client.

    def take_body(self, data: bytes) -> None:
        """A stretch of the request's body."""
        self.body_bytes += len(data)
        self._out.append(data)

    def take_trailer(self, name: bytes, low: bytes, value: bytes) -> None:
        """A field behind the body; the reader bounds how much of them there is."""
        if self._trailers is None:
            self._trailers = []
        self._trailers.append((name, low, value))

    def request_complete(self) -> None:
        """The request's last byte has arrived."""
        self.complete = True
        self._received_ns = monotonic_ns()

    def reopen(self) -> None:
        """The parser was wrong about the request's end; nothing of it has been sent."""
        self.complete = False

    def ask_for_tunnel(self) -> None:
        """The upstream is asked for the WebSocket that the client wants."""
        self._wants_tunnel = True

    def pump(self) -> None:
        """Sends on what has arrived; call it once per read."""
        if self.outcome is not None:
            return
        if not self._started:
            self._start()
        else:
            data = self._next()
            if data:
                self.send(data, last=self.complete)
        if not self.complete and self.outcome is None:
            self._sent_a_part()

    # To the upstream.

    def _start(self) -> None:
        self._started = True
        self._context.figures.primary_began()
        data = self._head() + self._next()
        is_head = self.request.method == b"HEAD"
        self.begin(data, last=self.complete, head_request=is_head, upgrade=self._wants_tunnel)

    def _head(self) -> bytes:
        request = self.request
        self.onward = self._lines()
        return request_to_primary(
            request.method,
            request.target,
            self.onward + WEBSOCKET if self._wants_tunnel else self.onward,
            self.pool.origin,
            content_length=request.content_length,
            chunked=request.chunked,
        )

    def _lines(self) -> bytes:
        request = self.request
        return self._forwarding.lines(request.headers, request.host, has_claims=request.has_claims)

    def gather(self) -> None:
        """For the copies of a request that was received, but never came to be sent."""
        if not self._started:
            self.onward = self._lines()
            self._next()

    def _next(self) -> bytes:
        """What is to be sent of the body now, framed; all chunks of one read become one."""
        out = self._out
        data = b""
        if out:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            if self.body is not None:
                self._keep(data)
        if self.request.chunked:
            if data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            if self.complete and not self._ended:
                self._ended = True
                lines = trailer_lines(self._trailers, self.request.headers) if self._trailers else b""
                data += b"0\r\n%b\r\n" % lines
        return data

    def _keep(self, data: bytes) -> None:
        body = self.body
        assert body is not None  # noqa: S101 - callers look first
        if self.body_bytes > self._context.max_mirrored_bytes:
            self.body = None
        elif body and len(data) < _SMALL_BYTES and len(body[-1]) < _SMALL_BYTES:
            body[-1] += data
        else:
            body.append(data)

    def _sent_a_part(self) -> None:
        """The upstream need not answer before the request is there: how long that takes is the client's limit."""
        self._was_partial = True
        if self._connection is None:
            self._client.pause_request()  # what waits for a connection is bounded by one read
        elif self.response is None and not self._blocked:
            self.deadline_ns = _NEVER_NS

    def connected(self, connection: UpstreamConnection, connect_ns: int) -> None:
        """See `Seeker`."""
        super().connected(connection, connect_ns)
        if not self.complete and self.outcome is None:
            if not self._blocked:
                self._client.resume_request()
            self._sent_a_part()

    def on_blocked(self) -> None:
        """See `Leg`. From now on it is the upstream that must move."""
        self._blocked = True
        if not self.complete:
            if self.response is None:
                self._limit(monotonic_ns() + self.limits.first_byte_ns)
                self._deadlines.hasten(self)
            self._client.pause_request()

    def on_flowing(self) -> None:
        """See `Leg`."""
        self._blocked = False
        if not self.complete and self.response is None:
            self.deadline_ns = _NEVER_NS
        self._client.resume_request()

    def repeat(self) -> bool:
        """Only a request without a body whose method is safe (RFC 9110 section 9.2.2)."""
        if self.request.method not in _REPEATABLE or self.body_bytes or not self.complete:
            return False
        self.reused = False
        is_head = self.request.method == b"HEAD"
        data = self._head() + (b"0\r\n\r\n" if self.request.chunked else b"")
        self.begin(data, last=True, head_request=is_head, upgrade=self._wants_tunnel)
        return True
