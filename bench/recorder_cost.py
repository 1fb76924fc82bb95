"""CPU of the recorder and of the embedded store per pair: a captured log is recorded afterwards, every pair counted.

The proxy worker runs alone while its own CPU is measured. Afterwards its log is handed to a `shadowbench serve` that is
up already, so that starting is not counted as recording.
"""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import BenchError
from bench.recorder_roles import ROLES, cpu_by_role, hand_over
from bench.rounds import Stand
from bench.served import Served
from config.model import Config

_TIMEOUT_S = 120.0
_POLL_S = 0.5


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
        recorded = directory / "recorded"
        served = Served(directory, _values(worker.config, recorded), core=stand.load_core)
        try:
            served.wait_until_ready()
            before_s = cpu_by_role(served)
            hand_over(worker.capture, recorded)
            _wait_for_pairs(served, pairs)
            after_s = cpu_by_role(served)
        finally:
            served.stop()
    spent = {role: (after_s[role] - before_s[role]) / pairs * 1e6 for role in ROLES}
    return RecorderCost(pairs, spent["recorder"], spent["store"])


def _values(config: Config, capture: Path) -> dict[str, Any]:
    """The worker's configuration with a capture log of its own."""
    candidates = [{"name": c.name, "url": c.url, "model": c.model, "sample": c.sample} for c in config.candidates]
    return {"primary": {"url": config.primary.url}, "candidates": candidates, "capture": {"dir": str(capture)}}


def _wait_for_pairs(served: Served, pairs: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    found = 0
    while time.monotonic() < deadline:
        with suppress(BenchError):  # the store may still be making its tables
            found = int(served.rows("SELECT count() AS n FROM pairs")[0]["n"])
        if found >= pairs:
            return
        time.sleep(_POLL_S)
    raise BenchError(f"{found} of {pairs} captured exchanges were recorded")
