"""Cores, CPU clocks, processes that end with the benchmark."""

import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STOP_TIMEOUT_S = 10.0


class BenchError(Exception):
    """The benchmark cannot go on; one line that says why."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living children, all threads."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    own = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def cores() -> tuple[int, int]:
    """(core of the proxy under test, core of everything else)."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchError("this benchmark needs two cores: one for the proxy, one for load and upstreams")
    return available[0], available[1]


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int, *, alive: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Waits until somebody listens.

    Raises:
        BenchError: nobody does in time, or the process ended.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and alive():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.02)
    raise BenchError(f"nothing listens on 127.0.0.1:{port}")


class Pinned:
    """A process on one core; ended by its id."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        core: int,
        log: Path,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            # taskset becomes the program: the process id is the program's own.
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=pass_fds,
                env=environment,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to this process ten seconds later."""
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> None:
        """Waits ten seconds for its end, then SIGKILL to this process."""
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def description() -> str:
    """The machine in one line."""
    model = "unknown CPU"
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = (
        model,
        f"{len(os.sched_getaffinity(0))} cores",
        f"{memory_gib:.0f} GiB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
    )
    return ", ".join(parts)
