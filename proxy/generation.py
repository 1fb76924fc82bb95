"""All that a worker has by one configuration: board, capture log, arms, what connections share.

A reload makes a new generation beside the old one, which lives on until the last exchange that began with it has ended.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.experiment import deciding, experiments, planned_pairs
from config.model import Config
from proxy import figures as names
from proxy.building import Parts, serve_context, shadow_of
from proxy.figures import Figures, figure_names
from proxy.leases import ArmLeases
from proxy.serve.figures import ServeFigures
from proxy.shadow.capture.board import Board
from proxy.shadow.capture.frames import Watermark, encode
from proxy.shadow.capture.keeping import BoardKeeper
from proxy.shadow.capture.live import made_live_directory
from proxy.shadow.capture.sealing import KeyRing
from proxy.shadow.capture.segment import Setup
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.lag import LagPeaks
from proxy.shadow.pressure import Pressure
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.pool import Pool
from proxy.upstream.pools import Pools
from proxy.warm import WarmPools
from runtime.log import Log
from runtime.tasks import Tasks

LOG_CLOSE_S = 5.0
MARK_IDLE_EVERY_S = 10.0
"""How often a log that nothing is added to says that it is complete."""
_LOG_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Shared:
    """What all generations of a worker have in common."""

    name: str
    leases: ArmLeases
    lines: Log
    tasks: Tasks
    lag: LagPeaks
    deadlines: Deadlines
    pools: Pools
    on_internal_error: Callable[[str, BaseException], None]


class Generation:
    """One configuration at work."""

    def __init__(self, config: Config, config_version: int, shared: Shared, before: "Generation | None" = None) -> None:
        """`before`: whose warm connections, and whose count of what is open now, it takes over."""
        self.config = config
        self.config_version = config_version
        self._lines = shared.lines
        self.pools: WarmPools = WarmPools(shared.pools, before.pools.by_key if before else {})
        self.pools.prepare(config)
        compared = experiments(config)
        directory = Path(config.capture.dir)
        stream = uuid.uuid4()
        listed = figure_names(tuple(compared))
        live = made_live_directory(directory, Path(config.capture.memory))
        self.board = Board(stream, shared.name, tuple(compared), listed, live, capture=str(directory))
        self.figures = Figures(listed, self.board)
        self.log = CaptureLog(
            directory,
            stream,
            shared.name,
            Setup(
                config_version=config_version,
                block_s=config.blocks.length,
                experiments={name: (e.id, e.compared) for name, e in compared.items()},
                policy=deciding(config.policy),
                planned_pairs=planned_pairs(config.policy),
            ),
            flush_s=config.capture.flush,
            fsync_s=config.capture.fsync,
            max_queued_bytes=config.limits.shadow_memory // 2,
            max_disk_bytes=config.capture.max_disk,
            on_error=self._capture_error,
            chore=BoardKeeper(self.board, directory, live, self._capture_error),
            keys=KeyRing(config.capture.secrets()),
        )
        self.serve_figures: ServeFigures = before.serve_figures if before else ServeFigures(Figures(listed, self.board))
        is_same = before is not None and before.config.primary.url == config.primary.url
        self.pressure: Pressure = before.pressure if before is not None and is_same else Pressure()
        parts = Parts(
            board=self.board,
            figures=self.figures,
            serve_figures=self.serve_figures,
            log=self.log,
            lag=shared.lag,
            deadlines=shared.deadlines,
            pools=self.pools,
            leases=shared.leases,
            pressure=self.pressure,
            on_internal_error=shared.on_internal_error,
        )
        self._is_closed = False
        self._marked_frames = -1
        self._next_mark_s = 0.0
        shared.leases.configure(config)
        self.shadow = shadow_of(config, parts, config_version)
        self.context = serve_context(config, parts, self.shadow)

    def start(self, before: "Generation | None" = None) -> None:
        """Begins to write; what is counted of clients and the primary is counted here from now on."""
        self.log.start()
        if before is not None:
            for name in names.CARRIED:
                self.figures.set(self.figures.index(name), before.figures.get(before.figures.index(name)))
            self.serve_figures.move_to(Figures(self.board.header.figures, self.board))

    def is_stale(self) -> bool:
        """Do files that the configuration names hold other certificates now?

        Raises:
            ValueError: one cannot be read.
        """
        primary, candidates = self.config.primary, self.config.candidates
        named = [(primary.url, primary.tls), *((c.url, c.tls) for c in candidates)]
        return any(self.pools.is_stale(url, tls) for url, tls in named)

    def is_worn(self) -> bool:
        """Must another take its place, because its board is nearly full or was removed under it?"""
        return self.board.is_full or self.board.is_uprooted

    def drain(self) -> None:
        """Answers say that their connection ends, and no new copies are sent."""
        self.context.draining = True
        self.shadow.shutting_down = True

    def update(self, gauges: Mapping[str, int], totals: Mapping[str, int]) -> None:
        """Puts what is not counted on the board as it happens there; `totals` are those of this generation."""
        log, figures = self.log, self.figures
        self.serve_figures.flush()
        figures.flush()
        for name, value in {
            **gauges,
            **totals,
            names.CAPTURE_WRITTEN: log.written_bytes,
            names.CAPTURE_FRAMES: log.frames,
            names.CAPTURE_REFUSED: log.refused_frames,
            names.CAPTURE_FAILURES: log.write_failures,
        }.items():
            if figures.knows(name):  # not of a candidate that another configuration has
                figures.set(figures.index(name), value)
        self.shadow.update_figures()

    def mark(self, undecided_us: int, now_s: float) -> None:
        """Says in the log up to when it has everything: at once when it has grown, else now and then.

        Args:
            undecided_us: when the oldest request began of which it is not decided whether it is recorded; now, if none.
            now_s: monotonic.
        """
        if self._is_closed or (self.log.frames == self._marked_frames and now_s < self._next_mark_s):
            return
        self.log.append(encode(Watermark(self.log.oldest_us(undecided_us))))
        self._marked_frames, self._next_mark_s = self.log.frames, now_s + MARK_IDLE_EVERY_S

    async def written(self) -> None:
        """Waits until the disk has all of the log; nothing more may come."""
        self.log.hand_over()
        while self.log.queued_bytes:  # noqa: ASYNC110 - the writing thread has no event of this loop
            await asyncio.sleep(_LOG_STEP_S)

    async def close(self) -> None:
        """Closes the log, and lets go of the board: from then on the recorder may bring the stream to its end."""
        self._is_closed = True
        if not await self.log.close(LOG_CLOSE_S):
            message = "the disk did not take everything"
            self._lines.error("capture", message=message, bytes=self.log.queued_bytes)

    def release(self, others: "Iterable[Generation]") -> None:
        """After `close`: frees the board, and closes connections that no other generation uses."""
        kept: set[Pool] = {pool for other in others for pool in other.pools.by_key.values()}
        self.pools.close_all_but(kept)
        if self.log.has_ended:  # else its thread still hangs on the disk, with the board in its hands
            self.board.close()

    def _capture_error(self, message: str) -> None:
        self._lines.error("capture", message=message)
