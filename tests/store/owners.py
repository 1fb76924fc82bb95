"""Owners of embedded stores as processes of their own, started the way the product starts them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from config.model import Config, Store
from config.upstreams import Primary
from runtime.link import Start, StartMessage, line
from store.endpoint.place import Endpoint, read_endpoint

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str) -> T:
    """The first answer that is not None."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE_S} s")


def store_at(directory: Path) -> Store:
    return Store(dir=str(directory))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Transient:
    """`python -m store.endpoint DIR --idle N`."""

    def __init__(self, directory: Path, idle_s: float = 600.0) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "store.endpoint", str(directory), "--idle", str(idle_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )

    def report(self) -> dict[str, object]:
        """The line that it says when it works, or does not."""
        assert self.process.stdout is not None
        found: dict[str, object] = json.loads(self.process.stdout.readline())
        return found

    def endpoint(self) -> Endpoint:
        endpoint = read_endpoint(self.directory)
        assert endpoint is not None
        return endpoint

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        """SIGTERM, and what it ended with."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self) -> int:
        code = self.process.wait(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


class Permanent:
    """The `store` role as the supervisor runs it."""

    def __init__(self, directory: Path, retention_s: float | None = None) -> None:
        ours, theirs = socket.socketpair()
        self._link = ours
        ours.settimeout(PATIENCE_S)
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "cli.role",
                    "--role=store",
                    "--name=store",
                    f"--link-fd={theirs.fileno()}",
                ],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        self._lines = ours.makefile("rb")
        config = Config(primary=Primary(url="http://127.0.0.1:9"), store=store_at(directory))
        if retention_s is not None:
            privacy = config.privacy.model_copy(update={"retention": retention_s})
            config = config.model_copy(update={"privacy": privacy})
        ours.sendall(line(StartMessage.of(Start("store", "store", config, 1, ()))))

    def message(self, kind: str) -> dict[str, object]:
        """Its next message of a kind (`ready`, `figures`, `failed`)."""
        for text in self._lines:
            found: dict[str, object] = msgspec.json.decode(text)
            if found["type"] == kind:
                return found
        raise AssertionError(f"the role ended without saying {kind!r}")

    def stop(self) -> int:
        """Ends its link, as a dying supervisor does."""
        self._lines.close()
        self._link.close()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.stop()


@contextlib.contextmanager
def transient(directory: Path, idle_s: float = 600.0) -> Iterator[Transient]:
    """A working transient owner."""
    owner = Transient(directory, idle_s)
    try:
        assert owner.report().get("error") is None
        yield owner
    finally:
        owner.stop()


@contextlib.contextmanager
def permanent(directory: Path, retention_s: float | None = None) -> Iterator[Permanent]:
    """A working `store` role."""
    owner = Permanent(directory, retention_s)
    try:
        owner.message("ready")
        yield owner
    finally:
        owner.stop()
