"""Measured figures as files (`bench/measured/NAME.json`), from which the table of bars is made."""

import importlib.util
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from bench.intervals import Interval
from bench.machine import description

DIRECTORY = Path(__file__).with_name("measured")


class Figure(msgspec.Struct, frozen=True):
    """One measured figure; `low` and `high` are what the benchmark says they are (a range or an interval)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> "Figure":
        """An interval's value and ends."""
        return cls(interval.value, interval.low, interval.high)

    @classmethod
    def over(cls, values: list[float]) -> "Figure":
        """The median of rounds, the smallest and the largest."""
        return cls(median(values), min(values), max(values))


class Measured(msgspec.Struct, frozen=True):
    """All figures of one run of one benchmark."""

    at: str
    command: str
    machine: str
    versions: dict[str, str]
    figures: dict[str, Figure]

    @property
    def place(self) -> str:
        """When, where and with what, in one line for people."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"`{self.command}`, {self.at}. {self.machine}; {versions}."


def measured_now(command: str, versions: Mapping[str, str], figures: Mapping[str, Figure]) -> Measured:
    """Figures of a run that has just ended on this machine."""
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    own = {"shadowbench": build(), "commit": commit()}
    return Measured(at, command, description(), {**versions, **own}, dict(figures))


def save(name: str, measured: Measured, directory: Path = DIRECTORY) -> None:
    """Replaces what the benchmark `name` measured before."""
    directory.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    (directory / f"{name}.json").write_bytes(text + b"\n")


def load(name: str, directory: Path = DIRECTORY) -> Measured | None:
    """What the benchmark `name` measured last; None when it never ran."""
    path = directory / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Measured) if path.exists() else None


def build() -> str:
    """Is the data plane compiled here? It takes half the CPU then."""
    found = importlib.util.find_spec("proxy.upstream.leg")
    return "interpreted" if found is None or (found.origin or "").endswith(".py") else "compiled"


def commit() -> str:
    """Which state of the repository this is; `-dirty` when files differ from it."""
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip() or "unknown"
