"""Pairs and skips of today, in the store that all tests share, under experiments of their own."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store import tables
from store.comparison import Span
from store.locate import StoreConnection
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.rows import START, as_values, random_rows, skip_row

Row = dict[str, Any]
NOW = datetime.now(UTC)
BEGIN = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=13)
"""Half a day ago: nothing is old enough to be merged to hours and days."""
DAY = BEGIN.replace(hour=0)
SPAN = Span(DAY, DAY + timedelta(days=2))
_numbers = itertools.count()


def made(n: int, *, seed: int, experiment: str, begin: datetime = BEGIN, candidate: str = "swift") -> list[Row]:
    """Pairs over half a day with labels; some streams, some not."""
    rows = random_rows(n, seed=seed, experiment=experiment, candidate=candidate)
    for i, row in enumerate(rows):
        ts = begin + (row["ts"] - START) % timedelta(minutes=1) + timedelta(minutes=7 * i % 720)
        row |= {
            "ts": ts,
            "block": ts.replace(second=0, microsecond=0),
            "stream": [True, False, None][i % 3],
            "labels": {"tenant": f"t{i % 5}", **({"route": "/a"} if i % 2 else {})},
        }
    return rows


def made_skips(n: int, *, seed: int, experiment: str) -> list[Row]:
    """Of three reasons, two of which count as failures of the candidate."""
    rows = made(n, seed=seed, experiment=experiment)
    reasons = ("breaker_open", "budget", "max_in_flight")
    return [{**skip_row(row, reasons[i % 3]), "labels": row["labels"]} for i, row in enumerate(rows)]


def unavailable(skips: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that count as failures of the candidate."""
    return [skip for skip in skips if skip["reason"] != "budget"]


class Filled:
    """The store, through a writer and a reader."""

    def __init__(self, store: Store, client: Client) -> None:
        self.writer = Writer(StoreConnection(store, access="writer"))
        self.client = client
        self.ask = Reader(client).columns

    def pairs(self, rows: Sequence[Mapping[str, Any]], token: str = "") -> None:
        self.writer.insert("pairs", as_values(tables.PAIRS, rows), token or f"rollups-{next(_numbers)}")

    def skips(self, rows: Sequence[Mapping[str, Any]], token: str = "") -> None:
        self.writer.insert("skips", as_values(tables.SKIPS, rows), token or f"rollups-{next(_numbers)}")


@pytest.fixture
def filled(shared_store: Store, writer: Client) -> Iterator[Filled]:
    found = Filled(shared_store, writer)
    yield found
    found.writer.close()


@pytest.fixture
def experiment() -> str:
    """An id that no other test uses."""
    return f"rollups-{next(_numbers)}"
