"""Connections to one origin: idle ones to take, new ones to make."""

import asyncio
import contextlib
from typing import Final, Protocol

from proxy.clock import monotonic_ns
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.connector import Connector, NotConnectedError, Route
from proxy.upstream.exchange import ConnectionOwner
from runtime.tasks import Tasks

MAX_IDLE: Final = 512
"""Idle connections kept; more are closed."""
_LOOK_AFTER_NS: Final = 10_000_000
"""A connection that was idle for longer is asked whether the server has closed it, which the loop may not have read
yet; a busy one is not worth the system call."""


class Seeker(Protocol):
    """Who waits for a new connection."""

    def connected(self, connection: UpstreamConnection, connect_ns: int) -> None:
        """Here it is; it took `connect_ns` to make."""

    def not_connected(self, reason: str, *, timed_out: bool) -> None:
        """It could not be made."""


class PoolCounts:
    """Of all pools that one arm of a worker ever had."""

    __slots__ = ("made", "reused")

    def __init__(self) -> None:
        self.made = 0
        """Connections made so far."""
        self.reused = 0
        """Exchanges so far that began on an idle connection."""


class Pool(ConnectionOwner):
    """Connections to one origin. Each arm has its own, so that no arm warms another's.

    Connects under way are bounded by those who wait for them: one each, ended with `forget`.
    """

    def __init__(self, route: Route, tasks: Tasks, counts: PoolCounts) -> None:
        self.name = route.name
        self.origin = route.origin
        self.counts = counts
        self._connector = Connector(route, tasks)
        self._tasks = tasks
        self._idle: list[UpstreamConnection] = []
        self._open: set[UpstreamConnection] = set()
        self._connecting: dict[Seeker, asyncio.Task[None]] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<Pool {self.name}: {len(self._idle)} idle of {len(self._open)}>"

    def idle_count(self) -> int:
        """Connections that wait for an exchange."""
        return len(self._idle)

    def open_count(self) -> int:
        """Connections, idle or in use."""
        return len(self._open)

    def connecting_count(self) -> int:
        """Connections that are being made."""
        return len(self._connecting)

    def take(self, now_ns: int) -> UpstreamConnection | None:
        """The idle connection used last, if one is fresh enough and the server has not closed it."""
        while self._idle:
            connection = self._idle.pop()
            transport = connection.transport
            if transport is None or transport.is_closing():
                continue
            idle_ns = now_ns - connection.idle_since_ns
            if idle_ns < _LOOK_AFTER_NS or (idle_ns <= connection.usable_idle_ns and connection.is_quiet()):
                self.counts.reused += 1
                return connection
            transport.close()
        return None

    def connect(self, seeker: Seeker) -> None:
        """Makes a new connection and hands it to `seeker`, who is told of a failure, too."""
        self._connecting[seeker] = self._tasks.start(f"connect {self.name}", self._connect(seeker))

    def forget(self, seeker: Seeker) -> None:
        """Gives up the connection that is being made for `seeker`."""
        task = self._connecting.pop(seeker, None)
        if task is not None:
            task.cancel()

    async def _connect(self, seeker: Seeker) -> None:
        began_ns = monotonic_ns()
        try:
            connection = await self._connector.connect(self)
        except NotConnectedError as failure:
            self._connecting.pop(seeker, None)
            seeker.not_connected(failure.reason, timed_out=failure.timed_out)
            return
        if self._connecting.pop(seeker, None) is None:
            connection.abandon()
            return
        self._open.add(connection)
        self.counts.made += 1
        seeker.connected(connection, monotonic_ns() - began_ns)

    def idle(self, connection: UpstreamConnection) -> None:
        """Takes a connection back."""
        if self._closed or len(self._idle) >= MAX_IDLE:
            if connection.transport is not None:
                connection.transport.close()
            return
        self._idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forgets a connection."""
        self._open.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)

    def fault(self, error: BaseException) -> None:
        """See `ConnectionOwner`."""
        self._tasks.report(f"response of {self.name}", error)

    def close(self) -> None:
        """Closes idle connections now, and those in use when they come back."""
        self._closed = True
        for connection in self._idle:
            if connection.transport is not None:
                connection.transport.close()
        self._idle.clear()
