"""A client's socket: what is written to it, whether it is read, how it ends, and when it must have moved."""

import asyncio
from typing import Final

from proxy.clock import monotonic_ns
from proxy.serve.half_close import FIRST_LOOK_NS, LOOK_AGAIN_NS, SENT_AHEAD, is_reset
from proxy.serve.reader import RequestReader
from proxy.upstream.deadlines import Deadlines

FOR_PIPELINE: Final = 1
FOR_TUNNEL: Final = 2
FOR_UPSTREAM: Final = 4
"""Why reading pauses: requests wait, a protocol is being changed, the upstream takes no more."""
LINGER_NS: Final = 2_000_000_000
"""How long a client that still sends is listened to behind a last answer. Closed at once, its system would be told of
a reset and throw the answer away unread (RFC 9112 section 9.6)."""


class ClientSocket(RequestReader):
    """The part of a connection that knows nothing of requests."""

    __slots__ = (
        "_ahead",
        "_deadlines",
        "_half_closed",
        "_lingering",
        "_paused_for",
        "_transport",
        "deadline_bucket",
        "deadline_ns",
    )  # fmt: skip

    def __init__(self, deadlines: Deadlines, head_timeout_ns: int, max_header_bytes: int, max_body_bytes: int) -> None:
        super().__init__(max_header_bytes, max_body_bytes)
        self._deadlines = deadlines
        self._transport: asyncio.Transport | None = None
        self._ahead = 0
        """Bytes of the next answer that were sent before it; see `half_close`."""
        self._half_closed = False
        """The client has shut down its writing side."""
        self._lingering = False
        self._paused_for = 0
        """Why it is not read: `FOR_` flags."""
        self.deadline_ns = monotonic_ns() + head_timeout_ns
        self.deadline_bucket = -1

    def expired(self, now_ns: int) -> None:
        """See `Limited`; for a subclass."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Sends bytes to the client."""
        if self._transport is not None:
            if self._ahead:
                data = data[self._ahead :]
                self._ahead = 0
            self._transport.write(data)

    def _limit(self, wait_ns: int) -> None:
        self.deadline_ns = monotonic_ns() + wait_ns
        self._deadlines.hasten(self)

    def _look_again(self, at_ns: int) -> None:
        """After a limit has passed: the next one."""
        self.deadline_ns = at_ns
        self._deadlines.add(self)

    def _pause(self, why: int) -> None:
        self._paused_for |= why
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self, why: int) -> None:
        self._paused_for &= ~why
        self._resume_reading()

    def _resume_reading(self) -> None:
        transport = self._transport
        if self._paused_for or self._half_closed or transport is None or transport.is_closing():
            return
        transport.resume_reading()

    def _begin_half_close(self, *, between_answers: bool) -> None:
        """The client sends no more; see `half_close`."""
        self._half_closed = True
        if between_answers and self._transport is not None:
            self._ahead = len(SENT_AHEAD)
            self._transport.write(SENT_AHEAD)
        self._limit(FIRST_LOOK_NS)

    def _look_whether_gone(self, now_ns: int) -> None:
        """It waits for us, and nothing is read that would say if it were gone."""
        if self._transport is not None and is_reset(self._transport):
            self._transport.abort()
        else:
            self._look_again(now_ns + LOOK_AGAIN_NS)

    def _shut(self) -> None:
        """Closes it behind what was written."""
        if self._transport is not None:
            self._transport.close()

    def _hear_out(self) -> None:
        """Says that nothing more comes, and throws away what still arrives, for a while."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._half_closed:
            transport.close()
            return
        self._lingering = True
        if transport.can_write_eof():
            transport.write_eof()
        self._paused_for = 0
        transport.resume_reading()
        self._limit(LINGER_NS)
