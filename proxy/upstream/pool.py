"""Connections to one origin: idle ones to take, new ones to make."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from typing import Protocol, cast

from proxy.upstream.connection import UpstreamConnection
from proxy.wire.heads import Origin
from runtime.tasks import Tasks

MAX_IDLE = 512
"""Idle connections kept; more are closed."""
MAX_IDLE_NS = 4_000_000_000
"""Servers close idle connections, uvicorn (vLLM's) after 5 s; a request sent into a closing one is lost."""


class Seeker(Protocol):
    """Who waits for a new connection."""

    def connected(self, connection: UpstreamConnection, connect_ns: int) -> None:
        """Here it is; it took `connect_ns` to make."""

    def not_connected(self, reason: str, *, timed_out: bool) -> None:
        """It could not be made."""


class Pool:
    """Connections to one origin. Each arm has its own, so that no arm warms another's."""

    def __init__(self, name: str, origin: Origin, connect_timeout_s: float, tasks: Tasks) -> None:
        self.name = name
        self.origin = origin
        self._connect_timeout_s = connect_timeout_s
        self._tasks = tasks
        self._tls = ssl.create_default_context() if origin.tls else None
        self._idle: list[UpstreamConnection] = []
        self._open: set[UpstreamConnection] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Pool {self.name}: {len(self._idle)} idle of {len(self._open)}>"

    def take(self) -> UpstreamConnection | None:
        """The idle connection used last, if one is fresh enough."""
        oldest_ns = time.monotonic_ns() - MAX_IDLE_NS
        while self._idle:
            connection = self._idle.pop()
            transport = connection.transport
            if transport is None or transport.is_closing():
                continue
            if connection.idle_since_ns >= oldest_ns:
                return connection
            transport.close()
        return None

    def connect(self, seeker: Seeker) -> None:
        """Makes a new connection and hands it to `seeker`, who is told of a failure, too."""
        self._tasks.start(f"connect {self.name}", self._connect(seeker))

    async def _connect(self, seeker: Seeker) -> None:
        began_ns = time.monotonic_ns()
        origin = self.origin
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, made = await asyncio.get_running_loop().create_connection(
                    cast("Callable[[], asyncio.Protocol]", lambda: UpstreamConnection(self)),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if origin.tls else None,
                )
        except TimeoutError:
            seeker.not_connected(f"no connection within {self._connect_timeout_s:g} s", timed_out=True)
        except (OSError, ssl.SSLError, UnicodeError) as error:
            seeker.not_connected(str(error) or type(error).__name__, timed_out=False)
        else:
            connection = cast(UpstreamConnection, made)
            if self._closed:
                connection.abandon()
                return
            self._open.add(connection)
            seeker.connected(connection, time.monotonic_ns() - began_ns)

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
