"""Keeps one role running: start, restart, stop."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from cli.supervisor.backoff import Backoff
from cli.supervisor.child import Child, Command, Patience
from cli.supervisor.plan import RoleSpec
from cli.supervisor.sockets import ListenError, come_back, step_aside
from cli.supervisor.terminal import Terminal
from config.model import Config
from runtime.link import Demand, Failed, Figures, FromRole, Order, Pause, Ready, Reload, Reloaded, Start
from runtime.tasks import Tasks


class Lives(Protocol):
    """Hears of the lives of workers, by name; it leases them their parts of the limits that are shared."""

    def begin(self, worker: str) -> Mapping[str, int]:
        """A process is about to start; candidate -> copies under way until its first lease."""
        ...

    def hear(self, worker: str, demand: Demand) -> None:
        """What it wants of the limits."""
        ...

    def end(self, worker: str) -> None:
        """Its process is gone, or could not be started."""
        ...


REFUSE_FROM_S = 1.0
"""A worker that stays away this long has its connections refused rather than left waiting."""


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """A role as probes and metrics see it."""

    spec: RoleSpec
    is_ready: bool
    restarts: int
    figures: Mapping[str, float] = field(default_factory=dict)
    """What it last reported; empty while it does not run."""
    config_version: int | None = None
    """By which it works; None while it does not."""
    pid: int | None = None
    """None while it does not run."""


class Keeper:
    """One role. `keep` is its life; `stop` ends it."""

    def __init__(
        self,
        spec: RoleSpec,
        config: Config,
        sockets: tuple[socket.socket, ...],
        *,
        command: Command,
        terminal: Terminal,
        tasks: Tasks,
        lives: Lives | None = None,
        config_version: int = 1,
        admin_url: str = "",
    ) -> None:
        self.spec = spec
        self._lives = lives
        self._start = Start(
            spec.role, spec.name, config, config_version, tuple(s.fileno() for s in sockets), admin_url=admin_url
        )
        self._sockets = sockets
        self._command = command
        self._terminal = terminal
        self._tasks = tasks
        self._backoff = Backoff()
        self._patience = Patience()
        self._drain_s = 0.0
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()
        self._restarts = 0
        self._figures: Mapping[str, float] = {}
        self._child: Child | None = None
        self._works_by: int | None = None
        self._started_with = config_version
        self._not_yet: str | None = None
        self._answered = asyncio.Event()
        self._reason: str | None = None
        self._last_said: str | None = None

    def status(self) -> RoleStatus:
        """As of now."""
        pid = self._child.pid if self._child is not None else None
        return RoleStatus(self.spec, self._ready.is_set(), self._restarts, self._figures, self._works_by, pid)

    async def until_ready(self) -> None:
        """Waits until the role says that it works."""
        await self._ready.wait()

    def tell(self, message: Order) -> bool:
        """Tells the role while it runs; False when it does not, or does not listen."""
        return self._child is not None and self._child.tell(message)

    def pause(self, candidates: tuple[str, ...]) -> None:
        """These candidates, and no others, get no copies for now; later starts of the role know it, too."""
        self._start = replace(self._start, paused=candidates)
        self.tell(Pause(candidates))

    def reload(self, config: Config, config_version: int) -> None:
        """From now on this configuration, in later starts of the role, too."""
        self._start = replace(self._start, config=config, config_version=config_version)
        self._answered.clear()
        self._not_yet = None
        self.tell(Reload.of(config, config_version))

    async def until_reloaded(self, at_most_s: float) -> str | None:
        """Waits until the role works by the newest configuration, or does not run and will start with it.

        Returns:
            None, or in one line why it does not yet.
        """
        if self._child is None:
            return None
        try:
            async with asyncio.timeout(at_most_s):
                await self._answered.wait()
        except TimeoutError:
            return f"did not answer within {at_most_s:g} s"
        return self._not_yet

    def start(self) -> None:
        """Starts the role, as a task."""
        self._finished.clear()
        self._tasks.start(f"keep {self.spec.name}", self._keep())

    def stop(self, drain_s: float, patience: Patience) -> None:
        """Asks the role to drain for at most `drain_s` seconds; it is ended after that, and not started again."""
        self._drain_s, self._patience = drain_s, patience
        self._stopping.set()

    async def until_finished(self) -> None:
        """Waits until no process of the role is left."""
        await self._finished.wait()

    async def _keep(self) -> None:
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                await self._live()
                if not self._stopping.is_set():
                    await self._pause(self._backoff.after(time.monotonic() - began))
        finally:
            self._finished.set()

    async def _live(self) -> None:
        """One process, from its start to its end."""
        try:
            come_back(self._sockets)
            child = await self._spawn()
        except (OSError, ListenError) as error:
            self._reason = f"could not be started: {error}"
            return
        self._child = child
        listening = self._tasks.start(f"listen to {self.spec.name}", child.listen(self._heard))
        ended = self._tasks.start(f"wait for {self.spec.name}", child.ended())
        asked = self._tasks.start(f"stop of {self.spec.name}", self._stopping.wait())
        await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not ended.done():
            await self._stop_child(child)
        code = await ended
        await child.last_words(listening)
        self._ready.clear()
        self._figures, self._child, self._works_by = {}, None, None
        self._answered.set()
        self._note_gone()
        self._note_end(code)

    def _note_gone(self) -> None:
        if self._lives is not None:
            self._lives.end(self.spec.name)

    async def _spawn(self) -> Child:
        """A process that knows the newest, also of what is said while it is made.

        Raises:
            OSError: the system could not start it.
        """
        told = self._start
        slots = self._lives.begin(self.spec.name) if self._lives is not None else {}
        try:
            child = await Child.spawn(self.spec, replace(told, slots=slots), self._command)
        except OSError:
            self._note_gone()
            raise
        if self._start != told:
            child.tell(Reload.of(self._start.config, self._start.config_version))
            child.tell(Pause(self._start.paused))
        self._started_with = told.config_version
        return child

    def _note_end(self, code: int) -> None:
        if self._reason is None:
            self._reason = _end_text(code)

    async def _stop_child(self, child: Child) -> None:
        self._ready.clear()
        if await child.stop(self._drain_s, self._patience):
            self._terminal.say(self.spec.name, "stopped", "drained")
        else:
            late = "a second signal came" if self._patience.is_over else f"it did not drain in {self._drain_s:g} s"
            self._terminal.say(self.spec.name, "ended", f"by force, for {late}")

    async def _pause(self, wait_s: float) -> None:
        self._restarts += 1
        self._say_once(f"{self._reason} ({'starting again' if wait_s == 0 else 'tried again until it works'})")
        self._reason = None
        if wait_s >= REFUSE_FROM_S:
            step_aside(self._sockets)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()

    def _say_once(self, detail: str) -> None:
        """A role that fails again and again for the same reason says so once."""
        if detail != self._last_said:
            self._terminal.say(self.spec.name, "failed", detail)
        self._last_said = detail

    def _note_version(self, config_version: int, not_yet: str | None) -> None:
        if config_version != self._start.config_version:
            return  # about one that is old by now
        if self._not_yet is not None and not_yet is None:
            self._terminal.say(self.spec.name, "reloaded", f"works by configuration {config_version} now")
        self._not_yet = not_yet
        if not_yet is None:
            self._works_by = config_version
        self._answered.set()

    def _heard(self, message: FromRole) -> None:
        match message:
            case Ready(detail):
                if not self._stopping.is_set():
                    self._ready.set()
                    self._works_by = self._works_by or self._started_with
                    self._last_said = None
                    self._terminal.say(self.spec.name, "ready", detail)
            case Figures(figures):
                self._figures = figures
            case Demand():
                if self._lives is not None:
                    self._lives.hear(self.spec.name, message)
            case Reloaded(config_version, not_yet):
                self._note_version(config_version, not_yet)
            case Failed(reason):
                self._reason = reason


def _end_text(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
