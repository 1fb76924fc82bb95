"""One exchange with an upstream: marks, limits, how it ended. The primary's and the candidates' legs are made of this.

t0 is the instant at which the last byte of the request has left our write buffer; connecting is kept apart.
"""

import time
from dataclasses import dataclass

from proxy.upstream.connection import Response, UpstreamConnection
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.pool import Pool
from proxy.upstream.tape import Tape
from record.outcome import Outcome

_NEVER_NS = 2**62


@dataclass(frozen=True, slots=True)
class LegLimits:
    """Limits in nanoseconds and bytes; connecting is limited by the pool."""

    first_byte_ns: int
    idle_ns: int
    total_ns: int = _NEVER_NS
    max_response_bytes: int = 2**62


class Leg:
    """Base of a leg. Subclasses say what happens with the response by overriding the `on_` methods."""

    __slots__ = (
        "_connection", "_deadlines", "_head_request", "_last", "_unsent", "connect_ns", "deadline_bucket",
        "deadline_ns", "end_ns", "failure", "limits", "outcome", "pool", "response", "reused", "t0_ns", "tape",
    )  # fmt: skip

    def __init__(self, pool: Pool, deadlines: Deadlines, limits: LegLimits, tape: Tape | None) -> None:
        self.pool = pool
        self.limits = limits
        self.tape = tape
        self.response: Response | None = None
        self.t0_ns: int | None = None
        self.connect_ns: int | None = None
        self.reused = False
        self.end_ns: int | None = None
        self.outcome: Outcome | None = None
        """None while the leg is open."""
        self.failure = ""
        self.deadline_ns = 0
        self.deadline_bucket = -1
        self._deadlines = deadlines
        self._connection: UpstreamConnection | None = None
        self._unsent: list[bytes] = []
        self._last = False
        self._head_request = False

    # What the owner does.

    def begin(self, data: bytes, *, last: bool, head_request: bool = False) -> None:
        """Sends the first bytes of the request, over an idle connection or a new one. `last`: there are no more."""
        self._head_request = head_request
        self.deadline_ns = _NEVER_NS
        self._last = last
        connection = self.pool.take()
        if connection is not None:
            self.reused = True
            self._attach(connection, data)
        else:
            self._unsent.append(data)
            self.pool.connect(self)

    def send(self, data: bytes, *, last: bool) -> None:
        """Sends more of the request."""
        self._last = last
        if self._connection is None:
            self._unsent.append(data)
        elif self.outcome is None:
            self._write(data)

    def unsent_bytes(self) -> int:
        """Request bytes that wait for a connection."""
        return sum(map(len, self._unsent))

    def pause_reading(self) -> None:
        """Holds the response; its limits stand still meanwhile."""
        if self._connection is not None:
            self._connection.pause_reading()
            self.deadline_ns = _NEVER_NS

    def resume_reading(self) -> None:
        """Lets the response go on."""
        if self._connection is not None:
            self._connection.resume_reading()
            self._limit(time.monotonic_ns() + self.limits.idle_ns)
            self._deadlines.hasten(self)

    def cut(self, outcome: Outcome, failure: str) -> None:
        """Ends the leg from our side."""
        self._end(outcome, failure, time.monotonic_ns())

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
        data, self._unsent = b"".join(self._unsent), []
        self._attach(connection, data)

    def not_connected(self, reason: str, *, timed_out: bool) -> None:
        """See `Seeker`."""
        self._end(Outcome.TIMEOUT if timed_out else Outcome.CONNECT_ERROR, reason, time.monotonic_ns())

    # What the connection calls.

    def is_request_out(self) -> bool:
        """See `Exchange`."""
        return self._last and self.t0_ns is not None

    def response_head(self, response: Response, now_ns: int) -> None:
        """See `Exchange`."""
        if response.status >= 200:
            self.response = response
            self._limit(now_ns + self.limits.idle_ns)
            self._deadlines.hasten(self)
        self.on_head(response, now_ns)

    def response_data(self, data: bytes, now_ns: int) -> None:
        """See `Exchange`."""
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
        self._end(Outcome.OK, "", now_ns)

    def response_broken(self, reason: str, now_ns: int, *, seen_any: bool) -> None:
        """See `Exchange`."""
        self._connection = None
        self._deadlines.discard(self)
        if self.reused and not seen_any and self.outcome is None and self.repeat():
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

    def _attach(self, connection: UpstreamConnection, data: bytes) -> None:
        self._connection = connection
        connection.carry(self, head_request=self._head_request)
        self.deadline_ns = time.monotonic_ns() + self.limits.first_byte_ns
        self._write(data)
        self._deadlines.add(self)

    def _write(self, data: bytes) -> None:
        assert self._connection is not None  # noqa: S101 - callers look first
        if self._connection.write(data) and self._last:
            self._mark_t0(time.monotonic_ns())

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
        self._unsent = []
        self._deadlines.discard(self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        self.on_end()
