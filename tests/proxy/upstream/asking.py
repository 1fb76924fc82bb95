"""One leg against a server of the test's own."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from proxy.upstream.connector import Route
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import Leg, LegLimits
from proxy.upstream.pool import Pool, PoolCounts
from proxy.upstream.pools import Pools
from proxy.upstream.resolver import Resolver
from proxy.upstream.tape import Tape
from proxy.upstream.tls import Tls
from proxy.wire.heads import Origin
from record.outcome import Outcome
from runtime.tasks import Tasks

TIMEOUT_S = 5.0
LIMITS = LegLimits(first_byte_ns=10**10, idle_ns=10**10)
GET = b"GET / HTTP/1.1\r\nHost: upstream\r\n\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Asking:
    """A plain leg (compiled, it can have no subclass here), and all of its answer."""

    def __init__(self, pool: Pool, limits: LegLimits = LIMITS) -> None:
        self._tape = Tape(2**40, 0)
        self.leg = Leg(pool, Deadlines(), limits, self._tape)
        self._spilled = b""
        self.step: Callable[[], None] = lambda: None
        """Called with every few KiB."""
        self._tape.bind(0, self)

    def spill(self, arm: int, times_ns: list[int], ends: list[int], data: bytes) -> None:
        self._spilled += data
        self.step()

    @property
    def body(self) -> bytes:
        return self._spilled + self._tape.rest()[2]

    @property
    def body_bytes(self) -> int:
        return self._tape.size

    @property
    def status(self) -> int | None:
        return self.leg.response.status if self.leg.response is not None else None

    @property
    def outcome(self) -> Outcome | None:
        return self.leg.outcome

    @property
    def failure(self) -> str:
        return self.leg.failure

    @property
    def reused(self) -> bool:
        return self.leg.reused

    def begin(self, data: bytes, *, last: bool = True) -> None:
        self.leg.begin(data, last=last)

    async def end(self) -> "Asking":
        async with asyncio.timeout(TIMEOUT_S):
            while self.leg.outcome is None:
                await asyncio.sleep(0.001)
        return self


class Upstream:
    """Its pool, and what was told of it."""

    def __init__(self, port: int, tls: Tls | None, timeout_s: float, host: str, resolver: Resolver | None) -> None:
        self.told: list[str] = []
        self.faults: list[BaseException] = []
        self.tasks = Tasks(lambda name, error: self.faults.append(error))
        self.pools = Pools(self.tasks, self._tell)
        scheme = "https" if tls else "http"
        origin = Origin.parse(f"{scheme}://{host}:{port}")
        if resolver is None:
            self.pool = self.pools.of_primary("up", origin, timeout_s, tls)
        else:
            route = Route("up", origin, timeout_s, tls, resolver, self.pools.budgets.of_primary, self._tell)
            self.pool = Pool(route, self.tasks, PoolCounts())

    def _tell(self, name: str, reason: str) -> None:
        self.told.append(reason)

    async def ask(self, request: bytes = GET, limits: LegLimits = LIMITS) -> Asking:
        leg = Asking(self.pool, limits)
        leg.begin(request, last=True)
        return await leg.end()


@contextlib.asynccontextmanager
async def upstream(
    serve: Serve,
    *,
    tls: Tls | None = None,
    server_context: ssl.SSLContext | None = None,
    timeout_s: float = TIMEOUT_S,
    host: str = "127.0.0.1",
    resolver: Resolver | None = None,
) -> AsyncIterator[Upstream]:
    """A server on loopback, and the pool that leads to it."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=server_context)
    made = Upstream(server.sockets[0].getsockname()[1], tls, timeout_s, host, resolver)
    try:
        yield made
        assert made.faults == []
    finally:
        made.pool.close()
        await made.tasks.close()
        server.close()
        await asyncio.sleep(0.01)
