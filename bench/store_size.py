"""Bytes per pair on disk, and what other codecs and sort keys would make of them.

`python -m bench.store_size` writes the section `store_size` of `RESULTS.md`. Texts are recorded answers of two models
to the same instructions; other figures are random, so that they compress no better than real ones.
"""

import argparse
import re
import shlex
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.machine import BenchError, say
from bench.measured import Figure, Measured, measured_now, save
from bench.owned_store import OwnedStore
from bench.recordings import Recording, RecordingsMissingError, read_outputs, shared_directory
from bench.results import table, write_section
from bench.rollups import MODELS
from bench.stored_rows import StoredRows, payloads
from store.rollups.tables import ROLLUPS

SECTION = "store_size"
_BATCH = 1000
_FLOAT = r"(Nullable\(Float64\)|Float64)( COMMENT '(?:[^'\\]|\\.)*')( CODEC\([^)]*\)\))?"
_COUNT = r"(Nullable\(UInt32\))( COMMENT '(?:[^'\\]|\\.)*')( CODEC\([^)]*\)\))?"
_ORDER = r"\nORDER BY \([^\n]*\)"


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to store a table."""

    table: str
    name: str
    pattern: str
    """In SHOW CREATE TABLE."""
    replacement: str


VARIANTS = (
    Variant("pairs", "floats Gorilla, ZSTD(1)", _FLOAT, r"\1\2 CODEC(Gorilla, ZSTD(1))"),
    Variant("pairs", "floats FPC, ZSTD(1)", _FLOAT, r"\1\2 CODEC(FPC(12), ZSTD(1))"),
    Variant("pairs", "counts T64, ZSTD(1)", _COUNT, r"\1\2 CODEC(T64, ZSTD(1))"),
    Variant("pairs", "ZSTD(3) for ZSTD(1)", r"ZSTD\(1\)", "ZSTD(3)"),
    Variant("pairs", "times ZSTD(3)", r"(_ms`[^\n]*)ZSTD\(1\)", r"\1ZSTD(3)"),
    Variant("pairs", "raw usage ZSTD(3)", r"(_raw_usage`[^\n]*)ZSTD\(1\)", r"\1ZSTD(3)"),
    Variant("pairs", "ordered by time first", _ORDER, "\nORDER BY (ts, request_id, candidate)"),
    Variant("pairs", "ordered by conversation", _ORDER, "\nORDER BY (candidate, experiment, conversation, ts)"),
    Variant("payloads", "texts ZSTD(1)", r"ZSTD\(3\)", "ZSTD(1)"),
    Variant("payloads", "texts ZSTD(6)", r"ZSTD\(3\)", "ZSTD(6)"),
    Variant("payloads", "texts ZSTD(9)", r"ZSTD\(3\)", "ZSTD(9)"),
    Variant("payloads", "ordered by side, request", _ORDER, "\nORDER BY (side, request_id)"),
    Variant("payloads", "ordered by time", _ORDER, "\nORDER BY (ts, request_id, side)"),
    Variant("payloads", "blocks of 1 MiB", r"\nSETTINGS ", "\nSETTINGS min_compress_block_size = 1048576, "),
)


@dataclass(slots=True)
class Found:
    """What was measured."""

    pairs: int = 0
    tables: dict[str, float] = field(default_factory=dict)
    """Table -> bytes per pair."""
    columns: dict[str, float] = field(default_factory=dict)
    """Group of columns -> bytes per pair."""
    variants: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """(table, variant) -> bytes per pair, CPU microseconds per pair of writing and merging it."""
    text_bytes: float = 0.0
    """Per pair, uncompressed."""


GROUPS = (
    (
        "identity and place",
        r"request_id|ts|candidate|experiment|conversation|block|bucket|batch|worker|endpoint|labels",
    ),
    ("raw usage", r".*_raw_usage"),
    ("times", r".*_ms"),
    ("tokens and cost", r".*_(tokens|cost_usd|price_date|tokens_estimated|chars)"),
    ("outcomes and the rest", r".*"),
)


def measure(directory: Path, pairs: int, texts: Sequence[tuple[Recording, Recording]]) -> Found:
    """Stores `pairs` pairs with texts, and each variant of them."""
    found = Found()
    with OwnedStore(directory) as store:
        _fill(store, pairs, texts)
        found.pairs = int(store.one("SELECT count() FROM pairs")[0])
        for name in ("pairs", "payloads", *(rollup.name for rollup in ROLLUPS)):
            store.run(f"OPTIMIZE TABLE {name} FINAL")
            found.tables[name] = store.bytes_on_disk(name) / found.pairs
        text = store.one("SELECT sum(length(request) + length(response)) FROM payloads")
        found.text_bytes = int(text[0]) / found.pairs
        found.columns = _by_group(store, found.pairs)
        for name in ("pairs", "payloads"):
            found.variants[name, "as it is"] = _variant(store, Variant(name, "", r"^", ""), found.pairs)
        for variant in VARIANTS:
            found.variants[variant.table, variant.name] = _variant(store, variant, found.pairs)
    return found


def _fill(store: OwnedStore, pairs: int, texts: Sequence[tuple[Recording, Recording]]) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=20)
    drawn = StoredRows(seed=5, begin=begin, per_second=1.0, candidates=["llama-70b"])
    writer = store.writer()
    for number in range(pairs // _BATCH):
        token = f"0192f0c4-7a31-7d52-9d0e-1c2b3a495867:{number * 9_123_456}:{(number + 1) * 9_123_456}"
        rows = drawn.batch(_BATCH, token)
        # The same text again and again would compress to nothing.
        first = number * _BATCH % len(texts)
        writer.insert("payloads", payloads(rows, [*texts[first:], *texts[:first]], token), token)
        writer.insert("pairs", rows, token)
    writer.close()


def _by_group(store: OwnedStore, pairs: int) -> dict[str, float]:
    # Only wide parts say how large each column is.
    made = str(store.one("SHOW CREATE TABLE pairs")[0])
    made = re.sub(r"^CREATE TABLE \S+", "CREATE TABLE pairs_wide", made)
    made = made.replace("\nSETTINGS ", "\nSETTINGS min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0, ")
    store.run(made, "INSERT INTO pairs_wide SELECT * FROM pairs", "OPTIMIZE TABLE pairs_wide FINAL")
    rows = store.client.query(
        "SELECT column, sum(column_bytes_on_disk) FROM system.parts_columns "
        "WHERE active AND database = currentDatabase() AND table = 'pairs_wide' GROUP BY column"
    ).result_rows
    store.run("DROP TABLE pairs_wide")
    sums: defaultdict[str, float] = defaultdict(float)
    for column, size in rows:
        sums[next(name for name, pattern in GROUPS if re.fullmatch(pattern, column))] += size / pairs
    return {name: sums[name] for name, _ in GROUPS}


def _variant(store: OwnedStore, variant: Variant, pairs: int) -> tuple[float, float]:
    other = f"{variant.table}_other"
    made = str(store.one(f"SHOW CREATE TABLE {variant.table}")[0])
    made = re.sub(rf"^CREATE TABLE \S+{variant.table}\b", f"CREATE TABLE {other}", made)
    changed = re.sub(variant.pattern, variant.replacement, made)
    if variant.name and changed == made:
        raise BenchError(f"{variant.table}: {variant.name} changes nothing; the variant needs another pattern")
    store.run(f"DROP TABLE IF EXISTS {other}", changed)
    before_s = store.cpu_s()
    store.run(f"INSERT INTO {other} SELECT * FROM {variant.table}", f"OPTIMIZE TABLE {other} FINAL")
    spent_us = (store.cpu_s() - before_s) / pairs * 1e6
    size = store.bytes_on_disk(other) / pairs
    store.run(f"DROP TABLE {other}")
    return size, spent_us


def figures_of(found: Found) -> Mapping[str, Figure]:
    """For people who plan disks."""
    without = sum(size for name, size in found.tables.items() if name != "payloads")
    figures = {"bytes_per_pair_without_texts": without, "bytes_per_pair": without + found.tables["payloads"]}
    return {name: Figure(size, size, size) for name, size in figures.items()}


def section_of(found: Found, measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    figures = figures_of(found)
    with_, without = (figures[name].value for name in ("bytes_per_pair", "bytes_per_pair_without_texts"))
    sizes = [[f"`{name}`", f"{size:,.1f}"] for name, size in found.tables.items() if size]
    columns = [[name, f"{size:,.1f}"] for name, size in found.columns.items()]
    present = {name: found.variants[name, "as it is"][0] for name in ("pairs", "payloads")}
    variants = [
        [f"`{of}`, {name}", f"{size:,.1f}", f"{size / present[of] - 1:+.1%}", f"{cpu:,.0f}"]
        for (of, name), (size, cpu) in found.variants.items()
    ]
    return f"""\
## Bytes per pair

{measured.place}

{found.pairs:,} pairs with texts of {found.text_bytes:,.0f} bytes each, merged: {with_:,.0f} bytes per pair on disk with
texts, {without:,.0f} without. Rollups of so few pairs are as large as they ever get per pair.

{table(["table", "bytes per pair"], sizes)}

{table(["columns of `pairs`", "bytes per pair"], columns)}

Other codecs and sort keys; CPU is that of one insert of all rows and one merge, per pair:

{table(["variant", "bytes per pair", "against now", "CPU, µs"], variants)}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description="Bytes per pair on disk, beside other codecs and sort keys.")
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    try:
        shared = shared_directory()
        first, second = (read_outputs(shared, model) for model in MODELS)
        texts = [(first[key], second[key]) for key in first if key in second]
        with tempfile.TemporaryDirectory(prefix="shadowbench-size-") as name:
            found = measure(Path(name), options.pairs, texts)
    except (BenchError, RecordingsMissingError) as error:
        say(f"bench.store_size: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    measured = measured_now(shlex.join(["python", "-m", "bench.store_size", *said]), {}, figures_of(found))
    text = section_of(found, measured)
    if not options.dry:
        save(SECTION, measured)
        write_section(SECTION, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
