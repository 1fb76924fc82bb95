"""Webhooks as a part of the dashboard role: sessions while some are configured, and an end within the role's drain."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from analyzer.judge.shared import Lines
from analyzer.plugins import PluginError, all_metrics
from analyzer.webhooks.books import StoreBooks
from analyzer.webhooks.session import Session, World
from config.model import Config
from runtime.link import RoleError
from runtime.tasks import Tasks
from runtime.version import version

CLOSE_S: Final = 3.5
"""Longer than a session takes to end; the supervisor waits five seconds for the role."""
_STEP_S: Final = 0.5
_AFTER_FAULT_S: Final = 30.0


def of_role(config: Callable[[], Config], lines: Lines) -> "Service":
    """The one of a role: the configured store, and the network.

    Raises:
        RoleError: a metric of another package cannot be used.
    """
    try:
        metrics = all_metrics()
    except PluginError as error:
        raise RoleError(str(error)) from None
    return Service(config, lines, World(version(), lambda now: StoreBooks(now.store, metrics)))


class Service:
    """`start` begins, `close` ends it."""

    def __init__(self, config: Callable[[], Config], lines: Lines, around: World) -> None:
        """`config`: as of now; webhooks may come, change and go with a reload."""
        self._config = config
        self._lines = lines
        self._around = around
        self._counts: defaultdict[str, float] = defaultdict(float)
        self._tasks = Tasks(self._fault)
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._run: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on, until `close`, whatever happens to store and webhooks."""
        self._run = self._tasks.start("webhooks", self._sessions())

    def figures(self) -> dict[str, float]:
        """For `/metrics`; nothing before webhooks were configured."""
        found = dict(self._counts)
        if self._session is not None:
            found["shadowbench_webhook_at_work"] = float(self._session.is_at_work)
            found["shadowbench_webhook_waiting"] = float(self._session.waiting)
        return found

    async def _sessions(self) -> None:
        while not self._stopping.is_set():
            if not self._config().webhooks:
                await self._pause()
                continue
            try:
                await self._one_session()
            except Exception as error:  # noqa: BLE001 - nobody would be told of anything any more
                self._fault("webhook session", error)
                await self._pause(_AFTER_FAULT_S)

    async def _one_session(self) -> None:
        """While there are webhooks. A look under way is not waited for when the end comes."""
        session = Session(self._config, self._lines, self._around, self._counts)
        self._session = session
        stop = self._tasks.start("stop of webhooks", self._stopping.wait())
        try:
            while not self._stopping.is_set() and self._config().webhooks:
                step = self._tasks.start("webhook step", session.step())
                await asyncio.wait([step, stop], return_when=asyncio.FIRST_COMPLETED)
                if not step.done():
                    step.cancel()
                await self._pause()
        finally:
            stop.cancel()
            self._session = None
            await session.close()

    async def close(self) -> None:
        """Lets attempts under way end, for a second or two; what is not delivered is told by the next start."""
        self._stopping.set()
        if self._run is not None:
            await asyncio.wait([self._run], timeout=CLOSE_S)
        await self._tasks.close()

    async def _pause(self, seconds: float = _STEP_S) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _fault(self, name: str, error: BaseException) -> None:
        self._counts["shadowbench_webhook_internal_errors_total"] += 1
        self._lines.error("internal error", task=name, error=f"{type(error).__name__}: {error}".partition("\n")[0])
