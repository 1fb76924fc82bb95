"""Order of start and stop: proxies first, so that clients are answered before anything else is up."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence

from cli.supervisor.child import Command, Patience, role_command
from cli.supervisor.keeper import Keeper, RoleStatus
from cli.supervisor.leasing import Leasing
from cli.supervisor.plan import DASHBOARD, JUDGE, PROXY, RECORDER, STORE, RoleSpec
from cli.supervisor.terminal import Terminal
from config.model import Config
from runtime.link import Order
from runtime.tasks import Tasks

PROXIES_FIRST_S = 3.0
"""How long the other roles leave the cores to the starting proxies."""
DRAIN_MARGIN_S = 5.0
"""A proxy ends its drain itself after `drain`; this is for what it then still has to write."""
RECORDER_DRAIN_S = 30.0
JUDGE_DRAIN_S = 20.0
"""Calls under way are finished and stored; what is not is asked again, and paid again, at the next start."""
DASHBOARD_DRAIN_S = 5.0
STORE_DRAIN_S = 20.0
RELOAD_S = 5.0
"""How long a reload waits for each role to say that it took the configuration up; a late one does so later."""


class Supervisor:
    """All roles of this machine."""

    def __init__(
        self,
        config: Config,
        specs: Sequence[RoleSpec],
        sockets: Sequence[socket.socket],
        *,
        terminal: Terminal,
        tasks: Tasks,
        command: Command = role_command,
        admin_url: str = "",
    ) -> None:
        """`sockets`: one listening socket for each proxy and dashboard in `specs`, in that order."""
        self.config = config
        """By which roles are started; `reload` changes it."""
        self.config_version = 1
        self._sockets = tuple(sockets)
        self._terminal = terminal
        self._patience = Patience()
        self._start_patience = Patience()
        self._stopping = asyncio.Event()
        self._tasks = tasks
        self.leasing = Leasing(config, [s.name for s in specs if s.role == PROXY], self.tell_worker)
        """The limits that the workers share."""
        unused = list(sockets)
        self._keepers = [
            Keeper(
                spec,
                config,
                (unused.pop(0),) if spec.role in {PROXY, DASHBOARD} else (),
                command=command,
                terminal=terminal,
                tasks=tasks,
                lives=self.leasing if spec.role == PROXY else None,
                admin_url=admin_url,
            )
            for spec in specs
        ]

    def statuses(self) -> list[RoleStatus]:
        """All roles as of now."""
        return [k.status() for k in self._keepers]

    def is_ready(self) -> bool:
        """Every proxy works; the store and the recorder do not matter, clients do not need them.

        Where no proxy runs (`--role recorder`), the roles that do run.
        """
        if self._stopping.is_set():
            return False
        decisive = self._of(PROXY) or self._keepers
        return all(k.status().is_ready for k in decisive)

    def tell_workers(self, message: Order) -> None:
        """Tells every proxy that runs."""
        for keeper in self._of(PROXY):
            keeper.tell(message)

    def tell_worker(self, name: str, message: Order) -> bool:
        """Tells one proxy; False when it does not run or does not listen."""
        return any(keeper.tell(message) for keeper in self._of(PROXY) if keeper.spec.name == name)

    def pause(self, candidates: Sequence[str]) -> None:
        """These candidates, and no others, get no copies for now; `*` is all of them."""
        for keeper in self._of(PROXY):
            keeper.pause(tuple(candidates))

    async def reload(self, config: Config) -> Mapping[str, str]:
        """Hands a checked configuration to all roles; roles that start later get it, too.

        An equal one keeps its version: then the roles only read again what files it names hold.

        Returns:
            Why a role does not work by it yet, by the role's name; empty when all do.
        """
        if config != self.config:
            self.config, self.config_version = config, self.config_version + 1
        self.leasing.configure(config)
        for keeper in self._keepers:
            keeper.reload(config, self.config_version)
        answers = await asyncio.gather(*(k.until_reloaded(RELOAD_S) for k in self._keepers))
        return {k.spec.name: why for k, why in zip(self._keepers, answers, strict=True) if why is not None}

    def signalled(self) -> None:
        """The first signal asks for an orderly stop, the second makes it hurry."""
        if not self._stopping.is_set():
            self._terminal.say("supervisor", "stopping", "requests under way are finished first; again to hurry")
            self._stopping.set()
            self._start_patience.hurry()
        else:
            self._patience.hurry()

    async def start(self) -> None:
        """Starts the proxies and, when they answer or three seconds later, the other roles."""
        proxies = self._of(PROXY)
        if proxies:
            self.leasing.start(self._tasks)
        for keeper in proxies:
            keeper.start()
        with contextlib.suppress(TimeoutError):
            async with self._start_patience.limit(PROXIES_FIRST_S):
                await asyncio.gather(*(k.until_ready() for k in proxies))
        for keeper in self._keepers:
            if keeper not in proxies and not self._stopping.is_set():
                keeper.start()

    async def until_stop(self) -> None:
        """Waits for the first signal."""
        await self._stopping.wait()

    async def stop(self) -> None:
        """Ends the roles in the order of the data: who writes before who reads. All processes are gone after it."""
        self._stopping.set()
        drain_s = {
            PROXY: self.config.drain + DRAIN_MARGIN_S,
            DASHBOARD: DASHBOARD_DRAIN_S,
            RECORDER: RECORDER_DRAIN_S,
            JUDGE: JUDGE_DRAIN_S,
            STORE: STORE_DRAIN_S,
        }
        for role in (PROXY, DASHBOARD, RECORDER, JUDGE, STORE):
            keepers = self._of(role)
            for keeper in keepers:
                keeper.stop(drain_s[role], self._patience)
            if role == PROXY:
                for sock in self._sockets:  # the workers close theirs as their drain begins
                    sock.close()
            await asyncio.gather(*(k.until_finished() for k in keepers))

    def _of(self, role: str) -> list[Keeper]:
        return [k for k in self._keepers if k.spec.role == role]
