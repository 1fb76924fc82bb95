"""Two stores of their own: pairs go out of one and into the other."""

import importlib.util
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from store.locate import StoreConnection
from store.tables import EXPERIMENTS, JUDGEMENTS, PAIRS, PAYLOADS, SPEND
from tests.store.owners import store_at, transient


@pytest.fixture(scope="package")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StoreConnection, StoreConnection]]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    with transient(one), transient(other):
        connections = tuple(StoreConnection(store_at(path), access="writer") for path in (one, other))
        yield connections[0], connections[1]
        for connection in connections:
            connection.drop()


def emptied(connection: StoreConnection) -> Client:
    client = connection.client()
    for table in (PAIRS, PAYLOADS, JUDGEMENTS, EXPERIMENTS, SPEND):
        client.command(f"TRUNCATE TABLE {table.name}")
    return client


@pytest.fixture
def source(two_stores: tuple[StoreConnection, StoreConnection]) -> StoreConnection:
    """Empty."""
    emptied(two_stores[0])
    return two_stores[0]


@pytest.fixture
def target(two_stores: tuple[StoreConnection, StoreConnection]) -> StoreConnection:
    """Empty, another one."""
    emptied(two_stores[1])
    return two_stores[1]
