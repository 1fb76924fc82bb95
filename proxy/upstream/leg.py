"""One exchange with an upstream: marks, limits, how it ended. The primary's and the candidates' legs are made of this.

t0 is the instant at which the last byte of the request has left our write buffer; connecting is kept apart.
"""

from dataclasses import dataclass
from typing import Final

from proxy.clock import monotonic_ns
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.deadlines import Deadlines, Limited
from proxy.upstream.exchange import Exchange, Response
from proxy.upstream.pool import Pool, Seeker
from proxy.upstream.tape import Tape
from record.outcome import Outcome

_NEVER_NS: Final = 2**61
_OK: Final = Outcome.OK


@dataclass(frozen=True, slots=True)
class LegLimits:
    """Limits in nanoseconds and bytes; connecting is limited by the pool."""

    first_byte_ns: int
    idle_ns: int
    total_ns: int = _NEVER_NS
    max_response_bytes: int = 2**61


class Leg(Exchange, Limited, Seeker):
    """Base of a leg. Subclasses say what happens with the response by overriding the `on_` methods."""

    __slots__ = (
        "_connection", "_deadlines", "_head_request", "_is_repeated", "_last", "_unsent", "_upgrade", "connect_ns",
        "deadline_bucket", "deadline_ns", "end_ns", "failure", "first_byte_ns", "limits", "outcome", "pool",
        "received_bytes", "response", "reused", "t0_ns", "tape",
    )  # fmt: skip

    def __init__(self, pool: Pool, deadlines: Deadlines, limits: LegLimits, tape: Tape | None) -> None:
        self.pool = pool
        self.limits = limits
        self.tape = tape
        self.response: Response | None = None
        self.t0_ns: int | None = None
        self.connect_ns: int | None = None
        self.reused = False
        self.first_byte_ns: int | None = None
        """Of the body of the answer."""
        self.received_bytes = 0
        """Of the body of the answer."""
        self.end_ns: int | None = None
        self.outcome: Outcome | None = None
        """None while the leg is open."""
        self.failure = ""
        self.deadline_ns = 0
        self.deadline_bucket = -1
        self._deadlines = deadlines
        self._connection: UpstreamConnection | None = None
        self._unsent: list[bytes] | None = None
        """What waits for a connection."""
        self._last = False
        self._head_request = False
        self._upgrade = False
        self._is_repeated = False

    # What the owner does.

    def begin(self, data: bytes, *, last: bool, head_request: bool = False, upgrade: bool = False) -> None:
        """Sends the first bytes of the request, over an idle connection or a new one; repeated, over a new one.

        Args:
            data: at least the head.
            last: there are no more.
            head_request: the method is HEAD.
            upgrade: it asks for another protocol; see `UpstreamConnection.carry`.
        """
        self._head_request = head_request
        self._upgrade = upgrade
        self.deadline_ns = _NEVER_NS
        self.t0_ns = None
        self._last = last
        now_ns = monotonic_ns()
        connection = None if self._is_repeated else self.pool.take(now_ns)
        while connection is not None:
            self.reused = True
            if self._attach(connection, data, now_ns):
                return
            connection = self.pool.take(now_ns)  # the server had closed that one, and no byte of the request left
        self.reused = False
        self._keep_unsent(data)
        self.pool.connect(self)

    def send(self, data: bytes, *, last: bool) -> None:
        """Sends more of the request."""
        self._last = last
        if self._connection is None:
            self._keep_unsent(data)
        elif self.outcome is None:
            self._write(data)

    def unsent_bytes(self) -> int:
        """Request bytes that wait for a connection."""
        return sum(map(len, self._unsent or ()))

    def pause_reading(self) -> None:
        """Holds the response; its limits stand still meanwhile."""
        if self._connection is not None:
            self._connection.reading.pause()
            self.deadline_ns = _NEVER_NS

    def resume_reading(self) -> None:
        """Lets the response go on."""
        if self._connection is not None:
            self._connection.reading.resume()
            self._limit(monotonic_ns() + self.limits.idle_ns)
            self._deadlines.hasten(self)

    def cut(self, outcome: Outcome, failure: str) -> None:
        """Ends the leg from our side."""
        self._end(outcome, failure, monotonic_ns())

    # What a subclass overrides.

    def on_sent(self) -> None:
        """The whole request is out: `t0_ns` is set."""

    def on_head(self, response: Response, now_ns: int) -> None:
        """A head arrived, possibly an interim one (1xx)."""

    def on_data(self, data: bytes, now_ns: int) -> None:
        """A stretch of the body arrived; it is on the tape already."""

    def on_end(self) -> None:
        """The leg is over: `outcome` and `end_ns` are set."""

    def on_blocked(self) -> None:
        """The upstream takes no more of the request for now."""

    def on_flowing(self) -> None:
        """The upstream takes more again."""

    def repeat(self) -> bool:
        """An idle connection turned out to be dead: begins again and says True, or says False."""
        return False

    # What the pool calls.

    def connected(self, connection: UpstreamConnection, connect_ns: int) -> None:
        """See `Seeker`."""
        if self.outcome is not None:
            self.pool.idle(connection)
            return
        self.connect_ns = connect_ns
        data, self._unsent = b"".join(self._unsent or ()), None
        if not self._attach(connection, data, monotonic_ns()):
            self._end(Outcome.CONNECT_ERROR, "connection reset", monotonic_ns())

    def not_connected(self, reason: str, *, timed_out: bool) -> None:
        """See `Seeker`."""
        self._end(Outcome.TIMEOUT if timed_out else Outcome.CONNECT_ERROR, reason, monotonic_ns())

    # What the connection calls.

    def is_request_out(self) -> bool:
        """See `Exchange`."""
        return self._last and self.t0_ns is not None

    def response_head(self, response: Response, now_ns: int) -> None:
        """See `Exchange`."""
        if response.status >= 200 or (response.status == 101 and self._upgrade):
            self.response = response
            self._limit(now_ns + self.limits.idle_ns)
            self._deadlines.hasten(self)
        self.on_head(response, now_ns)

    def response_data(self, data: bytes, now_ns: int) -> None:
        """See `Exchange`."""
        if self.received_bytes == 0:
            self.first_byte_ns = now_ns
        self.received_bytes += len(data)
        if self.tape is not None:
            self.tape.add(data, now_ns)
            if self.tape.size > self.limits.max_response_bytes:
                self._end(Outcome.TOO_LARGE, f"answer longer than {self.limits.max_response_bytes} bytes", now_ns)
                return
        self._limit(now_ns + self.limits.idle_ns)
        self.on_data(data, now_ns)

    def response_end(self, now_ns: int) -> None:
        """See `Exchange`."""
        self._connection = None
        self._end(_OK, "", now_ns)

    def response_broken(self, reason: str, now_ns: int, *, seen_any: bool) -> None:
        """See `Exchange`."""
        self._connection = None
        self._deadlines.discard(self)
        if self.reused and not seen_any and self.outcome is None:
            self._is_repeated = True
            if self.repeat():
                return
        self._end(Outcome.TRUNCATED, reason, now_ns)

    def request_blocked(self) -> None:
        """See `Exchange`."""
        self.on_blocked()

    def request_flowing(self, now_ns: int) -> None:
        """See `Exchange`."""
        if self._last and self.t0_ns is None:
            self._mark_t0(now_ns)
        self.on_flowing()

    def expired(self, now_ns: int) -> None:
        """See `Limited`."""
        what = "answer" if self.response is None else "more of the answer"
        self._end(Outcome.TIMEOUT, f"no {what} in time", now_ns)

    # Inside.

    def _keep_unsent(self, data: bytes) -> None:
        if self._unsent is None:
            self._unsent = []
        self._unsent.append(data)

    def _attach(self, connection: UpstreamConnection, data: bytes, now_ns: int) -> bool:
        """Begins the exchange; False when the connection was dead, and took none of `data`."""
        self._connection = connection
        connection.carry(self, head_request=self._head_request, upgrade=self._upgrade)
        self.deadline_ns = now_ns + self.limits.first_byte_ns
        if connection.write(data):
            if self._last:
                self._mark_t0(monotonic_ns())
        elif connection.took_nothing():
            self._connection = None
            connection.abandon()
            return False
        self._deadlines.add(self)
        return True

    def _write(self, data: bytes) -> None:
        assert self._connection is not None  # noqa: S101 - callers look first
        if self._connection.write(data) and self._last and self.t0_ns is None:
            self._mark_t0(monotonic_ns())

    def _mark_t0(self, now_ns: int) -> None:
        self.t0_ns = now_ns
        if self.response is None:
            self._limit(now_ns + self.limits.first_byte_ns)
        self.on_sent()

    def _limit(self, at_ns: int) -> None:
        """Sets the next limit; the whole exchange's comes first when it is nearer."""
        if self.t0_ns is not None and self.t0_ns + self.limits.total_ns < at_ns:
            at_ns = self.t0_ns + self.limits.total_ns
        self.deadline_ns = at_ns

    def _end(self, outcome: Outcome, failure: str, now_ns: int) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        self.failure = failure
        self.end_ns = now_ns
        if self._unsent:
            self._unsent = None
            self.pool.forget(self)
        self._deadlines.discard(self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        self.on_end()
