"""Cores, CPU clocks, processes that end with the benchmark."""

import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_CPUCLOCK_SCHED = 2
_STOP_TIMEOUT_S = 10.0


class BenchError(Exception):
    """The benchmark cannot go on; one line that says why."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living children, all threads."""
    # The clock of another process, as clock_getcpuclockid(3) makes it: nanoseconds, where /proc has hundredths.
    own = time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, shared pages included; of nginx's children, too."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident_bytes(int(child)) for child in children)


def raise_descriptor_limit() -> int:
    """Lifts this process's soft limit of descriptors to the hard one; children inherit it.

    Returns:
        The limit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cores() -> tuple[int, int]:
    """(core of the proxy under test, core of everything else)."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchError("this benchmark needs two cores: one for the proxy, one for load and upstreams")
    return available[0], available[1]


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def sleep_until_ns(at_ns: int) -> None:
    """Waits for an instant of the monotonic clock; returns at once when it is past."""
    while (left_ns := at_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)


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


def get_json(port: int, path: str) -> Any:
    """A JSON answer of a server on this machine."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.loads(response.read())


class Pinned:
    """A process on one core; ended by its id."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        core: int,
        log: Path,
        output: int | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """`output`: `subprocess.PIPE` to read lines from it; else it goes to the log, as its errors do."""
        self.log = log
        with log.open("ab") as errors:
            # taskset becomes the program: the process id is the program's own.
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=errors if output is None else output,
                stderr=errors,
                start_new_session=True,
                pass_fds=pass_fds,
                env=environment,
                cwd=directory,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        return resident_bytes(self.pid)

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """SIGTERM, and SIGKILL to this process `timeout_s` later."""
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
        self.wait(timeout_s)

    def wait(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Waits for its end, then SIGKILL to this process."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def read_line(self) -> bytes:
        """What it says next on its standard output; empty at its end. Needs `output=subprocess.PIPE`."""
        assert self._process.stdout is not None
        line: bytes = self._process.stdout.readline()
        return line

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((text.strip() for text in reversed(lines) if text.strip()), "it said nothing")


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
