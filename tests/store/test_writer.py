"""Rows arrive once; what went wrong says whether sending them again makes sense."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store.errors import StoreRefused, StoreUnavailable
from store.locate import StoreConnection
from store.writer import Writer
from tests.store.owners import Transient, store_at

MOMENT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def writing(shared_store: Store, writer: Client) -> Iterator[Writer]:
    found = Writer(StoreConnection(shared_store, access="writer"))
    writer.command("TRUNCATE TABLE counters")
    yield found
    found.close()
    writer.command("TRUNCATE TABLE counters")


def rows(count: int, state: str = "received") -> list[list[Any]]:
    return [[MOMENT, "proxy-0", "llama", state, n] for n in range(count)]


def test_the_same_token_stores_once_and_another_stores_again(writing: Writer, writer: Client) -> None:
    for token in ("a1", "a1", "a2", "a1"):
        writing.insert("counters", rows(10), token)
    assert writer.query("SELECT count(), sum(count) FROM counters").result_rows == [(20, 90)]


def test_no_rows_are_no_insert(writing: Writer, writer: Client) -> None:
    writing.insert("counters", [], "b1")
    writing.insert("counters", rows(1), "b1")
    assert writer.command("SELECT count() FROM counters") == 1


def test_rows_of_several_partitions_under_one_token_store_once(writing: Writer, writer: Client) -> None:
    """Each month is a partition of its own, and each remembers the token."""
    spread = [[MOMENT.replace(month=month), "w", "c", "s", 1] for month in range(1, 13)]
    for _ in range(3):
        writing.insert("counters", spread, "c1")
    assert writer.command("SELECT count() FROM counters") == 12


@pytest.mark.parametrize(
    "bad",
    [
        [MOMENT, "w", "c", "s", "not a number"],
        [MOMENT, "w", "c", "s", -1],
        [MOMENT, "w", "c", "s", 2**64],
        [MOMENT, "w", "c", "s", None],
        [None, "w", "c", "s", 1],
        ["yesterday", "w", "c", "s", 1],
        [MOMENT, "w", "c"],
        [MOMENT, 1, "c", "s", 1],
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(bad: list[Any], writing: Writer, writer: Client) -> None:
    """Repeating them would give the same; nothing of their batch is stored, and the next batch is."""
    with pytest.raises(StoreRefused) as caught:
        writing.insert("counters", [*rows(5), bad], "d1")
    assert "\n" not in str(caught.value)
    assert writer.command("SELECT count() FROM counters") == 0
    writing.insert("counters", rows(5), f"d2-{bad!r}")
    assert writer.command("SELECT count() FROM counters") == 5


def test_a_missing_table_is_worth_another_try(writing: Writer, writer: Client) -> None:
    """Rows are never given up because somebody dropped the schema."""
    writer.command("RENAME TABLE counters TO counters_away")
    try:
        with pytest.raises(StoreUnavailable):
            writing.insert("counters", rows(1), "e1")
    finally:
        writer.command("RENAME TABLE counters_away TO counters")
    writing.insert("counters", rows(1), "e1")
    assert writer.command("SELECT count() FROM counters") == 1


@pytest.mark.usefixtures("shared_dir")
def test_a_writer_outlives_its_owner(tmp_path: Path) -> None:
    """Unavailable while nobody owns the directory; goes on with the next owner's port and password, by itself."""
    writing = Writer(StoreConnection(store_at(tmp_path), access="writer"))
    with pytest.raises(StoreUnavailable, match="shadowbench serve"):
        writing.insert("counters", rows(1), "f0")
    for life in range(2):
        owner = Transient(tmp_path)
        assert owner.report().get("error") is None
        writing.insert("counters", rows(1), f"f{life}")
        owner.kill()
        with pytest.raises(StoreUnavailable) as caught:
            writing.insert("counters", rows(1), "f9")
        assert "\n" not in str(caught.value)
    writing.close()
