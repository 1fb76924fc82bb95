"""What candidates cost today, as the views of the store add it up."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from config.model import Store
from store import spending, tables
from store.errors import StoreUnavailable
from store.locate import StoreConnection
from store.migrate import migrate, steps
from store.reader import Reader
from store.spending import Asked, Fleet, Spending, Spent
from store.writer import Writer
from tests.store.owners import store_at

NOW = datetime.now(UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ASKED = {"llama": Asked("e-1", LONG_AGO)}


@pytest.fixture
def connection(shared_store: Store) -> Iterator[StoreConnection]:
    connection = StoreConnection(shared_store, access="writer")
    client = connection.client()
    migrate(client, client.database or "")
    for table in ("pairs", "counters", "spend", "machines"):
        client.command(f"TRUNCATE TABLE {table}")
    yield connection
    connection.drop()


def pair(cost: str | None, outcome: str = "ok", *, experiment: str = "e-1", ts: datetime = NOW) -> list[Any]:
    values: dict[str, Any] = dict.fromkeys(tables.PAIRS.names())
    values |= {
        "request_id": uuid.uuid4(), "ts": ts, "candidate": "llama", "experiment": experiment, "conversation": 1,
        "block": ts, "bucket": 0, "endpoint": "x", "labels": {}, "sample_share": 1.0, "worker": "proxy-0",
        "config_version": 1, "batch": "b", "held_ms": 0.0, "gateway_cache": False, "capture_truncated": False,
        "changed": [], "primary_outcome": "ok", "candidate_outcome": outcome,
        "candidate_cost_usd": None if cost is None else Decimal(cost),
    }  # fmt: skip
    for arm in ("primary", "candidate"):
        values |= {f"{arm}_connection_reused": False, f"{arm}_tokens_estimated": False, f"{arm}_raw_usage": ""}
    return [values[name] for name in tables.PAIRS.names()]


ROWS = [
    pair("0.5"),
    pair("0.25"),
    pair(None),
    pair(None, "timeout"),
    pair(None, "truncated"),
    pair(None, "connect_error"),
    pair(None, "http_error"),
    pair("2", experiment="e-0"),
]
COUNTS = [
    [NOW.replace(microsecond=0), "proxy-0", "llama", state, count]
    for state, count in (("admitted", 9), ("received", 50), ("worker_lost", 1), ("disk_dropped", 2), ("budget", 4))
]
SPENT = Spent(
    pairs=8,
    cost_usd=Decimal("2.75"),
    largest_usd=Decimal("0.5"),
    unpriced=1,
    unpriced_before=0,
    uncosted=2,
    admitted=9,
    lost=3,
)
"""The dearest copy is that of the present experiment; the money is everybody's."""


def test_pairs_and_counters_add_up_to_the_day(connection: StoreConnection) -> None:
    writer, asked = Writer(connection), Spending(connection)
    writer.insert("pairs", ROWS, "t-1")
    writer.insert("counters", COUNTS, "t-2")
    assert asked.spent(ASKED) == {"llama": SPENT}
    assert asked.spent({"qwen": Asked("e-9", LONG_AGO)}) == {}
    assert abs(asked.today() - NOW.date()) <= timedelta(days=1)


def test_those_who_only_look_see_the_same_day(connection: StoreConnection) -> None:
    writer, asked = Writer(connection), Spending(connection)
    writer.insert("pairs", ROWS, "t-20")
    writer.insert("counters", COUNTS, "t-21")
    asked.beat("m-1")
    found = spending.day(Reader(connection.client()), ASKED)
    assert (found.machines, found.spent) == (1, asked.spent(ASKED))
    assert found.day == asked.today()
    assert spending.day(Reader(connection.client()), {}).spent == {}


def test_a_batch_that_is_sent_again_costs_nothing_again(connection: StoreConnection) -> None:
    writer = Writer(connection)
    for _ in range(3):
        writer.insert("pairs", ROWS, "t-3")
        writer.insert("counters", COUNTS, "t-4")
    assert Spending(connection).spent(ASKED) == {"llama": SPENT}


def test_what_a_crash_took_from_the_sums_comes_back_with_the_same_batch(connection: StoreConnection) -> None:
    """The rows arrived and their sums did not; the recorder does not know, and sends the batch again."""
    writer, asked = Writer(connection), Spending(connection)
    writer.insert("pairs", ROWS, "t-5")
    writer.insert("counters", COUNTS, "t-6")
    connection.client().command("TRUNCATE TABLE spend")
    writer.insert("pairs", ROWS, "t-5")
    writer.insert("counters", COUNTS, "t-6")
    assert asked.spent(ASKED) == {"llama": SPENT}
    assert connection.client().command("SELECT count() FROM pairs") == len(ROWS)


def test_answers_from_before_the_present_price_are_told_apart(connection: StoreConnection) -> None:
    """By full minutes, and for each candidate alone."""
    minute = NOW.replace(second=0, microsecond=0)
    Writer(connection).insert("pairs", ROWS, "t-10")
    qwen = Asked("e-1", minute + timedelta(minutes=1))
    for since, before in ((minute, 0), (minute + timedelta(minutes=1), 1)):
        spent = Spending(connection).spent({"qwen": qwen, "llama": Asked("e-1", since)})["llama"]
        assert (spent.unpriced, spent.unpriced_before, spent.uncosted) == (1 - before, before, 2)


def test_yesterday_is_not_today(connection: StoreConnection) -> None:
    """Its dearest copy still says what one may cost, for 24 hours."""
    midnight = connection.client().command("SELECT toUnixTimestamp(toStartOfDay(now('UTC')))")
    before = datetime.fromtimestamp(int(str(midnight)) - 1, UTC)
    Writer(connection).insert("pairs", [pair("0.5", ts=before)], "t-7")
    spent = Spending(connection).spent(ASKED)
    assert spent["llama"] == Spent(0, Decimal(0), Decimal("0.5"), 0, 0, 0, 0, 0)


def test_a_database_that_was_there_before_the_sums_begins_with_todays(
    connection: StoreConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an upgrade at noon does: the morning is not forgotten, and trying again forgets nothing and adds nothing."""
    client = connection.client()
    writer = Writer(connection)
    for view in ("spend_of_pairs", "spend_of_counters"):
        client.command(f"DROP VIEW {view}")
    client.command("DROP TABLE spend SYNC")
    writer.insert("pairs", ROWS, "t-8")
    writer.insert("counters", COUNTS, "t-9")
    for _ in range(2):
        for statement in steps()[1].statements():
            client.command(statement, {"database": client.database}, use_database=False)
    assert Spending(connection).spent(ASKED) == {"llama": SPENT}


def test_machines_that_say_so_share_the_budgets(connection: StoreConnection) -> None:
    asked = Spending(connection)
    assert asked.fleet("m-2") == Fleet(0, None, 0.0)
    asked.beat("m-2")
    assert asked.fleet("m-2").machines == 1
    asked.beat("m-1")
    assert (asked.fleet("m-1").rank, asked.fleet("m-2").rank) == (0, 1)
    assert asked.fleet("m-2").machines == 2


def test_a_machine_that_is_silent_has_no_part_and_begins_anew(
    connection: StoreConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, client = Spending(connection), connection.client()
    client.command(
        "INSERT INTO machines SELECT m, now64(3, 'UTC') - 1000, now64(3, 'UTC') - silent FROM "
        f"VALUES('m String, silent Float64', ('steady', 1), ('gone', {spending.ACTIVE_S + 1}))"
    )
    assert asked.fleet("steady").machines == 1
    asked.beat("steady")
    asked.beat("gone")
    assert asked.fleet("steady").at_work_s >= 999
    assert asked.fleet("gone").at_work_s < 100


def test_a_store_that_is_away_is_no_answer(tmp_path: Any) -> None:
    asked = Spending(StoreConnection(store_at(tmp_path), access="writer"))
    with pytest.raises(StoreUnavailable):
        asked.spent(ASKED)
