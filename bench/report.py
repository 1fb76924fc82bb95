"""A full report over 10 million requests with 3 candidates: what each part takes, and the memory of both processes.

`python -m bench.report` fills a store and writes the section `report` of `RESULTS.md`; `--store DIR` keeps the store in
a directory, or uses what an earlier run has left there.
"""

import argparse
import shlex
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.source import Window
from analyzer.stored import StoredPairs
from analyzer.study import study
from bench.bars import write_bars
from bench.filled import CANDIDATES, Traffic, statements
from bench.machine import BenchError, say
from bench.measured import Figure, Measured, measured_now, save
from bench.owned_store import OwnedStore
from bench.results import spread, table, write_section
from store.rollups.tables import ROLLUPS

SECTION = "report"
BLOCK_S = 60.0
_ASKED = ("experiments", "states", "watermark", "cut", "sums", "counts", "others", "quality", "conduct", "surroundings")
_STUDY = "study"
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds; CPU of the store and of this process, which other work on the machine changes little."""

    wall_s: float
    store_cpu_s: float
    own_cpu_s: float

    @classmethod
    def now(cls, store: OwnedStore) -> "Spent":
        """So far."""
        return cls(time.perf_counter(), store.cpu_s(), time.process_time())

    def plus(self, other: "Spent") -> "Spent":
        """Together."""
        return Spent(self.wall_s + other.wall_s, self.store_cpu_s + other.store_cpu_s, self.own_cpu_s + other.own_cpu_s)

    def minus(self, other: "Spent") -> "Spent":
        """Since then."""
        return self.plus(Spent(-other.wall_s, -other.store_cpu_s, -other.own_cpu_s))


class Timed:
    """A source whose answers are timed."""

    def __init__(self, source: StoredPairs, store: OwnedStore, spent: dict[str, Spent]) -> None:
        self._source, self._store, self._spent = source, store, spent

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._source, name)

        def answer(*arguments: Any) -> Any:
            before = Spent.now(self._store)
            try:
                return asked(*arguments)
            finally:
                self._spent[name] = self._spent.get(name, Spent(0, 0, 0)).plus(Spent.now(self._store).minus(before))

        return answer


@dataclass(slots=True)
class Found:
    """One number per round."""

    total: list[Spent] = field(default_factory=list)
    parts: dict[str, list[Spent]] = field(default_factory=lambda: defaultdict(list))
    store_mib: float = 0.0
    own_mib: float = 0.0
    pairs: int = 0
    metrics: int = 0
    notes: tuple[str, ...] = ()


@contextmanager
def filled(directory: Path, traffic: Traffic) -> Iterator[tuple[OwnedStore, Window]]:
    """A store with the traffic, as the engine leaves it once it has merged what is old."""
    with OwnedStore(directory) as store:
        if not int(store.one("SELECT count() FROM pairs")[0]):
            for statement in statements(traffic):
                say(statement[:60].split("(")[0])
                store.run(statement)
            store.run(*(f"OPTIMIZE TABLE {name} FINAL" for name in ("pairs", *(r.name for r in ROLLUPS))))
        first, last = store.one("SELECT toUnixTimestamp(min(block)), toUnixTimestamp(max(block)) FROM pairs")
        window = Window(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC) + timedelta(minutes=1))
        store.restart()
        yield store, window


def measure(store: OwnedStore, window: Window, rounds: int) -> Found:
    """Asks and computes as `shadowbench report` does."""
    found = Found(pairs=int(store.one("SELECT count() FROM pairs")[0]))
    plan = Plan(window, CANDIDATES, block_s=BLOCK_S)
    reader = store.reader()
    for _ in range(rounds):
        spent: dict[str, Spent] = {}
        begin = Spent.now(store)
        source = Timed(StoredPairs(reader.columns), store, spent)
        figures = gather(source, plan, Setting(block_s=BLOCK_S), now=datetime.now(UTC))
        asked = Spent.now(store)
        result = study(figures, plan)
        end = Spent.now(store)
        spent[_STUDY] = end.minus(asked)
        found.total.append(end.minus(begin))
        for name, one in spent.items():
            found.parts[name].append(one)
        found.metrics = sum(len(candidate.comparisons) for candidate in result.candidates)
        found.notes = figures.notes
        if len(figures.compared) != len(CANDIDATES):
            raise BenchError("a candidate has no figures")
    found.store_mib, found.own_mib = (peak_bytes(pid) / _MIB for pid in (str(store.pid()), "self"))
    return found


def peak_bytes(pid: str) -> int:
    """The most memory that a process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"the system does not say how much memory process {pid} had")


def figures_of(found: Found) -> Mapping[str, Figure]:
    """What the bars are held against."""
    return {
        "report_s": Figure.over([spent.wall_s for spent in found.total]),
        "memory_mib": Figure.over([found.store_mib + found.own_mib]),
        "store_cpu_s": Figure.over([spent.store_cpu_s for spent in found.total]),
        "own_cpu_s": Figure.over([spent.own_cpu_s for spent in found.total]),
    }


def section_of(traffic: Traffic, found: Found, measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    parts = [(name, found.parts[name]) for name in (*_ASKED, _STUDY) if name in found.parts]
    rows = [[name, *_columns(spent)] for name, spent in (*parts, ("**whole report**", found.total))]
    notes = "\n".join(f"> {note}" for note in found.notes)
    return f"""\
## Report

{measured.place}

{found.pairs:,} pairs: {traffic.days} days of requests with {len(CANDIDATES)} candidates each,
blocks of {BLOCK_S:.0f} s; 1 % of each arm timed out, half of the requests streamed; {found.metrics} rows of metrics.
Median of {len(found.total)} rounds, in brackets the smallest and the largest. The store was started anew before the
first.

{table(["part", "seconds", "CPU of the store, s", "CPU of the report, s"], rows)}

Most memory resident: store {found.store_mib:,.0f} MiB, report {found.own_mib:,.0f} MiB.

{notes}
"""


def _columns(spent: Sequence[Spent]) -> list[str]:
    columns = ([getattr(one, name) for one in spent] for name in ("wall_s", "store_cpu_s", "own_cpu_s"))
    return [spread(seconds, 2) for seconds in columns]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description="A full report over 10 million requests with 3 candidates.")
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", type=Path, metavar="DIR", help="keep the store here, or use the one that is here")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    traffic = Traffic(datetime.now(UTC).replace(second=0, microsecond=0), options.requests, options.days)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="shadowbench-report-") as name,
            filled(options.store or Path(name) / "store", traffic) as (store, window),
        ):
            found = measure(store, window, options.rounds)
    except BenchError as error:
        say(f"bench.report: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    measured = measured_now(shlex.join(["python", "-m", "bench.report", *said]), {}, figures_of(found))
    text = section_of(traffic, found, measured)
    if not options.dry:
        save(SECTION, measured)
        write_section(SECTION, text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
