"""A store of their own for the tests of the API, which write into it."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.model import Store
from tests.analyzer.dashboard.made import fill
from tests.store.owners import store_at, transient


@pytest.fixture(scope="session")
def pages_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """In place of the one that the pages' tests share."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("api-store")
    with transient(directory):
        store = store_at(directory)
        fill(store)
        yield store
