"""Leases to the workers of this machine, four times a second: hears them, reads the spend, tells them their terms."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.supervisor.leases import CandidateState, Leases, limits_of
from config.model import Config
from proxy.recorder.spend_file import SpendFileError, SpendReading, read_spend
from runtime.link import Demand, Lease
from runtime.offload import Offload
from runtime.tasks import Tasks

PLAN_EVERY_S = 0.25
READ_EVERY_S = 0.5

Tell = Callable[[str, Lease], object]
"""(worker, lease) -> told, if it listens."""


@dataclass(frozen=True, slots=True)
class LeasingStatus:
    """What `/metrics` shows of it."""

    candidates: Mapping[str, CandidateState]
    """Those with a budget or a rate."""
    reading_age_s: float | None
    """Of the reading that is leased from; None: there never was one, or none is needed."""
    machines: int | None
    """That share the limits."""


class Leasing:
    """The shell around `Leases`; owned by the supervisor's loop."""

    def __init__(self, config: Config, workers: Sequence[str], tell: Tell) -> None:
        """`workers`: names of the proxies, by number."""
        self._directory = Path(config.capture.dir)
        self._leases = Leases(limits_of(config), workers, time.monotonic_ns())
        self._tell = tell
        self._reading: SpendReading | None = None

    def configure(self, config: Config) -> None:
        """From now on this configuration."""
        self._leases.configure(limits_of(config))

    def begin(self, worker: str) -> Mapping[str, int]:
        """A process of the worker is about to start; candidate -> copies under way until its first lease."""
        return self._leases.begin(worker)

    def hear(self, worker: str, demand: Demand) -> None:
        """What a worker says."""
        self._leases.hear(worker, demand, time.monotonic_ns())

    def end(self, worker: str) -> None:
        """Its process is gone."""
        self._leases.end(worker, time.monotonic_ns())

    def start(self, tasks: Tasks) -> None:
        """Plans and reads from now on, until the tasks are closed."""
        tasks.start("leases", self._plan())
        tasks.start("spend", self._read())

    async def _plan(self) -> None:
        while True:
            for worker, lease in self._leases.plan(time.monotonic_ns(), self._reading).items():
                self._tell(worker, lease)
            await asyncio.sleep(PLAN_EVERY_S)

    async def _read(self) -> None:
        """In a thread, one reading at a time: while the disk stalls, the last one grows old and no plan waits."""
        offload: Offload | None = None
        try:
            while True:
                if self._leases.needs_readings:
                    offload = offload or Offload("spend")
                    self._reading = await offload.call(self._newest) or self._reading
                await asyncio.sleep(READ_EVERY_S)
        finally:
            if offload is not None:
                offload.close()

    def _newest(self) -> SpendReading | None:
        try:
            return read_spend(self._directory)
        except SpendFileError:  # not there yet; what was read last grows old
            return None

    def status(self) -> LeasingStatus:
        """As of now, for `/metrics`."""
        now_ns, reading = time.monotonic_ns(), self._reading
        age_s = None
        if reading is not None and self._leases.needs_readings and now_ns >= reading.begun_before_ns:
            age_s = (now_ns - reading.begun_before_ns) / 1e9
        return LeasingStatus(self._leases.states(now_ns, reading), age_s, reading.machines if reading else None)
