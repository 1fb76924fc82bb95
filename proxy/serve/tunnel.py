"""A WebSocket's bytes, both ways, once both sides have agreed on it. Nothing is read of them, and nothing copied.

Each direction holds at most `_HELD_BYTES` and one read: what the receiver does not take is not read from the sender.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from proxy.clock import monotonic_ns
from proxy.serve.figures import ServeFigures
from proxy.upstream.budget import LEG_BYTES, PausedReads, ReadBudget
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.reading import Reading

IDLE_NS: Final = 600_000_000_000
"""Without a byte in either direction. WebSockets may rest for long, and those that mean to stay send pings (RFC 6455
section 5.5.2), commonly every 20 to 60 s; balancers and address translation give up silent ones after 1 to 6 minutes.
What has been silent for 10 is not coming back, and would hold two descriptors for ever."""
_HELD_BYTES: Final = 256 * 2**10


class Tunnel:
    """Two connections spliced together."""

    __slots__ = (
        "_deadlines", "_figures", "_on_over", "_open_ends", "deadline_bucket", "deadline_ns", "to_client", "to_primary",
    )  # fmt: skip

    def __init__(
        self,
        client: asyncio.Transport,
        primary: asyncio.Transport,
        primary_reading: Reading,
        *,
        deadlines: Deadlines,
        figures: ServeFigures,
        on_over: Callable[[], None],
    ) -> None:
        self._deadlines = deadlines
        self._figures = figures
        self._on_over = on_over
        self._open_ends = 2
        self.deadline_ns = monotonic_ns() + IDLE_NS
        self.deadline_bucket = -1
        client_reading = Reading()
        client_reading.transport = client
        self.to_primary = TunnelEnd(self, client, primary, client_reading, figures.tunnel_to_primary)
        self.to_client = TunnelEnd(self, primary, client, primary_reading, figures.tunnel_to_client)
        self.to_primary.other, self.to_client.other = self.to_client, self.to_primary

    def open(self, early: bytes) -> None:
        """From here on bytes flow. `early`: what the client has said already."""
        self._deadlines.add(self)
        self._figures.tunnel_opened()
        for end in (self.to_client, self.to_primary):
            end.source.set_protocol(cast("asyncio.BaseProtocol", end))
            end.target.set_write_buffer_limits(high=_HELD_BYTES)
            if end.target.get_write_buffer_size() > _HELD_BYTES:
                end.hold()  # answers before it in a pipeline have not been taken yet
        if early:
            self.to_primary.data_received(early)

    def moved(self) -> None:
        """Bytes have flowed."""
        self.deadline_ns = monotonic_ns() + IDLE_NS

    def end_lost(self) -> None:
        """One of the two connections is gone."""
        self._open_ends -= 1
        if self._open_ends == 0:
            self._deadlines.discard(self)
            self._figures.tunnel_closed()
            self._on_over()

    def expired(self, now_ns: int) -> None:
        """See `Limited`."""
        self.cut()

    def cut(self) -> None:
        """Ends both connections at once."""
        self.to_client.source.abort()
        self.to_primary.source.abort()


class TunnelEnd:
    """Protocol of one connection: what it reads goes to the other. By its methods: see `ClientConnection`."""

    __slots__ = ("_budget", "_count", "_reading", "_tunnel", "has_ended", "other", "source", "target")

    def __init__(
        self,
        tunnel: Tunnel,
        source: asyncio.Transport,
        target: asyncio.Transport,
        reading: Reading,
        count: Callable[[int], None],
    ) -> None:
        self._tunnel = tunnel
        self._reading = reading
        self._budget = ReadBudget(LEG_BYTES, 0.0, PausedReads())
        self._count = count
        self.has_ended = False
        """The source has said all."""
        self.source = source
        self.target = target
        self.other = self
        """Protocol of the target."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Not called: the connection was made before."""

    def data_received(self, data: bytes) -> None:
        """From the source."""
        if not self.target.is_closing():
            self.target.write(data)
        self._count(len(data))
        self._tunnel.moved()
        budget = self._budget
        budget.read += len(data)
        if budget.read > budget.limit:
            budget.over(self._reading, len(data))

    def eof_received(self) -> bool:
        """The source has shut down its writing side: so does the target hear it, and may still speak."""
        self.has_ended = True
        if self.other.has_ended or self.target.is_closing() or not self._passes_half_close():
            self.target.close()  # what was written still leaves
            return False
        self._reading.transport = None  # there is nothing more to read, and nothing to resume
        self.target.write_eof()
        return True

    def _passes_half_close(self) -> bool:
        return self.target.can_write_eof() and self.source.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        """The source is gone: so is the target, behind what was written to it."""
        self._reading.transport = None
        if exc is None:
            self.target.close()
        else:
            self.target.abort()
        self._tunnel.end_lost()

    def pause_writing(self) -> None:
        """The source, as the other's target, takes no more."""
        self.other.hold()

    def resume_writing(self) -> None:
        """It takes more again."""
        self.other.go_on()

    def hold(self) -> None:
        """Reads no more of the source for now."""
        self._reading.pause()

    def go_on(self) -> None:
        """Reads the source again."""
        self._reading.resume()
