"""`shadowbench serve` with all its roles, as a process under test."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from bench.machine import BenchError, Pinned, free_port

_ROOT = Path(__file__).resolve().parents[1]
_START_TIMEOUT_S = 60.0
_COMMAND_TIMEOUT_S = 60.0
_POLL_S = 0.1
_FIRST_POLL_S = 0.005
_STOP_S = 60.0
_SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)
_ESTABLISHED = "01"


class Served:
    """A whole shadowbench on this machine, on free ports, with directories of its own."""

    def __init__(self, directory: Path, values: Mapping[str, Any], *, core: int, workers: int = 1) -> None:
        """Starts it. `values`: the configuration but for ports and, unless they are in it, directories.

        What it says of `listen` is added to the address.
        """
        self.port, self._admin_port = free_port(), free_port()
        own: dict[str, dict[str, Any]] = {
            "listen": {"host": "127.0.0.1", "port": self.port, "workers": workers},
            "admin": {"host": "127.0.0.1", "port": self._admin_port},
            "dashboard": {"host": "127.0.0.1", "port": 0},
            "capture": {"dir": str(directory / "capture")},
            "store": {"dir": str(directory / "store")},
        }
        self._configuration = directory / "shadowbench.yaml"
        listen = {**own["listen"], **values.get("listen", {})}
        self._configuration.write_text(yaml.safe_dump({**own, **values, "listen": listen}))
        command = [sys.executable, "-P", "-m", "cli.main", "serve", "-c", str(self._configuration)]
        self._started_s = time.monotonic()
        self._process = Pinned(command, core=core, log=directory / "serve.out", environment=_environment())

    def first_answer_s(self, path: str) -> float:
        """Seconds from the command to the first answer that a client gets; ask at once.

        Raises:
            BenchError: none came.
        """
        while time.monotonic() - self._started_s < _START_TIMEOUT_S and self._process.is_alive():
            with suppress(OSError):
                _get(self.port, path)
                return time.monotonic() - self._started_s
            time.sleep(_FIRST_POLL_S)
        raise BenchError(f"serve does not answer: {self._process.last_words()}")

    def wait_until_ready(self) -> None:
        """Waits until every role works.

        Raises:
            BenchError: one of them does not.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.is_alive():
            with suppress(OSError):
                up = [value for name, _, value in self.metrics() if name == "shadowbench_role_up"]
                if up and all(up):
                    return
            time.sleep(_POLL_S)
        raise BenchError(f"serve is not ready: {self._process.last_words()}")

    def metrics(self) -> list[tuple[str, str, float]]:
        """(name, labels, value) of every sample of `/metrics`."""
        text = _get(self._admin_port, "/metrics").decode()
        return [(m["name"], m["labels"] or "", float(m["value"])) for m in _SAMPLE.finditer(text)]

    def open_copies(self) -> float:
        """Candidate legs under way, by `/metrics`."""
        return sum(value for name, _, value in self.metrics() if name == "shadowbench_candidate_legs_open")

    def role_pids(self, role: str) -> list[int]:
        """Process ids of a role that runs; empty when it does not."""
        return [pid for pid, arguments in self._roles() if _after("--role", arguments) == role]

    def _roles(self) -> list[tuple[int, list[str]]]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        found = []
        for child in children:
            with suppress(OSError):  # it has just ended
                found.append((int(child), Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")))
        return found

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query, through `shadowbench sql`.

        Raises:
            BenchError: it failed.
        """
        text = self._command("sql", sql, "--format", "json").stdout
        return [json.loads(line) for line in text.split("\n") if line]

    def audit(self) -> list[dict[str, Any]]:
        """The lines of `shadowbench audit --json`, whether they add up or not.

        Raises:
            BenchError: it failed.
        """
        lines: list[dict[str, Any]] = json.loads(self._command("audit", "--json", right=(0, 1)).stdout)["lines"]
        return lines

    def _command(self, *arguments: str, right: Iterable[int] = (0,)) -> "subprocess.CompletedProcess[str]":
        name, *rest = arguments
        command = [sys.executable, "-P", "-m", "cli.main", name, "-c", str(self._configuration), *rest]
        done = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
        )
        if done.returncode not in right:
            raise BenchError(f"shadowbench {name}: {done.stderr.strip() or done.returncode}")
        return done

    def client_ports(self, pid: int) -> set[int]:
        """Ports of the clients that a worker is connected to now."""
        inodes = set()
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(fd.readlink()).removeprefix("socket:[").removesuffix("]"))
        return established(Path("/proc/net/tcp").read_text(), self.port, inodes)

    def stop(self) -> None:
        """An orderly end."""
        self._process.stop(_STOP_S)


def established(table: str, local_port: int, inodes: set[str]) -> set[int]:
    """Remote ports of established connections to `local_port` among these sockets, by the text of /proc/net/tcp."""
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        local, remote, state, inode = fields[1], fields[2], fields[3], fields[9]
        if state == _ESTABLISHED and int(local.rpartition(":")[2], 16) == local_port and inode in inodes:
            found.add(int(remote.rpartition(":")[2], 16))
    return found


def states_of(lines: Iterable[Mapping[str, Any]], candidate: str) -> Counter[str]:
    """What became of all requests, for one candidate, by the lines of an audit; what is under way is `under way`."""
    states: Counter[str] = Counter()
    for line in lines:
        if line["candidate"] == candidate:
            for kind in ("uncaptured", "skips", "lost"):
                states.update(line[kind])
            states["pairs"] += line["pairs"]
            states["under way"] += line["open"] + line["recording"]
    return states


def _after(option: str, arguments: list[str]) -> str | None:
    return arguments[arguments.index(option) + 1] if option in arguments else None


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        body: bytes = response.read()
        return body
