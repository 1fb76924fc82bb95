"""The watermark of a store: the oldest of all streams that are waited for."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store import tables
from store.locate import StoreConnection
from store.reader import Reader
from store.watermark import UNANNOUNCED_S, VANISHED_S, Watermark, watermark
from store.writer import Writer

NOW = datetime.now(UTC).replace(microsecond=0)
"""Rows of long ago would be forgotten before they are asked for."""
YOUNGEST = NOW - timedelta(seconds=UNANNOUNCED_S)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _empty(writer: Client) -> None:
    writer.command(f"TRUNCATE TABLE {tables.WATERMARKS.name}")


Row = tuple[uuid.UUID, str, datetime | None, bool, datetime]


def said(stream: int, worker: str, mark: float | None, heard: float, *, closed: bool = False) -> Row:
    """A row; times are seconds ago."""
    return (uuid.UUID(int=stream), worker, None if mark is None else ago(mark), closed, ago(heard))


def of(store: Store, reader: Client, *rows: Row) -> Watermark:
    if rows:
        writer = Writer(StoreConnection(store, access="writer"))
        for one in rows:  # apart, so that the engine has not merged them
            writer.insert(tables.WATERMARKS.name, [one], f"{one[0]}:{one[4]}:{uuid.uuid4()}")
    return watermark(Reader(reader).columns, NOW)


def test_it_is_that_of_the_stream_that_is_furthest_behind(shared_store: Store, reader: Client) -> None:
    found = of(shared_store, reader, said(1, "a", 20, 1), said(2, "b", 75.25, 2), said(3, "c", 30, 1))
    assert found == Watermark(ago(75.25), 3, ())


def test_the_newest_word_of_a_stream_counts_and_not_its_best(shared_store: Store, reader: Client) -> None:
    """A clock that is set back takes a watermark back; an old row that comes late changes nothing."""
    found = of(shared_store, reader, said(1, "a", 20, 3), said(1, "a", 50, 2), said(1, "a", 900, 300))
    assert found.at == ago(50)


def test_a_stream_that_is_at_its_end_holds_nothing_up(shared_store: Store, reader: Client) -> None:
    rows = (said(1, "a", 600, 500), said(1, "a", 600, 400, closed=True), said(2, "b", 30, 1))
    assert of(shared_store, reader, *rows) == Watermark(ago(30), 1, ())


def test_streams_that_have_not_been_spoken_of_yet_are_allowed_for(shared_store: Store, reader: Client) -> None:
    assert of(shared_store, reader, said(1, "a", 0.5, 0.1)).at == YOUNGEST
    assert of(shared_store, reader, said(1, "a", 0.5, 0, closed=True)).at == YOUNGEST


def test_a_machine_that_is_gone_is_given_up_after_an_hour_and_named(shared_store: Store, reader: Client) -> None:
    within, after = VANISHED_S - 1, VANISHED_S + 1
    assert of(shared_store, reader, said(1, "a", 4000, within), said(2, "b", 30, 1)) == Watermark(ago(4000), 2, ())
    assert of(shared_store, reader, said(3, "z", 9000, after)) == Watermark(ago(4000), 2, ("z",))


def test_what_was_never_said_is_unknown(shared_store: Store, reader: Client) -> None:
    assert of(shared_store, reader) == Watermark(None, 0, ())
    assert of(shared_store, reader, said(1, "a", 30, 1), said(2, "b", None, 1)) == Watermark(None, 2, ())
    assert of(shared_store, reader, said(2, "b", None, 0, closed=True)) == Watermark(ago(30), 1, ())
