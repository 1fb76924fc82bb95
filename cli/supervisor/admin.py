"""The admin port: probes, `/metrics` and, in `api`, what changes something."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from cli.supervisor.access import Token, guarded, refusal
from cli.supervisor.api import Api
from cli.supervisor.boards import Boards, BoardTotals
from cli.supervisor.keeper import RoleStatus
from cli.supervisor.leasing import LeasingStatus
from cli.supervisor.metrics import families, page
from cli.supervisor.mirroring import Mirroring

ANSWER_S = 5.0
"""A probe that waits longer has given up already; Kubernetes' default is 1 s, Prometheus' 10 s."""
CHANGED_S = 30.0
"""For what changes something: a reload waits for the disk and for every role, each with a limit of its own."""
BOARDS_S = 2.0
"""How long a page of metrics waits for the disk before it shows the last reading."""
LOOK_EVERY_S = 1.0
KEEPALIVE_S = 75.0
STOP_S = 1.0
MAX_BODY_BYTES = 2**16


class BoardReader:
    """Reads the boards in a thread, one reading at a time, so that a stalled disk holds one thread and no page."""

    def __init__(self, directory: Path, live: Path) -> None:
        self._boards = Boards(directory, live)
        self._last = BoardTotals()
        self._reading: asyncio.Future[BoardTotals] | None = None

    async def watch(self) -> None:
        """Looks once a second, whether anybody asks or not: a board that nobody saw is missing from the totals."""
        while True:
            await self.totals()
            await asyncio.sleep(LOOK_EVERY_S)

    async def totals(self) -> BoardTotals:
        """The newest reading to be had within two seconds."""
        reading = self._reading
        if reading is None or reading.done():
            reading = self._reading = asyncio.get_running_loop().run_in_executor(None, self._boards.read)
        done, _ = await asyncio.wait([reading], timeout=BOARDS_S)
        if done:  # of this one: another caller may have begun the next by now
            self._last = reading.result()
        return self._last


class Admin:
    """Handlers; they read the supervisor's state and change nothing."""

    def __init__(
        self,
        *,
        version: str,
        capture_dir: Path,
        live_dir: Path,
        statuses: Callable[[], Sequence[RoleStatus]],
        is_ready: Callable[[], bool],
        mirroring: Mirroring,
        leasing: Callable[[], LeasingStatus],
    ) -> None:
        self._version = version
        self.boards = BoardReader(capture_dir, live_dir)
        self._statuses = statuses
        self._is_ready = is_ready
        self._mirroring = mirroring
        self._leasing = leasing

    def app(self, host: str, token: Token, api: Api) -> web.Application:
        """The application; `host` is the configured one, which a `Host` header may name."""
        app = web.Application(middlewares=[_bounded, *guarded(host, token)], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        api.add_to(app)
        return app

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = self._is_ready()
        roles = {s.spec.name: "ready" if s.is_ready else "not ready" for s in self._statuses()}
        return web.json_response({"ready": ready, "roles": roles}, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        boards = await self.boards.totals()
        paused = {name: name in self._mirroring.paused() for name in self._mirroring.candidates()}
        body = page(families(self._version, self._statuses(), boards, paused, self._leasing()))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


@web.middleware
async def _bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    limit_s = ANSWER_S if request.method in {"GET", "HEAD"} else CHANGED_S
    try:
        async with asyncio.timeout(limit_s):
            return await handler(request)
    except TimeoutError:
        return refusal(503, f"no answer within {limit_s:g} s")


async def serve_admin(app: web.Application, sock: socket.socket) -> web.AppRunner:
    """Starts serving; the caller ends it with `cleanup()`."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=KEEPALIVE_S, lingering_time=1.0, shutdown_timeout=STOP_S
    )
    await runner.setup()
    await web.SockSite(runner, sock).start()
    return runner
