"""The live view's queries over the rollups of 100 million pairs, and what keeping them costs an insert.

`python -m bench.rollups` writes the section `rollups` of `RESULTS.md`.
"""

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

from bench import rolled
from bench.bars import write_bars
from bench.machine import BenchError, say
from bench.measured import Figure, Measured, measured_now, save
from bench.owned_store import OwnedStore
from bench.recordings import Recording, RecordingsMissingError, read_outputs, shared_directory
from bench.results import spread, table, write_section
from bench.stored_rows import Row, StoredRows, payloads
from store.comparison import Span
from store.reader import Reader
from store.rollups import reading
from store.rollups.statements import view_names
from store.rollups.tables import FINE_HOURS, ROLLUPS

SECTION = "rollups"
MODELS = ("gpt4_1106_preview", "FuseChat-Llama-3.1-8B-Instruct")
_WARM_UP = 3
_AT_ONCE = 2
DAYS = "all days"
TOGETHER = "all five, two at a time"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    traffic: rolled.Traffic
    rounds: int
    batches: int
    sizes: tuple[int, ...] = (1000, 4000)


@dataclass(frozen=True, slots=True)
class Times:
    """One question, asked several times."""

    cold_ms: float
    """First after the store was started."""
    warm_ms: list[float]
    cpu_ms: float
    """Of the store, per warm answer."""


@dataclass(slots=True)
class Found:
    """What was measured."""

    rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Rollup -> rows as they came, rows once old ones were merged, bytes on disk."""
    views: dict[tuple[str, str], Times] = field(default_factory=dict)
    inserts: dict[tuple[str, int], float] = field(default_factory=dict)
    """(what is kept, rows of a batch) -> CPU milliseconds of the store per batch."""


Question = Callable[[Reader, Span], object]


def questions() -> Mapping[str, Question]:
    """What the live view asks; each the whole of one panel, read into Python."""
    ids = [rolled.EXPERIMENT]

    def blocks(reader: Reader, span: Span) -> object:
        return reading.block_sums(reader.columns, span, ids, step_s=3600, vectors=("counts", "sums"))

    return {
        "both label tables": lambda reader, span: reading.label_sums(reader.columns, span, ids),
        "histograms": lambda reader, span: reading.histograms(reader.columns, span, ids),
        "counts and sums by conversation bucket": lambda reader, span: reading.bucket_sums(reader.columns, span, ids),
        "counts and sums by hour": blocks,
        "squares and cubes": lambda reader, span: reading.total_sums(
            reader.columns, span, ids, vectors=("squares", "cubes")
        ),
    }


def measure_views(plan: Plan, directory: Path, found: Found) -> None:
    """Fills the rollups, lets the engine merge what is old, and asks."""
    with OwnedStore(directory) as store:
        for statement in rolled.statements(plan.traffic):
            store.run(statement)
        before = {r.name: int(store.one(f"SELECT count() FROM {r.name}")[0]) for r in ROLLUPS}
        for rollup in ROLLUPS:
            store.run(f"OPTIMIZE TABLE {rollup.name} FINAL")
            now = int(store.one(f"SELECT count() FROM {rollup.name}")[0])
            found.rows[rollup.name] = (before[rollup.name], now, store.bytes_on_disk(rollup.name))
        until = plan.traffic.until
        spans = {DAYS: plan.traffic.since, "24 h": until - timedelta(days=1)}
        for window, since in spans.items():
            span = Span(since, until)
            asked = questions()
            for name, question in asked.items():
                store.restart()
                found.views[name, window] = _timed(store, [question], span, plan.rounds)
            store.restart()
            found.views[TOGETHER, window] = _timed(store, list(asked.values()), span, plan.rounds)


def _timed(store: OwnedStore, asked: Sequence[Question], span: Span, rounds: int) -> Times:
    """Questions two at a time, as a page asks them."""
    readers = [store.reader() for _ in range(_AT_ONCE)]
    free = SimpleQueue[Reader]()
    for reader in readers:
        free.put(reader)

    def answer(question: Question) -> None:
        reader = free.get()
        try:
            if not question(reader, span):
                raise BenchError("a rollup gave no rows")
        finally:
            free.put(reader)

    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def all_of_them() -> None:
            for _ in pool.map(answer, asked):
                pass

        cold = _milliseconds(all_of_them)
        before_s = store.cpu_s()
        warm = [_milliseconds(all_of_them) for _ in range(rounds)]
        return Times(cold, warm, (store.cpu_s() - before_s) / rounds * 1000)


def _milliseconds(act: Callable[[], None]) -> float:
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def measure_inserts(plan: Plan, directory: Path, found: Found, texts: Sequence[tuple[Recording, Recording]]) -> None:
    """The same batches into stores with and without the views of the rollups."""
    for size in plan.sizes:
        for kept in ("without rollups", "with rollups"):
            with OwnedStore(directory / f"{size}-{kept.split()[0]}") as store:
                if kept == "without rollups":
                    store.run(*(f"DROP VIEW {name}" for name in view_names()))
                found.inserts[f"pairs, {kept}", size] = _cpu_per_batch(store, plan, size, None)
                found.inserts[f"pairs and texts, {kept}", size] = _cpu_per_batch(store, plan, size, texts)


def _cpu_per_batch(
    store: OwnedStore, plan: Plan, size: int, texts: Sequence[tuple[Recording, Recording]] | None
) -> float:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    drawn = StoredRows(seed=1, begin=begin, per_second=500.0, candidates=rolled.CANDIDATES)
    batches: list[tuple[list[Row], list[Row]]] = []
    for number in range(_WARM_UP + plan.batches):
        pairs = drawn.batch(size, f"b{number}")
        batches.append((pairs, [] if texts is None else payloads(pairs, texts, f"b{number}")))
    writer = store.writer()
    before_s = 0.0
    for number, (pairs, rows) in enumerate(batches):
        if number == _WARM_UP:
            before_s = store.cpu_s()
        token = f"{size}-{texts is None}-{number}"
        writer.insert("payloads", rows, token)
        writer.insert("pairs", pairs, token)
    spent_s = store.cpu_s() - before_s
    writer.close()
    return spent_s / plan.batches * 1000


def figures_of(found: Found) -> dict[str, Figure]:
    """What the bars are held against."""
    view = found.views[TOGETHER, DAYS]
    figures = {"live_view_warm_ms": Figure.over(view.warm_ms), "live_view_cold_ms": Figure.over([view.cold_ms])}
    for size in sorted({size for _, size in found.inserts}):
        with_, without = (found.inserts[f"pairs and texts, {kept} rollups", size] for kept in ("with", "without"))
        figures[f"insert_cpu_vs_without_{size}"] = Figure.over([with_ / without])
    return figures


def section_of(plan: Plan, found: Found, measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    traffic = plan.traffic
    rows = [
        [f"`{name}`", f"{came:,}", f"{now:,}", f"{size / 2**20:,.1f}"] for name, (came, now, size) in found.rows.items()
    ]
    views = [
        [
            f"{name}, {f'{traffic.days} days' if window == DAYS else window}",
            spread(times.warm_ms),
            f"{times.cold_ms:,.0f}",
            f"{times.cpu_ms:,.0f}",
        ]
        for (name, window), times in found.views.items()
    ]
    inserts = [
        [f"{what}, {size:,} pairs", f"{ms:,.0f}", f"{ms / size * 1000:,.0f}"]
        for (what, size), ms in found.inserts.items()
    ]
    return f"""\
## Rollups

{measured.place}

Rows as {traffic.pairs:,} pairs leave them: {traffic.days} days in blocks of 60 s, {len(rolled.CANDIDATES)} candidates,
{len(rolled.LABEL_NAMES)} labels of {traffic.values} values.
Rows older than {FINE_HOURS} hours are merged to hours and days.

{table(["rollup", "rows as they come", "rows when merged", "MiB"], rows)}

What the live view asks, through the reader's access, read into Python. Cold: the first time after the store was
started, with the files in the page cache.

{table(["question", "warm, ms", "cold, ms", "CPU of the store, ms"], views)}

CPU of the store per insert, with texts of about 4 kB a pair and without:

{table(["insert", "CPU per batch, ms", "CPU per pair, µs"], inserts)}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description="The live view's queries over the rollups of 100 million pairs.")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--values", type=int, default=100, help="of each of two labels")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 4000], help="pairs of a batch; none: no inserts")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    pairs = 100_000_000 * options.days // 30
    traffic = rolled.Traffic(until, options.days, options.values, pairs)
    plan = Plan(traffic, options.rounds, options.batches, tuple(options.sizes))
    found = Found()
    try:
        with tempfile.TemporaryDirectory(prefix="shadowbench-rollups-") as name:
            measure_views(plan, Path(name) / "views", found)
            if plan.sizes:
                shared = shared_directory()
                first, second = (read_outputs(shared, model) for model in MODELS)
                texts = [(first[key], second[key]) for key in first if key in second]
                measure_inserts(plan, Path(name), found, texts)
    except (BenchError, RecordingsMissingError) as error:
        say(f"bench.rollups: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "bench.rollups", *said])
    measured = measured_now(command, {}, figures_of(found))
    text = section_of(plan, found, measured)
    if not options.dry:
        save(SECTION, measured)
        write_section(SECTION, text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
