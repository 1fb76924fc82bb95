"""One owner for all tests that only need a working embedded store."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store.endpoint.place import Endpoint, read_endpoint
from store.locate import close, connect_to
from tests.store.owners import store_at, transient


@pytest.fixture(scope="session")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory whose owner lives as long as the tests."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("store")
    with transient(directory):
        yield directory


@pytest.fixture(scope="session")
def shared_store(shared_dir: Path) -> Store:
    return store_at(shared_dir)


@pytest.fixture(scope="session")
def endpoint(shared_dir: Path) -> Endpoint:
    found = read_endpoint(shared_dir)
    assert found is not None
    return found


@pytest.fixture
def writer(endpoint: Endpoint) -> Iterator[Client]:
    """A client that may do everything."""
    client = connect_to(endpoint, "writer")
    yield client
    close(client)


@pytest.fixture
def reader(endpoint: Endpoint) -> Iterator[Client]:
    """A client that may read our tables and nothing else."""
    client = connect_to(endpoint, "reader")
    yield client
    close(client)
