"""A run of the open-loop generator, and what it measured."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.intervals import Floats
from bench.machine import BenchError, Pinned
from bench.openloop import FAILURES, OK, Records, Settings
from bench.schedule import Instants

_NS_PER_MS = 1e6
_NS_PER_S = 1e9
_END_S = 15.0
"""What a generator gets beyond its own limit before it is taken for hung."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of every request of a schedule."""

    records: Records

    def ok(self) -> NDArray[np.bool_]:
        """Answered, with the right body; shape (requests,)."""
        return np.asarray(self.records["failure"] == OK)

    def failures(self) -> Counter[str]:
        """Failed requests by reason."""
        return Counter(FAILURES[code] for code in self.records["failure"][~self.ok()].tolist())

    def scheduled_s(self) -> Floats:
        """Seconds from the first scheduled instant."""
        scheduled = self.records["scheduled_ns"]
        return np.asarray((scheduled - scheduled[0]) / _NS_PER_S)

    def latency_ms(self) -> Floats:
        """From the scheduled instant to the last byte; without meaning where a request failed."""
        return np.asarray((self.records["done_ns"] - self.records["scheduled_ns"]) / _NS_PER_MS)

    def first_ms(self) -> Floats:
        """From the scheduled instant to the body's first byte."""
        return np.asarray((self.records["first_ns"] - self.records["scheduled_ns"]) / _NS_PER_MS)

    def lateness_ms(self) -> Floats:
        """How late the generator itself was, of the requests that were sent at all. It is part of the latency."""
        sent = self.records[self.records["sent_ns"] > 0]
        return np.asarray((sent["sent_ns"] - sent["scheduled_ns"]) / _NS_PER_MS)


class Generating:
    """A generator under way in a process of its own."""

    def __init__(self, directory: Path, instants: Instants, *, core: int, **settings: Any) -> None:
        """`settings`: those of `bench.openloop.Settings` but for the files of this run.

        Raises:
            BenchError: it could not open its connections.
        """
        self._directory = Path(tempfile.mkdtemp(dir=directory, prefix="load-"))
        self._seconds = float(instants[-1]) / _NS_PER_S if len(instants) else 0.0
        np.save(self._directory / "instants.npy", instants)
        self._settings = Settings(
            instants=str(self._directory / "instants.npy"), result=str(self._directory / "result.npy"), **settings
        )
        path = self._directory / "settings.json"
        path.write_bytes(msgspec.json.encode(self._settings))
        arguments = [sys.executable, "-m", "bench.openloop", str(path)]
        self._process = Pinned(arguments, core=core, log=self._directory / "load.out", output=subprocess.PIPE)
        said = self._process.read_line()
        if not said:
            self._process.stop()
            raise BenchError(f"the load generator did not start: {self._process.last_words()}")
        self.start_ns: int = json.loads(said)["start_ns"]
        """Monotonic time of the schedule's origin, a little ahead of now."""

    def cpu_seconds(self) -> float:
        """CPU of the generator so far."""
        return self._process.cpu_seconds()

    def stop(self) -> None:
        """Ends it, wherever it is."""
        self._process.stop()

    def finish(self) -> Run:
        """Waits for its end.

        Raises:
            BenchError: it failed or hung.
        """
        self._process.wait(self._seconds + self._settings.grace_s + _END_S)
        result = Path(self._settings.result)
        if not result.exists():
            raise BenchError(f"the load generator failed: {self._process.last_words()}")
        return Run(np.load(result))


def generate(directory: Path, instants: Instants, *, core: int, **settings: Any) -> Run:
    """A whole run.

    Raises:
        BenchError: the generator failed.
    """
    generating = Generating(directory, instants, core=core, **settings)
    try:
        return generating.finish()
    finally:
        generating.stop()
