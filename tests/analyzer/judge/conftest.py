"""An embedded store with pairs and texts, for tests of the judge that ask a real engine."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from store.locate import StoreConnection
from store.migrate import migrate
from store.reader import Reader
from tests.fakes.judged_pairs import Asked, request_id
from tests.store.owners import store_at, transient

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working store, for one test after the other."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("judging")
    with transient(directory / "store"):
        yield directory


@pytest.fixture
def place(owned: Path) -> Path:
    """Its directory, with a place for a capture log; the store is empty."""
    connection = StoreConnection(store_at(owned / "store"), access="writer")
    client = connection.client()
    migrate(client, client.database or "", None)
    full = "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
    for (name,) in client.query(full).result_rows:
        if name != "schema_version":
            client.command(f"TRUNCATE TABLE `{name}`")
    connection.drop()
    shutil.rmtree(owned / "capture", ignore_errors=True)
    (owned / "capture").mkdir()
    return owned


@pytest.fixture
def ask(place: Path) -> Iterator[Ask]:
    """Asks that store."""
    connection = StoreConnection(store_at(place / "store"), access="reader")
    yield lambda sql: Reader(connection.client()).query(sql)
    connection.drop()


def requests(n: int, begin: datetime, *, seed: int = 1, equal_every: int = 4, step_s: float = 0.5) -> list[Asked]:
    """Requests that two candidates and the control have answered; every few are equal."""
    chance, made = Random(seed), []
    for k in range(n):
        ts = datetime.fromtimestamp(begin.timestamp() + k * step_s, begin.tzinfo)
        same = f"The answer is {k}."
        other = same if k % equal_every == 0 else f"It is {k}, as far as one can tell."
        answers = {"swift": other, "sage": f"Number {k}.", "control": same}
        made.append(Asked(request_id(ts, chance), ts, f"What is {k}?", same, answers))
    return made
