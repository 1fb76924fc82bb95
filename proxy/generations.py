"""The generations of a worker: the newest, which takes every new request, and older ones that still have work."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from config.model import Config
from proxy import figures as names
from proxy.generation import Generation, Shared
from proxy.serve.context import ServeContext
from proxy.upstream_figures import connection_gauges

MAX_OLDER = 8
"""Each has a board, a log with its thread, and connections; a reload beyond that waits until one has ended."""
SEEN_S = 3.0
"""How long the board of a generation that has ended stays: the supervisor, which adds up all boards, looks at them once
a second, and the recorder takes away what is finished.
"""
_STEP_S = 0.1
_SECOND_NS = 1_000_000_000

AdoptContext = Callable[[ServeContext], None]
"""Makes every client's next request use a context."""
IsUsed = Callable[[ServeContext], bool]
"""Does a request of a client that is under way use it?"""
Totals = Callable[[], dict[str, int]]
"""Counters of the worker's whole life, by figure."""


class Generations:
    """Makes them, retires them, and says what all of them together hold."""

    def __init__(
        self,
        shared: Shared,
        config: Config,
        config_version: int,
        *,
        adopt: AdoptContext,
        is_used: IsUsed,
        totals: Totals,
    ) -> None:
        self._shared = shared
        self._adopt = adopt
        self._is_used = is_used
        self._totals = totals
        self._paused: Sequence[str] = ()
        self._waiting: tuple[Config, int] | None = None
        self._counted_before: dict[str, int] = {}
        """Totals when the newest began: they stand on older boards."""
        self.newest = Generation(config, config_version, shared)
        self.older: list[Generation] = []
        self.on_taken_up: Callable[[int], None] = lambda _version: None
        """Called with the version of a configuration that had to wait."""

    def all(self) -> Iterable[Generation]:
        """Newest first."""
        return (self.newest, *reversed(self.older))

    def open_copies(self) -> int:
        """Copies under way."""
        return sum(g.shadow.open_copies for g in self.all())

    def pause(self, candidates: Sequence[str]) -> None:
        """These candidates get no copies for now; holds over reloads."""
        self._paused = candidates
        for generation in self.all():
            generation.shadow.pause(candidates)

    def reload(self, config: Config, config_version: int) -> str | None:
        """From now on this configuration, for new requests.

        Returns:
            None, or why it waits; it is taken up as soon as it can be.

        Raises:
            ValueError, OSError: it cannot be used; the one before stays.
        """
        if len(self.older) >= MAX_OLDER:
            self._waiting = (config, config_version)
            return (
                f"exchanges of {MAX_OLDER} earlier configurations are still under way; it waits for one of them to end"
            )
        self._waiting = None
        old = self.newest
        new = Generation(config, config_version, self._shared, old)
        if self._paused:
            new.shadow.pause(self._paused)
        self.update()
        new.start(old)
        self._counted_before = self._totals()
        self.newest = new
        self.older.append(old)
        self._adopt(new.context)
        self.update()
        self._shared.tasks.start(f"end of configuration {old.config_version}", self._retire(old))
        return None

    def update(self) -> None:
        """Brings the figures of all boards up to date; gauges stand on all of them alike."""
        everyone = list(self.all())
        newest = self.newest.figures
        gauges = {
            names.LOOP_LAG: self._shared.lag.since(time.monotonic_ns() - _SECOND_NS),
            names.OPEN_COPIES: self.open_copies(),
            names.CAPTURE_QUEUED: sum(g.log.queued_bytes for g in everyone),
            **{name: newest.get(newest.index(name)) for name in names.CARRIED},
            **connection_gauges(
                {g.context.primary for g in everyone}, {pool for g in everyone for pool in g.shadow.pools()}
            ),
        }
        totals = {name: n - self._counted_before.get(name, 0) for name, n in self._totals().items()}
        self.newest.update(gauges, totals)
        for generation in self.older:
            generation.update(gauges, {})

    def renew(self) -> None:
        """Begins a new stream by the same configuration when that of the newest cannot go on; no client notices."""
        newest = self.newest
        if not newest.is_worn() or newest.context.draining or self._waiting is not None:
            return
        if len(self.older) < MAX_OLDER:
            try:
                self.reload(newest.config, newest.config_version)
            except (ValueError, OSError) as error:
                self._shared.on_internal_error("new stream", error)

    def mark(self, undecided_us: int) -> None:
        """Has every log say up to when it is complete; see `Generation.mark`."""
        now_s = time.monotonic()
        for generation in self.all():
            generation.mark(undecided_us, now_s)

    async def _retire(self, old: Generation) -> None:
        while old.shadow.open_copies or self._is_used(old.context):  # noqa: ASYNC110 - looked at by the loop's own pace
            await asyncio.sleep(_STEP_S)
        await old.written()
        await old.close()
        self.update()
        await asyncio.sleep(SEEN_S)
        self.older.remove(old)
        old.release(self.all())
        if self._waiting is not None:
            self._take_up(*self._waiting)

    def _take_up(self, config: Config, config_version: int) -> None:
        try:
            late = self.reload(config, config_version)
        except (ValueError, OSError) as error:
            self._shared.on_internal_error("reload", error)
            return
        if late is None:
            self.on_taken_up(config_version)

    def drain(self) -> None:
        """Of all of them: see `Generation.drain`. A configuration that waits is not taken up any more."""
        self._waiting = None
        for generation in self.all():
            generation.drain()

    async def close(self) -> None:
        """After the drain, its tasks ended: closes everything that is still there."""
        everyone = list(self.all())
        for generation in everyone:
            for pool in generation.pools.by_key.values():
                pool.close()
        await asyncio.gather(*(g.close() for g in everyone))
        self.update()
