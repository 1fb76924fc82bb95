"""Builds sockets, roles and admin port from a configuration, and runs them until a signal."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cli.mirrored import mirrored
from cli.supervisor.child import Command, role_command
from cli.supervisor.place import prepare
from cli.supervisor.plan import PROXY, RECORDER, RoleSpec, plan
from cli.supervisor.sockets import address_text, listening_sockets
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import Terminal
from cli.version import version
from config.model import Config
from runtime.tasks import Tasks

PRIMARY_TEST_S = 3.0
_MAX_DESCRIPTORS = 2**20
_NO_RELOAD = "SIGHUP: reload is not there yet; restart to apply the configuration"


def serve_until_stopped(config: Config, only: str | None = None, *, command: Command = role_command) -> int:
    """Runs the roles of this machine, or the role `only`, until SIGTERM or SIGINT.

    Returns:
        0: everything was stopped in order.

    Raises:
        ListenError: an address cannot be listened on; nothing was started.
        PlaceError: the capture directory cannot be used; nothing was started.
    """
    os.umask(0o077)  # what the roles write holds texts of clients
    specs = plan(config, only)
    if any(s.role in {PROXY, RECORDER} for s in specs):
        prepare(Path(config.capture.dir))
    workers = sum(s.role == PROXY for s in specs)
    admin = listening_sockets(config.admin.host, config.admin.port, 1, "admin.port or --admin")
    try:
        clients = (
            listening_sockets(config.listen.host, config.listen.port, workers, "listen.port or --listen")
            if workers
            else ()
        )
    except BaseException:
        admin[0].close()
        raise
    _raise_descriptor_limit()
    return asyncio.run(_serve(config, specs, clients, admin[0], command))


async def _serve(
    config: Config,
    specs: Sequence[RoleSpec],
    clients: Sequence[socket.socket],
    admin: socket.socket,
    command: Command,
) -> int:
    terminal = Terminal()
    tasks = Tasks(lambda name, error: terminal.say("supervisor", "fault", f"{name}: {type(error).__name__}: {error}"))
    supervisor = Supervisor(config, specs, clients, terminal=terminal, tasks=tasks, command=command)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.signalled)
    loop.add_signal_handler(signal.SIGHUP, terminal.say, "supervisor", "ignored", _NO_RELOAD)
    _introduce(config, clients, admin, terminal)
    if clients:
        tasks.start("test of the primary", _warn_when_unreachable(config.primary.url, terminal))
    try:
        await supervisor.start()
        async with _admin_port(config, supervisor, admin):
            await supervisor.until_stop()
            await supervisor.stop()
    finally:
        await supervisor.stop()  # whatever went wrong, no role is left behind
        await tasks.close()
    terminal.say("supervisor", "stopped", "all roles have ended")
    return 0


@contextlib.asynccontextmanager
async def _admin_port(config: Config, supervisor: Supervisor, sock: socket.socket) -> AsyncIterator[None]:
    # Imported now that the proxies serve: it would cost them a quarter of a second.
    from cli.supervisor.admin import Admin, serve_admin  # noqa: PLC0415

    admin = Admin(
        version=version(),
        capture_dir=Path(config.capture.dir),
        statuses=supervisor.statuses,
        is_ready=supervisor.is_ready,
    )
    runner = await serve_admin(admin.app(config.admin.host), sock)
    try:
        yield
    finally:
        await runner.cleanup()


def _introduce(config: Config, clients: Sequence[socket.socket], admin: socket.socket, terminal: Terminal) -> None:
    if clients:
        terminal.say("supervisor", "listening", f"{address_text(clients[0])} for clients")
    terminal.say("supervisor", "listening", f"{address_text(admin)} for probes and /metrics (pid {os.getpid()})")
    if clients:
        for arm in mirrored(config):
            terminal.say(arm.name, "mirrored" if arm.share else "off", arm.text())


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
