"""The proxy role: builds the data plane and the shadow side into one process, and takes them down in order."""

import asyncio
import gc
import sys
import time
from typing import cast

from config.model import Config
from proxy import figures as names
from proxy.clock import unix_us
from proxy.generation import Generation, Shared
from proxy.generations import Generations
from proxy.leases import ArmLeases
from proxy.listening import Listener
from proxy.serve.connection import ClientConnection
from proxy.serve.context import ServeContext
from proxy.serve.tls import ClientTls
from proxy.shadow.lag import LagPeaks
from proxy.upstream import leg
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.pools import Pools
from proxy.upstream_figures import connection_totals
from record.pair import CONTROL
from runtime.link import Lease, Link, Order, Pause, Reload, RoleError, Start
from runtime.log import Log
from runtime.tasks import Tasks

_SWITCH_INTERVAL_S = 0.0005
"""How long another thread may keep the interpreter from the loop; Python's own 5 ms would be seen by clients."""
_GC_THRESHOLDS = (20_000, 20, 50)
"""Almost nothing here is cyclic; looking for cycles every 700 objects, as Python does, costs a tenth of a request."""
_FIGURES_EVERY_S = 1.0
_DRAIN_STEP_S = 0.02
_LAST_REQUESTS_S = 0.5
"""At a stop: how long clients that are connected may still begin a request. What is on its way would meet a reset."""


async def run(start: Start, link: Link) -> None:
    """Serves until the link says stop, then drains.

    Raises:
        RoleError: a file that the configuration names cannot be used.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        worker = Worker(start)
    except ValueError as error:
        raise RoleError(str(error)) from None
    await worker.open()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    link.obey(lambda order: worker.obey(order, link))
    worker.report_to(link)
    link.ready(worker.summary())
    await link.stop.wait()
    await worker.close(worker.config.drain)


class Worker:
    """One proxy process."""

    def __init__(self, start: Start) -> None:
        """Raises ValueError when a file that the configuration names cannot be used."""
        self._name = start.name
        self._listen_fds = start.listen_fds
        self._log_lines = Log(start.name)
        self._tasks = Tasks(self._internal_error)
        self._clients: set[ClientConnection] = set()
        self._listeners: list[Listener] = []
        self._internal_errors = 0
        self._handshakes_failed = 0
        tls = start.config.listen.tls
        self._tls = ClientTls(tls, self._handshake_failed) if tls is not None else None
        self._deadlines = Deadlines()
        self._lag = LagPeaks()
        self._pools = Pools(self._tasks, self._reachability_changed)
        self._leases = ArmLeases(start.name, start.slots)
        self._generations = Generations(
            Shared(
                name=start.name,
                leases=self._leases,
                lines=self._log_lines,
                tasks=self._tasks,
                lag=self._lag,
                deadlines=self._deadlines,
                pools=self._pools,
                on_internal_error=self._internal_error,
            ),
            start.config,
            start.config_version,
            adopt=self._adopt,
            is_used=self._is_used,
            totals=self._totals,
        )
        if start.paused:
            self._generations.pause(start.paused)

    @property
    def newest(self) -> Generation:
        """What new requests go by."""
        return self._generations.newest

    @property
    def config(self) -> Config:
        """By which it works."""
        return self.newest.config

    async def open(self) -> None:
        """Begins to serve on the inherited sockets."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_error)
        self.newest.start()
        self._deadlines.start()
        self._lag.start()
        self._tasks.start("figures", self._keep_figures())
        for fd in self._listen_fds:
            listener = Listener(fd, self._accept, self._tls, self.config.listen.timeout.head)
            await listener.open()
            self._listeners.append(listener)

    def summary(self) -> str:
        """One line for the operator."""
        config = self.config
        copies = ", ".join(
            [f"{c.name} {c.sample:.4g}" for c in config.candidates]
            + ([f"{CONTROL} {config.control.sample:.4g}"] if config.control.sample > 0 else [])
        )
        kind = "" if _is_compiled() else "; interpreted: with a C compiler, installing again halves the CPU it takes"
        return f"serving {config.primary.url} ({config.primary.name}); copies to {copies or 'nobody'}{kind}"

    def report_to(self, link: Link) -> None:
        """Tells the supervisor what it does with the limits that the workers share, as long as it serves."""
        self._tasks.start("leases", self._leases.report(link))

    def obey(self, order: Order, link: Link) -> None:
        """What the supervisor says while it serves; never raises."""
        try:
            match order:
                case Reload():
                    self._generations.on_taken_up = link.reloaded
                    link.reloaded(order.config_version, self.reload(order.configuration(), order.config_version))
                case Pause(candidates):
                    self._generations.pause(candidates)
                case Lease():
                    self._leases.accept(order)
        except Exception as error:  # noqa: BLE001 - clients go on being served as before
            self._internal_error(type(order).__name__.lower(), error)

    def reload(self, config: Config, config_version: int) -> str | None:
        """New requests go by this configuration; the certificate is read again, whether it changed or not.

        Returns:
            None, or in one line why not yet, or why not.
        """
        generations = self._generations
        try:
            if self._tls is not None and config.listen.tls is not None:
                self._tls.read(config.listen.tls)
            if config_version == generations.newest.config_version and not generations.newest.is_stale():
                return None
            return generations.reload(config, config_version)
        except (ValueError, OSError) as error:
            self._log_lines.error("reload", message=str(error))
            return f"{error}; the configuration in force stays"

    async def close(self, drain_s: float) -> None:
        """Stops accepting, lets what is under way end within `drain_s`, and closes the logs.

        Exchanges still open then are lost and counted as such by the recorder (`worker_lost`).
        """
        deadline_s = time.monotonic() + drain_s
        self._generations.drain()
        for listener in self._listeners:
            for connected in await listener.close():
                self._tasks.start("last client", listener.take(connected))
        await self._last_requests(min(deadline_s, time.monotonic() + _LAST_REQUESTS_S))
        for client in list(self._clients):
            client.drain()
        while self._open() and time.monotonic() < deadline_s:  # noqa: ASYNC110 - once in a life, two counts
            await asyncio.sleep(_DRAIN_STEP_S)
        if cut := self._open():
            self._log_lines.warning("drain", message="time is up; connections and copies still open", cut=cut)
        self._deadlines.stop()
        self._lag.stop()
        await self._tasks.close()
        await self._generations.close()

    async def _last_requests(self, until_s: float) -> None:
        """Whoever is connected may still ask; the answer ends the connection. Handshakes under way are not counted."""
        while (self._clients or self._tls is not None) and time.monotonic() < until_s:  # noqa: ASYNC110 - see `close`
            await asyncio.sleep(_DRAIN_STEP_S)

    def _open(self) -> int:
        """Connections of clients and copies under way."""
        return len(self._clients) + self._generations.open_copies()

    def _accept(self) -> asyncio.Protocol:
        client = ClientConnection(self.newest.context, self._clients.discard)
        self._clients.add(client)
        return cast("asyncio.Protocol", client)

    def _adopt(self, context: ServeContext) -> None:
        for client in self._clients:
            client.adopt(context)

    def _is_used(self, context: ServeContext) -> bool:
        return any(client.uses(context) for client in self._clients)

    async def _keep_figures(self) -> None:
        while True:
            self._generations.update()
            self._generations.mark(self._oldest_undecided_us())
            self._generations.renew()
            await asyncio.sleep(_FIGURES_EVERY_S)

    def _oldest_undecided_us(self) -> int:
        """Start of the oldest request that may still come to be copied; now, when there is none."""
        oldest_us = unix_us()
        for client in self._clients:
            oldest_us = client.oldest_us(oldest_us)
        return oldest_us

    def _totals(self) -> dict[str, int]:
        return {
            names.INTERNAL_ERRORS: self._internal_errors,
            names.HANDSHAKES_FAILED: self._handshakes_failed,
            **connection_totals(self._pools),
        }

    def _handshake_failed(self) -> None:
        self._handshakes_failed += 1

    def _reachability_changed(self, upstream: str, reason: str) -> None:
        if reason:
            self._log_lines.warning("upstream", message=f"{upstream} cannot be reached: {reason}", upstream=upstream)
        else:
            self._log_lines.info("upstream", message=f"{upstream} can be reached again", upstream=upstream)

    def _internal_error(self, operation: str, error: BaseException) -> None:
        self._internal_errors += 1
        self._log_lines.error("internal_error", operation=operation, error=repr(error))

    def _loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self._internal_error(
            str(context.get("message")), error if isinstance(error, BaseException) else RuntimeError("event loop")
        )


def _is_compiled() -> bool:
    return not (leg.__file__ or "").endswith(".py")
