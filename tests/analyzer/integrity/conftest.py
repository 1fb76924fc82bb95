"""An embedded store with pairs, skips of every class and counts that are more than the rows."""

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from analyzer.source import Experiment, Window
from config.model import Store
from store import tables
from store.comparison import Ask
from store.locate import StoreConnection, close, connect
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.rows import START, as_values, random_rows, skip_row
from tests.store.owners import store_at, transient

Row = dict[str, Any]
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=9)
"""So recent that nothing is merged to hours and days."""
WINDOW = Window(BEGIN, BEGIN + timedelta(hours=8))
REASONS = ("budget", "stateful", "breaker_open", "memory", "shutdown")
COUNTED = {"swift": {"received": 9000, "memory": 83, "shutdown": 80, "worker_lost": 5, "quarantined": 2}}
"""More of `memory` than there are rows: nothing could be captured."""


def made(n: int, *, seed: int, candidate: str = "swift", experiment: str = "i1") -> list[Row]:
    """Pairs over eight hours with labels, skews and lags; what streams has a time to first token."""
    random = Random(seed)
    rows = random_rows(n, seed=seed, candidate=candidate, experiment=experiment)
    for i, row in enumerate(rows):
        ts = BEGIN + (row["ts"] - START) % timedelta(minutes=1) + timedelta(minutes=7 * i % 480)
        streams = bool(i % 3)
        row |= {
            "ts": ts,
            "block": ts.replace(second=0, microsecond=0),
            "stream": streams,
            "labels": {"tenant": random.choice("aabc"), **({"route": "/x"} if i % 2 else {})},
            "start_skew_ms": random.choice([None, *([random.lognormvariate(0, 1)] * 9)]),
            "loop_lag_ms": random.choice([None, *([random.expovariate(0.1)] * 9)]),
        }
        if not streams:
            names = (f"{arm}_{name}" for arm in ("primary", "candidate") for name in ("ttft_ms", "itl_ms"))
            row.update(dict.fromkeys(names))
        if row.get("primary_itl_ms") is not None and not row["primary_itl_ms"] < 1e300:
            row["primary_itl_ms"] = None
    return rows


def made_skips(n: int, *, seed: int, **fields: str) -> list[Row]:
    """Of five reasons in turn."""
    rows = made(n, seed=seed, **fields)
    return [{**skip_row(row, REASONS[i % len(REASONS)]), "labels": row["labels"]} for i, row in enumerate(rows)]


PAIRS = made(1500, seed=21)
SKIPS = made_skips(400, seed=22)
CONTROL_PAIRS = made(300, seed=23, candidate="control", experiment="i0")
OTHER_PAIRS = made(200, seed=24, experiment="i-before")
EXPERIMENT = Experiment("swift", "i1", len(PAIRS), BEGIN, WINDOW.until, 0.1, 0.1, 0, 0, 0, 0, 0)
CONTROL = Experiment("control", "i0", len(CONTROL_PAIRS), BEGIN, WINDOW.until, 0.1, 0.1, 0, 0, 0, 0, 0)


@pytest.fixture(scope="package")
def integrity_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("integrity-store")
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        pairs = [*PAIRS, *CONTROL_PAIRS, *OTHER_PAIRS]
        writer.insert("pairs", as_values(tables.PAIRS, pairs), "integrity-pairs")
        writer.insert("skips", as_values(tables.SKIPS, SKIPS), "integrity-skips")
        counts = [
            [BEGIN + timedelta(seconds=9), "proxy-0", candidate, state, count]
            for candidate, states in COUNTED.items()
            for state, count in states.items()
        ]
        writer.insert("counters", counts, "integrity-counters")
        writer.close()
        yield store


@pytest.fixture(scope="package")
def ask(integrity_store: Store) -> Iterator[Ask]:
    """With the rights of a reader, as reports have."""
    client = connect(integrity_store, access="reader", start_owner=False)
    yield Reader(client).columns
    close(client)
