"""One embedded store with synthetic pairs, for the tests that ask a real engine."""

import importlib.util
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.model import Store
from store import tables
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.rows import START, as_values, random_rows, skip_row
from tests.store.owners import store_at, transient

COUNTED = {
    "swift": {
        "received": 9000,
        "unsampled": 8090,
        "breaker_open": 8,
        "max_in_flight": 4,
        "budget": 8,
        "admitted": 890,
        "ended": 890,
    },
    "sage": {"received": 900, "admitted": 900, "ended": 900},
    "control": {"received": 500, "admitted": 500, "ended": 500},
}
"""They add up with the rows below."""


def stored_pairs() -> list[dict[str, Any]]:
    """What the store holds in `pairs`."""
    return [
        *random_rows(850, seed=1),
        *random_rows(40, seed=9, experiment="e-next", speed=0.5),
        *random_rows(900, seed=2, candidate="sage", experiment="e2", speed=1.6, cost=3.0),
        *random_rows(500, seed=3, candidate="control", experiment="e0", speed=1.0, cost=1.0),
    ]


def stored_skips() -> list[dict[str, Any]]:
    """What the store holds in `skips`: twelve copies that swift was not there for, eight over budget."""
    rows = random_rows(20, seed=7)
    reasons = ["breaker_open"] * 8 + ["max_in_flight"] * 4 + ["budget"] * 8
    return [skip_row(row, reason) for row, reason in zip(rows, reasons, strict=True)]


BROKEN_HOUR = START + timedelta(hours=10)
"""Its counts have no rows."""


def counter_rows() -> list[list[Any]]:
    """Each count in two pieces, as they come."""
    broken = [[BROKEN_HOUR, "proxy-0", "sage", state, 5] for state in ("received", "admitted", "ended")]
    return broken + [
        [START + timedelta(seconds=second), "proxy-0", candidate, state, part]
        for candidate, states in COUNTED.items()
        for state, count in states.items()
        for second, part in ((10, count // 2), (1200, count - count // 2))
    ]


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Its owner lives as long as the tests."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("analyzer-store")
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        writer.insert("pairs", as_values(tables.PAIRS, stored_pairs()), "pairs-1")
        writer.insert("skips", as_values(tables.SKIPS, stored_skips()), "skips-1")
        writer.insert("counters", counter_rows(), "counters-1")
        writer.close()
        yield store
