"""The admin port: probes and `/metrics`."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST

from cli.supervisor.boards import Boards, BoardTotals
from cli.supervisor.keeper import RoleStatus
from cli.supervisor.metrics import families, page

ANSWER_S = 5.0
"""A probe that waits longer has given up already; Kubernetes' default is 1 s, Prometheus' 10 s."""
BOARDS_S = 2.0
"""How long a page of metrics waits for the disk before it shows the last reading."""
KEEPALIVE_S = 75.0
STOP_S = 1.0
MAX_BODY_BYTES = 2**16


class BoardReader:
    """Reads the boards in a thread, one reading at a time, so that a stalled disk holds one thread and no page."""

    def __init__(self, directory: Path) -> None:
        self._boards = Boards(directory)
        self._last = BoardTotals()
        self._reading: asyncio.Future[BoardTotals] | None = None

    async def totals(self) -> BoardTotals:
        """The newest reading to be had within two seconds."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._boards.read)
        done, _ = await asyncio.wait([self._reading], timeout=BOARDS_S)
        if done:
            self._last = self._reading.result()
        return self._last


class Admin:
    """Handlers; they read the supervisor's state and change nothing."""

    def __init__(
        self,
        *,
        version: str,
        capture_dir: Path,
        statuses: Callable[[], Sequence[RoleStatus]],
        is_ready: Callable[[], bool],
    ) -> None:
        self._version = version
        self._boards = BoardReader(capture_dir)
        self._statuses = statuses
        self._is_ready = is_ready

    def app(self, host: str) -> web.Application:
        """The application; `host` is the configured one, which a `Host` header may name."""
        app = web.Application(middlewares=[_bounded, _host_check(host)], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = self._is_ready()
        roles = {s.spec.name: "ready" if s.is_ready else "not ready" for s in self._statuses()}
        return web.json_response({"ready": ready, "roles": roles}, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        boards = await self._boards.totals()
        body = page(families(self._version, self._statuses(), boards))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


@web.middleware
async def _bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await handler(request)
    except TimeoutError:
        return web.json_response({"error": f"no answer within {ANSWER_S:g} s"}, status=503)


def _host_check(configured: str) -> Middleware:
    """Refuses names that a web page could point at this machine (DNS rebinding)."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        own = request.transport.get_extra_info("sockname")[0] if request.transport else None
        if is_own_host(request.headers.get("Host", ""), {configured, own}):
            return await handler(request)
        return web.json_response(
            {"error": "this Host is not ours; use the address of the admin port, or set admin.host to the name"},
            status=421,
        )

    return check


def is_own_host(header: str, own: set[str | None]) -> bool:
    """Does a `Host` header name this machine: a loopback name or address, or one of `own`?"""
    host = header.strip().lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host == "localhost" or host.endswith(".localhost") or host in own:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def serve_admin(app: web.Application, sock: socket.socket) -> web.AppRunner:
    """Starts serving; the caller ends it with `cleanup()`."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=KEEPALIVE_S, lingering_time=1.0, shutdown_timeout=STOP_S
    )
    await runner.setup()
    await web.SockSite(runner, sock).start()
    return runner
