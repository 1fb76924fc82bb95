"""One store of pairs for all pages here."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from analyzer.dashboard.site import Site
from config.model import Store
from tests.analyzer.dashboard.conftest import site_of
from tests.analyzer.dashboard.pairs.made import Filled, fill
from tests.store.owners import store_at, transient


@dataclass
class PairsStore:
    """The store, and what is in it."""

    store: Store
    made: Filled

    def site(self, **values: Any) -> Site:
        return site_of(self.store, **values)

    def address(self, name: str) -> str:
        """Of the page of a pair."""
        row = self.made.named[name]
        return f"/pairs/{row['request_id']}/{row['candidate']}"


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PairsStore]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("pairs-store")
    with transient(directory):
        store = store_at(directory)
        yield PairsStore(store, fill(store))
