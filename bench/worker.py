"""One proxy worker of shadowbench by itself: what the supervisor starts, without recorder and store."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.machine import BenchError, Pinned
from config.load import located
from config.model import Config
from runtime.link import Drain, Failed, Ready, Start, StartMessage, decode_from_role, line

_READY_TIMEOUT_S = 15.0
_NAME = "proxy-0"


def worker_configuration(directory: Path, *, primary: int, candidate: int) -> Config:
    """Every request goes to the candidate too, with another model, and none is shed, however busy the worker is.

    All else is as a user gets it by default.
    """
    values = {
        "primary": {"url": f"http://127.0.0.1:{primary}"},
        "candidates": [
            {
                "name": "candidate",
                "url": f"http://127.0.0.1:{candidate}",
                "model": "another-model",
                "sample": 1.0,
                "max_in_flight": 16_384,
                "shares_primary": False,
            }
        ],
        # As much as the core takes is sent here, and every exchange is to be copied.
        "limits": {"loop_lag": "1h"},
        "capture": {"dir": str(directory / "capture")},
        "store": {"dir": str(directory / "store")},
    }
    return located(Config.model_validate(values), directory)


class Worker:
    """A proxy worker as its own process on one core."""

    headers: Mapping[str, str] = {}
    mirrors = True

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int, prefix: Sequence[str] = ()) -> None:
        """Starts it. `prefix`: options of the interpreter that runs it.

        Raises:
            BenchError: it did not start.
        """
        self.config = worker_configuration(directory, primary=primary, candidate=candidate)
        self.capture = Path(self.config.capture.dir)
        self.capture.mkdir(parents=True, exist_ok=True)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._link, theirs = socket.socketpair()
        self._link.settimeout(_READY_TIMEOUT_S)
        with theirs:
            self._process = self._spawn(theirs.fileno(), core, directory / "worker.out", prefix)
        self._heard = self._link.makefile("rb")
        start = Start("proxy", _NAME, self.config, 1, (self._listener.fileno(),))
        self._link.sendall(line(StartMessage.of(start)))
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.stop()
            raise

    def _spawn(self, link_fd: int, core: int, log: Path, prefix: Sequence[str]) -> Pinned:
        root = str(Path(__file__).resolve().parents[1])
        role = ["-m", "cli.role", "--role", "proxy", "--name", _NAME, "--link-fd", str(link_fd)]
        return Pinned(
            [sys.executable, "-P", *prefix, *role],
            core=core,
            log=log,
            pass_fds=(link_fd, self._listener.fileno()),
            environment={**os.environ, "PYTHONPATH": root},
        )

    def _wait_until_ready(self) -> None:
        while text := self._read_line():
            message = decode_from_role(text)
            if isinstance(message, Ready):
                return
            if isinstance(message, Failed):
                raise BenchError(f"the proxy worker did not start: {message.reason}")
        raise BenchError(f"the proxy worker did not start; see {self._process.log}")

    def _read_line(self) -> bytes:
        try:
            return self._heard.readline()
        except (TimeoutError, msgspec.DecodeError):
            return b""

    def cpu_seconds(self) -> float:
        """CPU of the worker, its log writer's thread included."""
        return self._process.cpu_seconds()

    @property
    def pid(self) -> int:
        return self._process.pid

    def resident_bytes(self) -> int:
        """Memory of the worker that is in RAM now."""
        return self._process.resident_bytes()

    def stop(self) -> None:
        """Drains and ends the worker; afterwards the capture log is complete."""
        if self._process.is_alive():
            self._link.sendall(line(Drain()))
        self._listener.close()
        self._process.wait()
        self._link.close()
