"""Questions about rows that are there, compared with sums made here."""

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store import tables
from store.errors import QueryFailed
from store.locate import StoreConnection
from store.reader import Reader
from store.writer import Writer

START = datetime(2026, 3, 1, 22, 30, 0, 250_000, tzinfo=UTC)
UNSET: dict[str, Any] = {
    "UUID": uuid.UUID(int=0),
    "Bool": False,
    "String": "",
    "LowCardinality(String)": "",
    "UInt8": 0,
    "UInt32": 0,
    "UInt64": 0,
    "Float64": 0.0,
    "DateTime64(6, 'UTC')": START,
    "DateTime('UTC')": START.replace(microsecond=0),
    "Array(LowCardinality(String))": [],
    "Map(LowCardinality(String), String)": {},
}


def row(table: tables.Table, **values: Any) -> list[Any]:
    """A row with these values, and nothing known of the rest."""
    assert set(values) <= set(table.names())
    return [values.get(c.name, UNSET.get(c.type)) for c in table.columns]


def pairs() -> list[dict[str, Any]]:
    return [
        {
            "request_id": uuid.UUID(int=n + 1),
            "ts": START + timedelta(minutes=15 * n),
            "candidate": "llama" if n % 3 else "mistral",
            "experiment": "e1",
            "labels": {"tenant": f"t{n}"},
            "changed": ["store"] * n,
            "primary_total_ms": 100.0 + n,
            "candidate_total_ms": None if n == 4 else 90.5 * n,
            "primary_cost_usd": Decimal("0.000000001") * n,
            "stream": [True, False, None][n % 3],
        }
        for n in range(12)
    ]


@pytest.fixture(scope="module")
def filled(shared_store: Store) -> Iterator[None]:
    connection = StoreConnection(shared_store, access="writer")
    for left in ("pairs", "skips", "counters"):  # by other tests
        connection.client().command(f"TRUNCATE TABLE {left}")
    writer = Writer(connection)
    writer.insert("pairs", [row(tables.PAIRS, **values) for values in pairs()], "reader-pairs")
    skipped = [
        row(tables.SKIPS, request_id=uuid.UUID(int=n + 100), ts=START + timedelta(hours=n), candidate="llama", reason=r)
        for n, r in enumerate(["budget", "budget", "breaker_open"])
    ]
    writer.insert("skips", skipped, "reader-skips")
    counted = [
        [START.replace(microsecond=0) + timedelta(hours=n % 2), f"proxy-{n % 2}", "llama", state, 10**n]
        for n, state in enumerate(["received", "received", "unsampled", "received"])
    ]
    writer.insert("counters", counted, "reader-counters")
    seen = [["e1", "llama", "{}", START, "", None], ["e2", "mistral", '{"a":1}', START + timedelta(1), "{}", 20_000]]
    writer.insert("experiments", seen, "reader-experiments")
    again = [["e1", "llama", "{}", START + timedelta(2), "", None]]
    writer.insert("experiments", again, "reader-experiments-2")
    yield
    client = connection.client()
    for table in tables.TABLES:
        client.command(f"TRUNCATE TABLE {table.name}")
    connection.drop()


@pytest.fixture
def asking(reader: Client, filled: None) -> Reader:
    return Reader(reader)


def test_pairs_come_back_with_every_value_as_it_was(asking: Reader) -> None:
    names = tuple(pairs()[0])
    assert list(asking.pair_rows(names)) == pairs()


def test_all_columns_are_there_and_the_unknown_ones_are_none(asking: Reader) -> None:
    first = next(iter(asking.pair_rows()))
    assert tuple(first) == tables.PAIRS.names()
    assert first["candidate_ttft_ms"] is None
    assert first["primary_price_date"] is None


def test_a_window_holds_its_start_and_not_its_end_to_the_microsecond(asking: Reader) -> None:
    third, fifth = START + timedelta(minutes=30), START + timedelta(minutes=60)
    tick = timedelta(microseconds=1)

    def asked(since: datetime, until: datetime) -> list[int]:
        return [r["request_id"].int for r in asking.pair_rows(["request_id"], since=since, until=until)]

    assert asked(third, fifth) == [3, 4]
    assert asked(third + tick, fifth + tick) == [4, 5]


def test_one_candidates_pairs(asking: Reader) -> None:
    ids = [r["request_id"].int for r in asking.pair_rows(["request_id"], candidate="mistral")]
    assert ids == [p["request_id"].int for p in pairs() if p["candidate"] == "mistral"]


def test_a_column_that_is_not_there_is_a_mistake_of_the_caller(asking: Reader) -> None:
    with pytest.raises(ValueError, match="no column"):
        asking.pair_rows(["batch; DROP TABLE pairs"])


def test_pairs_are_counted_by_candidate_and_hour(asking: Reader) -> None:
    hours = Counter((p["ts"].replace(minute=0, second=0, microsecond=0), p["candidate"]) for p in pairs())
    assert asking.pair_counts(by_hour=True) == dict(hours)
    assert asking.pair_counts() == {(None, k): n for k, n in Counter(p["candidate"] for p in pairs()).items()}


def test_skips_are_counted_by_reason(asking: Reader) -> None:
    assert asking.skip_counts() == {(None, "llama", "budget"): 2, (None, "llama", "breaker_open"): 1}
    assert len(asking.skip_counts(by_hour=True)) == 3
    assert asking.skip_counts(since=START + timedelta(hours=2)) == {(None, "llama", "breaker_open"): 1}


def test_counters_are_added_up_over_workers_and_seconds(asking: Reader) -> None:
    assert asking.counter_totals() == {(None, "llama", "received"): 1 + 10 + 1000, (None, "llama", "unsampled"): 100}
    by_hour = asking.counter_totals(by_hour=True)
    hour = START.replace(minute=0, second=0, microsecond=0)
    assert by_hour[hour, "llama", "received"] == 1
    assert by_hour[hour + timedelta(hours=1), "llama", "received"] == 1010


def test_an_experiment_stands_once_with_its_first_time(asking: Reader) -> None:
    found = asking.experiments()
    assert [(e.id, e.candidate, e.compared, e.created) for e in found.values()] == [
        ("e1", "llama", "{}", START),
        ("e2", "mistral", '{"a":1}', START + timedelta(1)),
    ]


def test_columns_keep_their_names_when_no_row_is_there(asking: Reader) -> None:
    found = asking.columns("SELECT candidate, ts FROM pairs WHERE candidate = {c:String}", {"c": "nobody"})
    assert {name: list(values) for name, values in found.items()} == {"candidate": [], "ts": []}
    both = asking.columns("SELECT number AS n, number * 2 AS m FROM numbers({k:UInt8})", {"k": 3})
    assert {name: list(values) for name, values in both.items()} == {"n": [0, 1, 2], "m": [0, 2, 4]}


def test_a_question_that_fails_says_why_in_one_line(asking: Reader) -> None:
    for ask in (asking.query, lambda sql: list(asking.stream(sql)), lambda sql: asking.columns(sql, {})):
        with pytest.raises(QueryFailed, match="nowhere") as caught:
            ask("SELECT 1 FROM nowhere")
        assert caught.value.code == 60
        assert "\n" not in str(caught.value)
        assert "version" not in str(caught.value)


def test_what_the_caller_raises_while_reading_is_the_callers(asking: Reader) -> None:
    """A full disk or closed pipe on our side is no fault of the store."""

    def read() -> None:
        with asking.result("SELECT 1") as result:
            assert result.names == ("1",)
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        read()


def test_a_stream_that_is_left_leaves_the_client_usable(asking: Reader) -> None:
    stream = asking.stream("SELECT number FROM numbers(10000000)")
    assert next(stream) == {"number": 0}
    stream.close()  # type: ignore[attr-defined]
    assert asking.query("SELECT 1 AS a") == [{"a": 1}]
