"""CPU of the recorder and of the embedded store per pair: a captured log is recorded afterwards, every pair counted.

The proxy worker runs alone while its own CPU is measured. Afterwards its log is handed to a `shadowbench serve` that is
up already, so that starting is not counted as recording.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.machine import BenchError, Pinned, cpu_seconds
from bench.rounds import Stand
from config.model import Config
from proxy.shadow.capture.board import SUFFIX

_TIMEOUT_S = 120.0
_START_TIMEOUT_S = 30.0
_POLL_S = 0.5
_ROLES = ("recorder", "store")
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class RecorderCost:
    """What recording one load cost."""

    pairs: int
    recorder_us: float
    """CPU microseconds per pair."""
    store_us: float
    """CPU microseconds per pair of the embedded store, which answers our counting too."""


def measure_recorder(stand: Stand, seconds: float) -> RecorderCost:
    """Captures `seconds` of load, then records it.

    Raises:
        BenchError: not every exchange became a pair.
    """
    with tempfile.TemporaryDirectory(dir=stand.directory) as name:
        directory = Path(name)
        worker = stand.worker(directory)
        before = stand.primary.answered()
        try:
            stand.run(worker.port, seconds)
        finally:
            worker.stop()
        pairs = stand.primary.answered() - before
        configuration = directory / "shadowbench.yaml"
        recorded = directory / "recorded"
        configuration.write_text(yaml.safe_dump(_values(worker.config, recorded, directory / "store")))
        serve = Pinned(
            [sys.executable, "-m", "cli.main", "serve", "-c", str(configuration)],
            core=stand.load_core,
            log=directory / "serve.out",
        )
        try:
            _wait_until_ready(serve)
            before_s = _cpu_seconds(serve)
            _hand_over(worker.capture, recorded)
            _wait_for_pairs(configuration, pairs, serve)
            after_s = _cpu_seconds(serve)
        finally:
            serve.stop()
    spent = {role: (after_s[role] - before_s[role]) / pairs * 1e6 for role in _ROLES}
    return RecorderCost(pairs, spent["recorder"], spent["store"])


def _values(config: Config, capture: Path, store: Path) -> dict[str, object]:
    """The worker's configuration with directories of its own, on free ports because nobody is to connect."""
    free = {"host": "127.0.0.1", "port": 0}
    candidates = [{"name": c.name, "url": c.url, "model": c.model, "sample": c.sample} for c in config.candidates]
    return {
        "listen": free,
        "admin": free,
        "primary": {"url": config.primary.url},
        "candidates": candidates,
        "capture": {"dir": str(capture)},
        "store": {"dir": str(store)},
    }


def _wait_until_ready(serve: Pinned) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and serve.is_alive():
        said = [text.split()[:2] for text in serve.log.read_text(encoding="utf-8").splitlines()]
        if all([role, "ready"] in said for role in _ROLES):
            return
        time.sleep(_POLL_S)
    raise BenchError(f"serve is not ready; see {serve.log}")


def _cpu_seconds(serve: Pinned) -> dict[str, float]:
    return {role: cpu_seconds(_child(serve.pid, role)) for role in _ROLES}


def _hand_over(captured: Path, recorded: Path) -> None:
    """Moves a dead worker's files to where the recorder looks, its board first."""
    for path in sorted(captured.iterdir(), key=lambda p: p.suffix != SUFFIX):
        path.rename(recorded / path.name)


def _wait_for_pairs(configuration: Path, pairs: int, serve: Pinned) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    found = 0
    while time.monotonic() < deadline and serve.is_alive():
        with suppress(ValueError):
            found = int(_ask(configuration, "SELECT count() FROM pairs"))
        if found >= pairs:
            return
        time.sleep(_POLL_S)
    raise BenchError(f"{found} of {pairs} captured exchanges were recorded; see {serve.log}")


def _ask(configuration: Path, statement: str) -> str:
    """The single value of a query; the store may still be starting."""
    command = [sys.executable, "-m", "cli.main", "sql", "-c", str(configuration), statement, "--format", "csv"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip().rpartition("\n")[2]


def _child(pid: int, role: str) -> int:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        if role in arguments:
            return int(child)
    raise BenchError(f"the {role} does not run")
