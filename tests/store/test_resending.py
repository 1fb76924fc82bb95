"""Rows whose fate nobody knows end up in the store once, whatever had become of them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store import resending
from store.errors import StoreUnavailable
from store.locate import StoreConnection
from store.resending import Resending
from store.tables import EXPERIMENTS, MACHINES, SKIPS, Table
from store.writer import Writer

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ZEROS: dict[str, Any] = {"UUID": UUID(int=0), "DateTime": MOMENT, "Map": {}, "Bool": False, "UInt": 0, "Array": []}


def skip(number: int, token: str, *, ts: datetime = MOMENT) -> list[Any]:
    """A row of `skips` with nothing in it but what is looked for."""
    named = {"request_id": UUID(int=number), "ts": ts, "candidate": "llama", "batch": token}
    return [named.get(column.name, empty(column.type)) for column in SKIPS.columns]


def empty(kind: str) -> Any:
    if "Nullable" in kind:
        return None
    return next((zero for start, zero in ZEROS.items() if kind.startswith(start)), "")


def skips(count: int, token: str) -> list[list[Any]]:
    """Over three months, each of which is a partition, and so a part, of its own."""
    return [skip(n, token, ts=MOMENT + timedelta(days=31 * (n % 3))) for n in range(count)]


@pytest.fixture
def writing(shared_store: Store, writer: Client) -> Iterator[Writer]:
    found = Writer(StoreConnection(shared_store, access="writer"))
    yield found
    found.close()
    writer.command("TRUNCATE TABLE skips")


def stored(writer: Client) -> list[int]:
    return sorted(row[0].int for row in writer.query("SELECT request_id FROM skips").result_rows)


def lose(writer: Client, condition: str) -> None:
    """Rows go, their token stays: what a kill between the two leaves behind."""
    writer.command(f"ALTER TABLE skips DELETE WHERE {condition}", settings={"mutations_sync": 2})


def test_rows_that_had_arrived_are_there_once(writing: Writer, writer: Client) -> None:
    rows = skips(30, "r1")
    writing.insert("skips", rows, "r1")
    writing.doubt("skips", "r1")
    writing.insert("skips", rows, "r1")
    assert stored(writer) == list(range(30))
    assert writing.mended == 0


def test_rows_that_had_not_arrived_are_there_once(writing: Writer, writer: Client) -> None:
    writing.doubt("skips", "r2")
    writing.insert("skips", skips(30, "r2"), "r2")
    assert stored(writer) == list(range(30))


def test_a_retry_that_is_acknowledged_without_its_rows_is_not_believed(writing: Writer, writer: Client) -> None:
    """The engine by itself stores nothing under a token that it knows, though nothing is there."""
    rows = skips(30, "r3")
    writing.insert("skips", rows, "r3")
    lose(writer, "batch = 'r3'")
    writing.insert("skips", rows, "r3")
    assert stored(writer) == []
    writing.doubt("skips", "r3")
    writing.insert("skips", rows, "r3")
    assert stored(writer) == list(range(30))
    assert writing.mended == 1


def test_of_a_batch_that_was_lost_in_part_only_that_part_is_sent_anew(writing: Writer, writer: Client) -> None:
    rows = skips(30, "r4")
    writing.insert("skips", rows, "r4")
    lose(writer, "toMonth(ts) = 4")
    writing.doubt("skips", "r4")
    writing.insert("skips", rows, "r4")
    assert stored(writer) == list(range(30))


@pytest.mark.parametrize("lives", [1, 2, 3])
def test_a_successor_of_a_recorder_that_died_over_a_fresh_token_goes_the_same_way(
    lives: int, writing: Writer, writer: Client
) -> None:
    """Each life finds the rows lost again, and ends after it has mended them; the last one's word counts."""
    token = f"r5-{lives}"
    rows = skips(30, token)
    writing.insert("skips", rows, token)
    for _ in range(lives):
        lose(writer, f"batch = '{token}'")
        writing.doubt("skips", token)
        writing.insert("skips", rows, token)
        writing.doubt("skips", token)
        writing.insert("skips", rows, token)
        assert stored(writer) == list(range(30))
    assert writing.mended == lives


def test_a_store_that_loses_everything_it_acknowledges_is_no_place_for_rows(writer: Client) -> None:
    sent: list[str] = []
    with pytest.raises(StoreUnavailable, match="acknowledged"):
        Resending(writer, SKIPS, skips(3, "r6"), "r6").run(lambda rows, token: sent.append(token))
    assert sent == ["r6", "r6:again1", "r6:again2", "r6:again3"]


def test_rows_whose_token_may_be_forgotten_are_not_sent_again(
    writing: Writer, writer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is missing goes out: under a token that the table does not know, all else would be stored twice."""
    monkeypatch.setattr(resending, "REMEMBERED_PARTS", 0)
    rows = skips(30, "r7")
    writing.insert("skips", rows[:20], "another token than theirs")
    writing.doubt("skips", "r7")
    writing.insert("skips", rows, "r7")
    assert stored(writer) == list(range(30))


def test_the_age_of_a_token_is_counted_in_parts(writing: Writer, writer: Client) -> None:
    rows = [skip(1, "r8")]
    writing.insert("skips", rows, "r8")
    newest = "SELECT max(max_block_number) FROM system.parts WHERE table = 'skips' AND database = currentDatabase()"
    first = int(str(writer.command(newest)))
    for n in range(5):
        writing.insert("skips", [skip(n, f"r8-{n}")], f"r8-{n}")
    assert writer.command(newest) == first + 5


@pytest.mark.parametrize("table", [EXPERIMENTS, MACHINES])
def test_tables_without_a_batch_are_sent_again_as_they_are(table: Table, writer: Client) -> None:
    assert not Resending(writer, table, [["x"]], "r9").can_be_seen()


@pytest.mark.parametrize(
    ("engine", "is_seen"), [("MergeTree", True), ("ReplicatedMergeTree", False), ("Distributed", False)]
)
def test_replicated_tables_are_believed(engine: str, is_seen: bool) -> None:
    """Token and part are one transaction there, and the machine that is asked may not have the rows yet."""

    class Server:
        def query(self, sql: str, parameters: dict[str, Any]) -> Any:
            assert parameters == {"table": "skips"}
            return type("Result", (), {"result_rows": [(engine,)]})

    client: Any = Server()
    assert Resending(client, SKIPS, skips(1, "r10"), "r10").can_be_seen() is is_seen


def test_two_rows_of_one_key_are_both_needed(writing: Writer, writer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody makes such a batch, but what is counted is rows, not keys."""
    monkeypatch.setattr(resending, "REMEMBERED_PARTS", 0)
    rows: Sequence[Any] = [skip(1, "r11"), skip(1, "r11")]
    writing.insert("skips", rows[:1], "another")
    writing.doubt("skips", "r11")
    writing.insert("skips", rows, "r11")
    assert stored(writer) == [1, 1]
