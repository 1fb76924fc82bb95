"""The primary leg: the client's request to the upstream, the upstream's answer to the client.

The client comes first: bytes are written to it before anything else is done with them.
"""

from typing import Final

from proxy.clock import monotonic_ns, unix_us
from proxy.serve.answers import error_answer
from proxy.serve.client_side import ClientSide
from proxy.serve.context import ServeContext
from proxy.serve.request import Request
from proxy.serve.upload import Upload
from proxy.shadow.offer import Offer, PrimaryLeg, Recording
from proxy.upstream.exchange import Response
from proxy.wire.forwarding import Forwarding
from proxy.wire.heads import REQUEST_ID, WEBSOCKET, Headers, response_to_client, says_websocket
from proxy.wire.trailers import trailer_lines
from record.outcome import Outcome

_OK: Final = Outcome.OK
_CLIENT_ABORT: Final = Outcome.CLIENT_ABORT
_DONE_WITH: Final[Headers] = []


class Relay(Upload, PrimaryLeg):
    """One request of a client and its answer."""

    __slots__ = (
        "_answer_chunked",
        "_answer_close",
        "_held_since_ns",
        "_offered",
        "_pending_head",
        "_recording",
        "_switched",
        "_wrote_head",
        "held_ns",
        "overhead_ns",
        "request_id",
        "start_ns",
        "start_unix_us",
    )  # fmt: skip

    def __init__(self, context: ServeContext, client: ClientSide, request: Request, forwarding: Forwarding) -> None:
        super().__init__(context, client, request, forwarding)
        self.start_ns = monotonic_ns()
        self.start_unix_us = unix_us()
        self.held_ns = 0
        """How long the client held our reading of the answer."""
        self.overhead_ns: int | None = None
        self._recording: Recording | None = None
        """Set by the shadow side when it records the exchange, and until the leg is over."""
        self.request_id: bytes | None = None
        """Text form; set by the shadow side when it records the exchange, normally before the answer begins."""
        self._offered = False
        self._received_ns = self.start_ns
        self._held_since_ns: int | None = None
        self._pending_head = b""
        self._wrote_head = False
        self._answer_chunked = False
        self._answer_close = False
        self._switched = False
        """The exchange has become a WebSocket, and is none of ours any more."""

    @property
    def context(self) -> ServeContext:
        """By which it was begun."""
        return self._context

    @property
    def is_decided(self) -> bool:
        """Has the shadow side said what becomes of it? Of an inference call, not before the whole request is there."""
        return self._offered or self.endpoint is None

    def on_sent(self) -> None:
        """See `Leg`. The copies are thought of only now: the primary has what it needs."""
        if self._was_partial:
            self._deadlines.hasten(self)
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
                onward=self.onward,
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
            self._held_since_ns = monotonic_ns()
            self.pause_reading()

    def unhold(self) -> None:
        """The client reads again."""
        if self._held_since_ns is not None:
            self.held_ns += monotonic_ns() - self._held_since_ns
            self._held_since_ns = None
            if self.outcome is None:
                self.resume_reading()

    def has_begun_answer(self) -> bool:
        """Is a part of the answer with the client?"""
        return self._wrote_head

    # From the upstream.

    def on_head(self, response: Response, now_ns: int) -> None:
        """See `Leg`."""
        request = self.request
        if response.status < 200:
            if response.status == 101:
                self._switch(response)
            elif request.version == "1.1":
                self._client.write(response_to_client(response.status, response.reason, response.headers, framing=b""))
            return
        framing = self._framing(response)
        close = self._answer_close or not request.keep_alive or self._context.draining or not self.complete
        self._answer_close = close
        if close:
            framing += b"Connection: close\r\n"
        elif request.version == "1.0":
            framing += b"Connection: keep-alive\r\n"
        if self.request_id is not None and self._context.send_request_id:
            framing += b"%b: %b\r\n" % (REQUEST_ID, self.request_id)
        self._pending_head = response_to_client(response.status, response.reason, response.headers, framing=framing)
        self._context.shadow.primary_answered(self.endpoint, response, self.t0_ns, now_ns)
        if self._offered:
            request.headers = _DONE_WITH  # a stream may go on for long
            self.onward = b""

    def _switch(self, response: Response) -> None:
        """A 101 is believed only where it was asked for, and where it says what was asked for."""
        connection = self._connection
        if connection is None or connection.transport is None:
            return
        if not self._wants_tunnel or not says_websocket(response.headers):
            self.cut(Outcome.TRUNCATED, "unasked protocol upgrade")
            return
        self._connection = None
        self._switched = True
        self.pool.lost(connection)
        self._end(Outcome.OK, "", monotonic_ns())
        head = response_to_client(101, response.reason, response.headers, framing=WEBSOCKET)
        self._client.open_tunnel(self, head, connection.transport, connection.reading)

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
        elif self._switched:
            self._client.tunnelled(data)
            return
        self._pending_head = b""
        self._wrote_head = True
        self._client.write(data)

    def on_end(self) -> None:
        """See `Leg`."""
        self.unhold()
        outcome = self.outcome
        assert outcome is not None  # noqa: S101 - set by the caller
        if outcome is _OK:
            if not self._switched:
                self._finish_answer()
        elif outcome is not _CLIENT_ABORT:
            self._fail_answer(outcome)
        if self._started:
            self._context.figures.primary_ended(self)
            self._context.shadow.primary_ended(outcome)
        if not self._offered:
            self._count_unsent()
        if self._recording is not None:
            self._tell(self._recording)

    def _count_unsent(self) -> None:
        """The exchange is over before the request was sent whole."""
        if self.complete or self.endpoint is None:
            self.gather()
            self._offer()  # it could not be sent, but it was received
        else:
            self._offered = True
            self._context.shadow.incomplete(self.start_unix_us)

    def be_recorded(self, recording: Recording) -> None:
        """See `PrimaryLeg`."""
        if self.outcome is not None:
            self._tell(recording)
        else:
            self._recording = recording

    def _tell(self, recording: Recording) -> None:
        self._recording = None
        recording.primary_ended(self, held_ns=self.held_ns, overhead_ns=self.overhead_ns)

    def _finish_answer(self) -> None:
        tail = self._pending_head
        if self._answer_chunked:
            tail += self._last_chunk()
        if tail:
            self._client.write(tail)
        if self.t0_ns is not None and self.end_ns is not None:
            sending = self.t0_ns - self._received_ns - (self.connect_ns or 0)
            self.overhead_ns = max(0, sending) + monotonic_ns() - self.end_ns
        self._client.relay_done(self, close=self._answer_close)

    def _last_chunk(self) -> bytes:
        response = self.response
        if response is None or not response.trailers:
            return b"0\r\n\r\n"
        return b"0\r\n%b\r\n" % trailer_lines(response.trailers, response.headers)

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
