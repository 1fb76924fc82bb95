"""Builds sockets, roles and admin port from a configuration, and runs them until a signal."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cli.mirrored import mirrored, unverified
from cli.settings import Loaded
from cli.supervisor.child import Command, role_command
from cli.supervisor.mirroring import Mirroring
from cli.supervisor.place import prepare
from cli.supervisor.plan import DASHBOARD, PROXY, RECORDER, RoleSpec, plan
from cli.supervisor.reload import Load, Reloader
from cli.supervisor.sockets import address_text, listening_sockets
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import Terminal
from config.model import Config
from proxy.shadow.capture.live import live_directory
from runtime.log import Log
from runtime.tasks import Tasks
from runtime.version import version

PRIMARY_TEST_S = 3.0
_MAX_DESCRIPTORS = 2**20
_OWN_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not listened on


def serve_until_stopped(
    loaded: Loaded, load: Load | None, only: str | None = None, *, command: Command = role_command
) -> int:
    """Runs the roles of this machine, or the role `only`, until SIGTERM or SIGINT.

    Args:
        loaded: the configuration to begin with.
        load: reads it again for a reload; None when there is no file to read.
        only: one role.
        command: what runs a role.

    Returns:
        0: everything was stopped in order.

    Raises:
        ListenError: an address cannot be listened on; nothing was started.
        PlaceError: the capture directory cannot be used; nothing was started.
    """
    config = loaded.config
    os.umask(0o077)  # what the roles write holds texts of clients
    specs = plan(config, only)
    if any(s.role in {PROXY, RECORDER} for s in specs):
        prepare(Path(config.capture.dir))
    workers = sum(s.role == PROXY for s in specs)
    with contextlib.ExitStack() as opened:

        def listen(host: str, port: int, count: int, what: str) -> tuple[socket.socket, ...]:
            made = tuple(listening_sockets(host, port, count, what)) if count else ()
            for sock in made:
                opened.callback(sock.close)
            return made

        admin = listen(config.admin.host, config.admin.port, 1, "admin.port or --admin")
        clients = listen(config.listen.host, config.listen.port, workers, "listen.port or --listen")
        pages = sum(s.role == DASHBOARD for s in specs)
        dashboard = listen(config.dashboard.host, config.dashboard.port, pages, "dashboard.port or --dashboard")
        opened.pop_all()
    _raise_descriptor_limit()
    return asyncio.run(_serve(loaded, load, specs, _Sockets(admin[0], clients, dashboard), command=command))


@dataclass(frozen=True, slots=True)
class _Sockets:
    """They listen before any role runs."""

    admin: socket.socket
    clients: tuple[socket.socket, ...]
    """One for each proxy."""
    dashboard: tuple[socket.socket, ...]
    """One, or none."""


async def _serve(
    loaded: Loaded,
    load: Load | None,
    specs: Sequence[RoleSpec],
    sockets: _Sockets,
    *,
    command: Command,
) -> int:
    config, terminal = loaded.config, Terminal()
    Log("supervisor").take_libraries()
    tasks = Tasks(lambda name, error: terminal.say("supervisor", "fault", f"{name}: {type(error).__name__}: {error}"))
    listening = (*sockets.clients, *sockets.dashboard)
    supervisor = Supervisor(
        config, specs, listening, terminal=terminal, tasks=tasks, command=command, admin_url=_reached(sockets.admin)
    )
    reloader = Reloader(load, loaded, supervisor, terminal)
    mirroring = Mirroring(supervisor, terminal)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.signalled)
    loop.add_signal_handler(signal.SIGHUP, reloader.signalled)
    _introduce(config, sockets, terminal)
    if sockets.clients:
        tasks.start("test of the primary", _warn_when_unreachable(config.primary.url, terminal))
    try:
        await supervisor.start()
        tasks.start("reload", reloader.watch())
        async with _admin_port(supervisor, reloader, mirroring, sockets.admin, tasks):
            await supervisor.until_stop()
            await supervisor.stop()
    finally:
        await supervisor.stop()  # whatever went wrong, no role is left behind
        await tasks.close()
    terminal.say("supervisor", "stopped", "all roles have ended")
    return 0


@contextlib.asynccontextmanager
async def _admin_port(
    supervisor: Supervisor, reloader: Reloader, mirroring: Mirroring, sock: socket.socket, tasks: Tasks
) -> AsyncIterator[None]:
    # Imported now that the proxies serve: it would cost them a quarter of a second.
    from cli.supervisor.admin import Admin, serve_admin  # noqa: PLC0415
    from cli.supervisor.api import Api  # noqa: PLC0415

    config = supervisor.config
    admin = Admin(
        version=version(),
        capture_dir=Path(config.capture.dir),
        live_dir=live_directory(Path(config.capture.dir), Path(config.capture.memory)),
        statuses=supervisor.statuses,
        is_ready=supervisor.is_ready,
        mirroring=mirroring,
        leasing=supervisor.leasing.status,
    )
    tasks.start("boards", admin.boards.watch())
    api = Api(version(), supervisor, reloader, mirroring)
    runner = await serve_admin(admin.app(config.admin.host, lambda: _token(supervisor.config), api), sock)
    try:
        yield
    finally:
        await runner.cleanup()


def _reached(sock: socket.socket) -> str:
    """How this machine itself reaches a port of ours."""
    host, port = sock.getsockname()[:2]
    return f"http://{_OWN_ADDRESS.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def _token(config: Config) -> str | None:
    return config.admin.token.get_secret_value() if config.admin.token is not None else None


def _introduce(config: Config, sockets: _Sockets, terminal: Terminal) -> None:
    clients, admin = sockets.clients, address_text(sockets.admin)
    if clients:
        terminal.say("supervisor", "listening", f"{address_text(clients[0])} for clients")
    terminal.say("supervisor", "listening", f"{admin} for probes and /metrics (pid {os.getpid()})")
    for sock in sockets.dashboard:
        terminal.say("supervisor", "listening", f"{address_text(sock)} for pages: http://{address_text(sock)}/")
    if clients:
        for arm in mirrored(config):
            terminal.say(arm.name, "mirrored" if arm.share else "off", arm.text())
        for name in unverified(config):
            terminal.say(
                name, "warning", "tls.verify is off: anybody on the way can be this upstream, and read its keys"
            )


async def _warn_when_unreachable(url: str, terminal: Terminal) -> None:
    """A connection test, no more: the primary may come up later, and clients are told then as now."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(PRIMARY_TEST_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
    except TimeoutError:
        reason = f"no connection within {PRIMARY_TEST_S:g} s"
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    else:
        return
    terminal.say("primary", "warning", f"{url} is not reachable ({reason}); clients get 502 until it is")


def _raise_descriptor_limit() -> None:
    """Two or more descriptors per exchange: the usual soft limit of 1024 would end at a few hundred clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(ValueError, OSError):  # refused: the roles go on with what there is
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
