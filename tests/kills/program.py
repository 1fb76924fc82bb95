"""`shadowbench serve` in processes of its own, which are killed and waited for."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from store.endpoint.place import read_endpoint
from tests.cli.test_serve import role_pids
from tests.fakes.running import ROOT, is_running
from tests.kills.plan import EVERYTHING, RECORDER, STORE, WORKERS, Kill
from tests.kills.upstreams import CANDIDATES, PRIMARY, Upstreams
from tests.kills.waits import Waits

PATIENCE_S = 90.0
"""A role that died often in a row waits up to half a minute for its next start."""
_POLL_S = 0.02
_NEEDED = {"recorder", "store", *(f"proxy-{n}" for n in range(WORKERS))}


def write_configuration(directory: Path, upstreams: Upstreams) -> Path:
    """Everything is copied to everybody; prices are ours, so that costs are sums of known numbers."""
    price = {"input_per_mtok": "2", "output_per_mtok": "8"}
    config = {
        "listen": {"host": "127.0.0.1", "port": _free_port(), "workers": WORKERS},
        "admin": {"port": 0},
        "dashboard": {"port": 0},
        "primary": {"url": upstreams.url(PRIMARY), "price": price},
        "candidates": [
            {"name": n, "url": upstreams.url(n), "sample": 1, "price": price, "breaker": {"failures": 0}}
            for n in CANDIDATES
        ],
        "control": {"sample": 1},
        "sampling": {"unit": "request"},
        # Tenants are few, as labels should be; names are as many as requests, and join the rows with the client's list.
        "labels": {"tenant": {"header": "x-tenant"}, "name": {"header": "x-name"}},
        "limits": {"loop_lag": "2s"},
        "privacy": {"bodies": "full"},
        "blocks": {"length": "10s"},
        "capture": {"dir": str(directory / "capture")},
        "store": {"dir": str(directory / "store")},
    }
    path = directory / "shadowbench.yaml"
    path.write_text(json.dumps(config))
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def port_of(config: Path) -> int:
    """Where clients connect; the same after every start."""
    port: int = json.loads(config.read_text())["listen"]["port"]
    return port


@dataclass(frozen=True, slots=True)
class Death:
    """Of a worker."""

    at_s: float
    """Monotonic, just before it was killed."""
    waited_s: float
    """For so long it had to wait for a core just before."""


@dataclass(slots=True)
class Program:
    """One `serve` at a time."""

    config: Path
    deaths: dict[int, Death] = field(default_factory=dict)
    """Of worker processes."""
    pids: dict[str, int] = field(default_factory=dict)
    """Role -> its process, as of the last look."""
    _process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    waits: Waits = field(init=False)

    def __post_init__(self) -> None:
        self.waits = Waits(self.workers)

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "serve", "-c", str(self.config)],
                cwd=self.config.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> Path:
        """What all its lives said."""
        return self.config.with_suffix(".log")

    def workers(self) -> list[int]:
        return [pid for name, pid in self.pids.items() if name.startswith("proxy-")]

    async def until_up(self, *, but: frozenset[int] = frozenset()) -> None:
        """Waits until every role has a process that is not one of `but`, and the store has published itself.

        Raises:
            TimeoutError: it does not come up.
        """
        assert self._process is not None
        directory = self.config.parent / "store"
        async with asyncio.timeout(PATIENCE_S):
            while True:
                assert self._process.poll() is None, self.log.read_text()[-4000:]
                self.pids = await asyncio.to_thread(role_pids, self._process.pid)
                endpoint = read_endpoint(directory)
                is_store_up = endpoint is not None and endpoint.pid == self.pids.get("store")
                if is_store_up and self.pids.keys() >= _NEEDED and but.isdisjoint(self.pids.values()):
                    return
                await asyncio.sleep(_POLL_S)

    def kill(self, blow: Kill) -> frozenset[int]:
        """SIGKILL to all victims, one right behind the other; their processes."""
        assert self._process is not None
        chosen = {f"proxy-{number}" for number in blow.workers}
        chosen |= {"recorder"} & {"recorder" if RECORDER in blow.victims else ""}
        chosen |= {"store"} & {"store" if STORE in blow.victims else ""}
        if EVERYTHING in blow.victims:
            chosen = set(self.pids)
        victims = [(name, self.pids[name]) for name in sorted(chosen)]
        if EVERYTHING in blow.victims:
            victims.insert(0, ("supervisor", self._process.pid))
        for name, pid in victims:
            waited_s = self.waits.of_late(pid) if name.startswith("proxy-") else 0.0
            if name.startswith("proxy-"):
                self.deaths[pid] = Death(time.monotonic(), waited_s)
            os.kill(pid, signal.SIGKILL)
        if EVERYTHING in blow.victims:
            self._process.wait(PATIENCE_S)
        return frozenset(pid for _, pid in victims)

    async def stop(self) -> int:
        """Asks it to end in peace; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, PATIENCE_S)

    def end(self) -> None:
        """Leaves no process behind, however the test ended."""
        if self._process is None or self._process.poll() is not None:
            return
        left = role_pids(self._process.pid)
        self._process.kill()
        self._process.wait(PATIENCE_S)
        for pid in left.values():
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
