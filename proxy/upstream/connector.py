"""Makes connections to one origin: name, TCP and TLS within one limit, failures in words."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from proxy.upstream.budget import ReadBudget
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.dial import first_of
from proxy.upstream.exchange import ConnectionOwner
from proxy.upstream.reachability import OnChange, Reachability
from proxy.upstream.resolver import Resolver
from proxy.upstream.tls import Tls
from proxy.upstream.words import in_words
from proxy.wire.heads import Origin
from runtime.tasks import Tasks

_TLS_SHUTDOWN_S = 2.0
"""How long a closing connection waits for the other side's goodbye."""


class NotConnectedError(Exception):
    """No connection could be made."""

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Route:
    """How an origin is connected to."""

    name: str
    origin: Origin
    timeout_s: float
    """For name, TCP and TLS together."""
    tls: Tls | None
    """Not None exactly when the origin's address is https."""
    resolver: Resolver
    budget: Callable[[], ReadBudget]
    """Asked once per connection."""
    on_change: OnChange


class Connector:
    """Connects by numeric addresses only: the loop's own look-ups run in threads that all upstreams would share."""

    def __init__(self, route: Route, tasks: Tasks) -> None:
        if route.origin.tls != (route.tls is not None):
            raise ValueError(f"{route.name}: TLS belongs to https addresses, and to no others")
        self._route = route
        self._tasks = tasks
        self._reachability = Reachability(route.name, route.on_change)

    async def connect(self, owner: ConnectionOwner) -> UpstreamConnection:
        """A new connection.

        Raises:
            NotConnectedError: none could be made, or not in time.
        """
        route, resolver = self._route, self._route.resolver

        async def attempt(address: str) -> UpstreamConnection:
            return await self._open(address, owner)

        missing = f"no address of {route.origin.host}"
        try:
            async with asyncio.timeout(route.timeout_s):
                addresses = await resolver.addresses()
                missing = "no connection"
                made = await first_of(addresses, attempt, resolver.shun, self._tasks)
        except TimeoutError:
            reason = f"{missing} within {route.timeout_s:g} s"
            self._reachability.note(reason)
            raise NotConnectedError(reason, timed_out=True) from None
        except (OSError, UnicodeError) as error:
            reason = in_words(error)
            self._reachability.note(reason)
            raise NotConnectedError(reason, timed_out=False) from None
        self._reachability.note("")
        return made

    async def _open(self, address: str, owner: ConnectionOwner) -> UpstreamConnection:
        route = self._route
        connection = UpstreamConnection(owner, route.budget())
        protocol = cast("asyncio.Protocol", connection)
        loop = asyncio.get_running_loop()
        if route.tls is None:
            await loop.create_connection(lambda: protocol, address, route.origin.port)
        else:
            raw, _ = await loop.create_connection(asyncio.Protocol, address, route.origin.port)
            try:
                made = await loop.start_tls(
                    raw,
                    protocol,
                    route.tls.context,
                    server_hostname=route.tls.server_name,
                    ssl_handshake_timeout=route.timeout_s,
                    ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
                )
            except BaseException:
                raw.abort()
                raise
            if made is None:
                raise ConnectionResetError
            connection.connection_made(made)
            connection.read_through(raw)
        if not connection.is_fresh():
            connection.abandon()
            raise ConnectionResetError  # it was closed, or spoke unasked, before we could use it
        return connection
