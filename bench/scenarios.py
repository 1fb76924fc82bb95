"""The ways in which the shadow side is broken during a run."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench.frozen_disk import StallingDisk
from bench.machine import BenchError, sleep_until_ns
from bench.probes import Probes
from bench.served import Served


class SkippedError(Exception):
    """A scenario that this machine or this shadowbench does not have; the message says why."""


@dataclass(slots=True)
class Scene:
    """What a fault may act upon, and what it leaves for the report."""

    served: Served
    start_ns: int
    """Monotonic time at which the schedule begins."""
    seconds: float
    """Of the schedule."""
    stall_s: float
    disk: StallingDisk | None
    own_ports: set[int] = field(default_factory=set)
    """Connections that had to die with a worker that was killed."""
    slowest_new_s: float | None = None
    """Slowest answer on a new connection after a worker was killed."""

    def wait_for(self, share: float) -> None:
        """Waits for a point of the schedule, 0 to 1."""
        sleep_until_ns(self.start_ns + int(share * self.seconds * 1e9))


Fault = Callable[[Scene], None]
"""Runs beside the load, once per run."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the table."""

    name: str
    candidate: str
    """A mode of `bench.llm_upstream`, or `refuses`: nobody listens."""
    fault: Fault | None = None
    role: str | None = None
    """That must run for it."""
    stalls: bool = False
    """Capture and store lie on a disk that stalls; runs last as much longer."""
    kills_worker: bool = False


def _kill(role: str) -> Fault:
    def fault(scene: Scene) -> None:
        for share in (0.3, 0.6):
            scene.wait_for(share)
            for pid in scene.served.role_pids(role):
                os.kill(pid, signal.SIGKILL)

    return fault


def _stall(scene: Scene) -> None:
    if scene.disk is None:
        raise BenchError("the scenario has no disk of its own")
    scene.wait_for(0.1)
    scene.disk.stall(scene.stall_s)


def _kill_worker(scene: Scene) -> None:
    """Kills one of the workers, and asks on new connections from then on."""
    scene.wait_for(0.3)
    pid = min(scene.served.role_pids("proxy"))
    scene.own_ports |= scene.served.client_ports(pid)
    os.kill(pid, signal.SIGKILL)
    probes = Probes(scene.served.port)
    scene.slowest_new_s = max(scene.slowest_new_s or 0.0, probes.slowest_s())
    deadline = time.monotonic() + 5.0
    while len(scene.served.role_pids("proxy")) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    with suppress(BenchError):
        scene.served.wait_until_ready()


SCENARIOS = (
    Scenario("healthy", "healthy"),
    Scenario("hangs", "hangs"),
    Scenario("errors", "errors"),
    Scenario("drips", "drips"),
    Scenario("floods", "floods"),
    Scenario("refuses", "refuses"),
    Scenario("recorder killed", "healthy", _kill("recorder"), role="recorder"),
    Scenario("store killed", "healthy", _kill("store"), role="store"),
    Scenario("judge killed", "healthy", _kill("judge"), role="judge"),
    Scenario("dashboard killed", "healthy", _kill("dashboard"), role="dashboard"),
    Scenario("disk stalled", "healthy", _stall, stalls=True),
    Scenario("worker killed", "healthy", _kill_worker, role="proxy", kills_worker=True),
)
