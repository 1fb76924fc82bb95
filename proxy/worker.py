"""The proxy role: builds the data plane and the shadow side into one process, and takes them down in order."""

import asyncio
import gc
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import cast

import msgspec

from config.experiment import experiments
from config.model import Candidate, Config
from proxy import figures as names
from proxy.figures import Figures, figure_names
from proxy.serve.connection import ClientConnection
from proxy.serve.context import ServeContext
from proxy.serve.figures import ServeFigures
from proxy.shadow.arm import Arm, state_cells
from proxy.shadow.capture.board import Board
from proxy.shadow.capture.segment import Setup
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.lag import LagPeaks
from proxy.shadow.offer import Shadow, ShadowSettings
from proxy.shadow.sampling import SamplingKey
from proxy.upstream import leg
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import LegLimits
from proxy.upstream.pool import Pool
from proxy.wire.heads import Origin, Pairs
from record.pair import CONTROL
from runtime.link import Link, Start
from runtime.log import Log
from runtime.tasks import Tasks

_SWITCH_INTERVAL_S = 0.0005
"""How long another thread may keep the interpreter from the loop; Python's own 5 ms would be seen by clients."""
_GC_THRESHOLDS = (20_000, 20, 50)
"""Almost nothing here is cyclic; looking for cycles every 700 objects, as Python does, costs a tenth of a request."""
_FIGURES_EVERY_S = 1.0
_DRAIN_STEP_S = 0.02
_LOG_CLOSE_S = 5.0
_BACKLOG = 4096


async def run(start: Start, link: Link) -> None:
    """Serves until the link says stop, then drains."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    worker = Worker(start)
    await worker.open()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    link.ready(worker.summary())
    await link.stop.wait()
    await worker.close(start.config.drain)


class Worker:
    """One proxy process."""

    def __init__(self, start: Start) -> None:
        config = start.config
        self._config = config
        self._name = start.name
        self._listen_fds = start.listen_fds
        self._log_lines = Log(start.name)
        self._tasks = Tasks(self._internal_error)
        self._clients: set[ClientConnection] = set()
        self._servers: list[asyncio.Server] = []
        self._internal_errors = 0
        self._unsettled = False
        directory = Path(config.capture.dir)
        compared = experiments(config)
        stream = uuid.uuid4()
        figure_list = figure_names(tuple(compared))
        self._board = Board(stream, start.name, tuple(compared), figure_list)
        self._directory = directory
        self._settle_board()
        self._figures = Figures(figure_list, self._board)
        self._deadlines = Deadlines()
        self._lag = LagPeaks()
        setup = Setup(
            config_version=start.config_version,
            block_s=config.blocks.length,
            experiments={name: (e.id, e.compared) for name, e in compared.items()},
        )
        self._log = CaptureLog(
            directory,
            stream,
            start.name,
            setup,
            flush_s=config.capture.flush,
            fsync_s=config.capture.fsync,
            max_queued_bytes=config.limits.shadow_memory // 2,
            max_disk_bytes=config.capture.max_disk,
            on_error=lambda message: self._log_lines.error("capture", message=message),
        )
        self._pools: list[Pool] = []
        shadow = self._shadow(config, tuple(compared), start.config_version)
        timeout = config.primary.timeout
        self._context = ServeContext(
            primary=self._pool(config.primary.name, config.primary.url, timeout.connect),
            limits=LegLimits(first_byte_ns=_ns(timeout.first_byte), idle_ns=_ns(timeout.idle)),
            deadlines=self._deadlines,
            shadow=shadow,
            figures=ServeFigures(self._figures),
            max_header_bytes=config.limits.header,
            max_body_bytes=config.limits.request_body,
            max_mirrored_bytes=config.limits.mirrored_request,
            on_internal_error=self._internal_error,
        )

    def _pool(self, name: str, url: str, connect_timeout_s: float) -> Pool:
        pool = Pool(name, Origin.parse(url), connect_timeout_s, self._tasks)
        self._pools.append(pool)
        return pool

    def _shadow(self, config: Config, arm_names: tuple[str, ...], config_version: int) -> Shadow:
        workers = config.listen.worker_count()
        arms = [self._candidate_arm(c, arm_names, workers) for c in config.candidates]
        if CONTROL in arm_names:
            arms.append(self._control_arm(config, arm_names, workers))
        settings = ShadowSettings(
            config_version=config_version,
            memory_bytes=config.limits.shadow_memory,
            response_head_bytes=config.capture.response_head,
            response_tail_bytes=config.capture.response_tail,
            label_headers=tuple((n, label.header.encode()) for n, label in config.labels.items() if label.header),
            label_paths=tuple(n for n, label in config.labels.items() if label.path),
        )
        return Shadow(
            arms,
            settings,
            key=SamplingKey(config.sampling.unit, config.sampling.sources, config.sampling.seed),
            board=self._board,
            log=self._log,
            lag=self._lag,
            deadlines=self._deadlines,
            figures=self._figures,
            on_internal_error=self._internal_error,
        )

    def _candidate_arm(self, candidate: Candidate, arm_names: tuple[str, ...], workers: int) -> Arm:
        timeout = candidate.timeout
        return Arm(
            name=candidate.name,
            pool=self._pool(candidate.name, candidate.url, timeout.connect),
            limits=LegLimits(
                first_byte_ns=_ns(timeout.first_byte),
                idle_ns=_ns(timeout.idle),
                total_ns=_ns(timeout.total),
                max_response_bytes=candidate.max_response,
            ),
            share=candidate.sample,
            max_in_flight=_shared_out(candidate.max_in_flight, workers),
            headers=_headers({n: v.get_secret_value() for n, v in candidate.headers.items()}),
            is_control=False,
            allow_provider_tools=candidate.allow_provider_tools,
            model=msgspec.Raw(msgspec.json.encode(candidate.model)) if candidate.model is not None else None,
            params={n: None if v is None else msgspec.Raw(msgspec.json.encode(v)) for n, v in candidate.params.items()},
            cells=state_cells(self._board, arm_names.index(candidate.name)),
            figures=self._outcome_figures(candidate.name),
        )

    def _control_arm(self, config: Config, arm_names: tuple[str, ...], workers: int) -> Arm:
        timeout = config.primary.timeout
        return Arm(
            name=CONTROL,
            pool=self._pool(CONTROL, config.primary.url, timeout.connect),
            limits=LegLimits(first_byte_ns=_ns(timeout.first_byte), idle_ns=_ns(timeout.idle)),
            share=config.control.sample,
            max_in_flight=_shared_out(config.control.max_in_flight, workers),
            headers=_headers({n: v.get_secret_value() for n, v in config.control.headers.items()}),
            is_control=True,
            allow_provider_tools=False,
            model=None,
            params={},
            cells=state_cells(self._board, arm_names.index(CONTROL)),
            figures=self._outcome_figures(CONTROL),
        )

    def _outcome_figures(self, candidate: str) -> dict[str, int]:
        return {o.value: self._figures.index(names.candidate_legs(candidate, o)) for o in names.TRANSPORT_OUTCOMES}

    async def open(self) -> None:
        """Begins to serve on the inherited sockets."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_error)
        self._log.start()
        self._deadlines.start()
        self._lag.start()
        self._tasks.start("figures", self._keep_figures())
        for fd in self._listen_fds:
            listener = socket.socket(fileno=fd)
            self._servers.append(await loop.create_server(self._accept, sock=listener, backlog=_BACKLOG))

    def summary(self) -> str:
        """One line for the operator."""
        config = self._config
        copies = ", ".join(
            [f"{c.name} {c.sample:.4g}" for c in config.candidates]
            + ([f"{CONTROL} {config.control.sample:.4g}"] if config.control.sample > 0 else [])
        )
        kind = "" if _is_compiled() else "; interpreted: with a C compiler, installing again halves the CPU it takes"
        return f"serving {config.primary.url} ({config.primary.name}); copies to {copies or 'nobody'}{kind}"

    async def close(self, drain_s: float) -> None:
        """Stops accepting, lets what is under way end within `drain_s`, and closes the log.

        Exchanges still open then are lost and counted as such by the recorder (`worker_lost`).
        """
        deadline_s = time.monotonic() + drain_s
        for server in self._servers:
            server.close()
        self._context.draining = True
        self._context.shadow.shutting_down = True
        for client in list(self._clients):
            client.drain()
        while self._is_busy() and time.monotonic() < deadline_s:  # noqa: ASYNC110 - once in a life, two counts
            await asyncio.sleep(_DRAIN_STEP_S)
        cut = len(self._clients) + self._context.shadow.open_copies
        if cut:
            self._log_lines.warning("drain", message="time is up; connections and copies still open", cut=cut)
        self._deadlines.stop()
        self._lag.stop()
        for pool in self._pools:
            pool.close()
        await self._tasks.close()
        if not await self._log.close(_LOG_CLOSE_S):
            self._log_lines.error("capture", message="the disk did not take everything", bytes=self._log.queued_bytes)
        self._update_figures()

    def _is_busy(self) -> bool:
        return bool(self._clients or self._context.shadow.open_copies)

    def _accept(self) -> asyncio.Protocol:
        client = ClientConnection(self._context, self._clients.discard)
        self._clients.add(client)
        return cast("asyncio.Protocol", client)

    async def _keep_figures(self) -> None:
        while True:
            self._update_figures()
            await asyncio.sleep(_FIGURES_EVERY_S)

    def _settle_board(self) -> None:
        """Tried again every second: clients are served whether or not the disk is there."""
        if self._board.path is not None:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._board.settle(self._directory)
        except OSError as error:
            if not self._unsettled:
                self._unsettled = True
                self._log_lines.error(
                    "capture",
                    message=f"{self._directory}: {error.strerror}; clients are served, but nothing can be recorded",
                )
        else:
            if self._unsettled:
                self._log_lines.info("capture", message=f"{self._directory} can be used again")

    def _update_figures(self) -> None:
        self._settle_board()
        figures, log = self._figures, self._log
        second_ago_ns = time.monotonic_ns() - int(_FIGURES_EVERY_S * 1e9)
        for name, value in (
            (names.LOOP_LAG, self._lag.since(second_ago_ns)),
            (names.OPEN_COPIES, self._context.shadow.open_copies),
            (names.CAPTURE_QUEUED, log.queued_bytes),
            (names.CAPTURE_WRITTEN, log.written_bytes),
            (names.CAPTURE_FRAMES, log.frames),
            (names.CAPTURE_REFUSED, log.refused_frames),
            (names.CAPTURE_FAILURES, log.write_failures),
            (names.INTERNAL_ERRORS, self._internal_errors),
        ):
            figures.set(figures.index(name), value)

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


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _shared_out(bound: int, workers: int) -> int:
    """A worker's part of a bound of the machine; the parts never add up to more than one beyond it per worker."""
    return max(1, bound // workers)


def _headers(configured: dict[str, str]) -> Pairs:
    return [(name.encode(), value.encode()) for name, value in configured.items()]
