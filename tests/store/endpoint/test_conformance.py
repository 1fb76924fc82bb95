"""The endpoint speaks the ClickHouse HTTP protocol as clickhouse-connect expects a server to."""

import math
import threading
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from store.endpoint.place import Endpoint
from store.locate import close, connect_to

MOMENT = datetime(2026, 3, 1, 12, 34, 56, 123456, tzinfo=UTC)

VALUES: list[tuple[str, list[Any]]] = [
    ("DateTime64(6, 'UTC')", [MOMENT, datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, 23, tzinfo=UTC)]),
    ("DateTime('UTC')", [MOMENT.replace(microsecond=0)]),
    ("Date", [date(2026, 3, 1), date(1970, 1, 1)]),
    ("Nullable(Date)", [date(2026, 3, 1), None]),
    ("UUID", [UUID("0195f0a0-0000-7000-8000-000000000001"), UUID(int=0), UUID(int=2**128 - 1)]),
    ("String", ["", "plain", "tab\tline\nquote'\"\\", "Grüße 漢字 🎈", "nul\0inside", "x" * 100_000]),
    ("LowCardinality(String)", ["a", "a", "", "b"]),
    ("LowCardinality(Nullable(String))", ["a", None, ""]),
    ("Nullable(Float64)", [0.1, None, -0.0, 1e308, 5e-324]),
    ("Float64", [math.inf, -math.inf, 0.1]),
    ("Nullable(Bool)", [True, False, None]),
    ("Bool", [True, False]),
    ("Nullable(UInt16)", [0, 65535, None]),
    ("Nullable(UInt32)", [0, 2**32 - 1, None]),
    ("UInt64", [0, 2**64 - 1]),
    ("UInt8", [0, 255]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("Nullable(Decimal(18, 9))", [Decimal("0.000000001"), Decimal("-123456789.987654321"), None]),
    ("Map(LowCardinality(String), String)", [{}, {"tenant": "acme", "route": "/v1"}]),
    ("Array(LowCardinality(String))", [[], ["store", "n"], [""]]),
    ("Array(Array(Nullable(Int32)))", [[], [[]], [[1, None], [2]]]),
    ("Tuple(Float64, String)", [(1.5, "a")]),
    ("Enum8('a' = 1, 'b' = -2)", ["a", "b"]),
    ("IPv4", [IPv4Address("10.0.0.1")]),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_a_value_comes_back_as_it_went_in(kind: str, values: list[Any], writer: Client) -> None:
    """Through the Native format, both ways."""
    writer.command("DROP TABLE IF EXISTS round_trip")
    writer.command(f"CREATE TABLE round_trip (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    writer.insert("round_trip", list(enumerate(values)), column_names=["n", "v"])
    result = writer.query("SELECT v FROM round_trip ORDER BY n")
    assert [row[0] for row in result.result_rows] == values
    writer.command("DROP TABLE round_trip")


def test_raw_inserts_of_every_shape_arrive(writer: Client) -> None:
    """Statement in the body or in the URL, rows as one piece or as a stream."""
    writer.command("CREATE TABLE raw (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    writer.raw_insert("raw", ["a", "b"], "1,x\n2,y\n", fmt="CSV")
    writer.raw_insert("raw", ["a", "b"], (f"{n},z\n".encode() for n in range(3, 6)), fmt="CSV")
    writer.command("INSERT INTO raw VALUES (6, 'it''s'), (7, '')")
    writer.raw_insert("raw", None, b"8\tq\n", fmt="TSV")
    writer.command("INSERT INTO raw SELECT number + 9, 'n' FROM numbers(2)")
    rows = writer.query("SELECT a FROM raw ORDER BY a").result_rows
    assert [row[0] for row in rows] == list(range(1, 11))
    assert writer.query("SELECT b FROM raw WHERE a = 6").result_rows == [("it's",)]
    writer.command("DROP TABLE raw")


def test_an_insert_with_one_bad_row_stores_none(writer: Client) -> None:
    writer.command("CREATE TABLE strict (a UInt8) ENGINE = MergeTree ORDER BY a")
    rows = "\n".join(["1"] * 50_000 + ["not a number"]).encode()
    with pytest.raises(DatabaseError) as caught:
        writer.raw_insert("strict", ["a"], rows, fmt="CSV")
    assert caught.value.code in {27, 72, 117}
    assert writer.command("SELECT count() FROM strict") == 0
    writer.command("DROP TABLE strict")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM not_there", 60),
        ("SELECT not_there", 47),
        ("SELECT not_there()", 46),
        ("garbage", 62),
        ("SELECT (1", 62),
        ("SELECT throwIf(1)", 395),
        ("SELECT 1 SETTINGS not_there = 1", 115),
        ("SELECT toUInt8('x')", 6),
        (
            "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 0.2",
            159,
        ),
        ("SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000", 241),
        ("SELECT 1; SELECT 2", 62),
        ("SYSTEM SHUTDOWN", 344),
        ("SELECT 1 INTO OUTFILE '/nowhere/x'", 344),
    ],
)
def test_an_error_has_the_servers_code(sql: str, code: int, writer: Client) -> None:
    for ask in (writer.query, writer.command, writer.raw_query):
        with pytest.raises(DatabaseError) as caught:
            ask(sql)
        assert caught.value.code == code, str(caught.value)


def test_an_error_in_the_middle_of_a_stream_is_raised_behind_the_rows_before_it(writer: Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 10000"
    rows: list[int] = []
    with writer.query_row_block_stream(sql) as blocks, pytest.raises(StreamFailureError, match="throwIf"):
        rows.extend(len(block) for block in blocks)
    assert 0 < sum(rows) <= 3_000_000


def test_a_large_answer_is_streamed_complete(writer: Client) -> None:
    total = rows = 0
    with writer.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
        for block in blocks:
            rows += len(block)
            total += sum(row[0] for row in block)
    assert (rows, total) == (2_000_000, 1_999_999 * 2_000_000 // 2)


def test_an_answer_too_large_to_hold_back_still_arrives_whole(writer: Client) -> None:
    """The client wants it whole; beyond what the endpoint holds back, it comes as a stream."""
    found = writer.query("SELECT repeat('x', 1000) AS a FROM numbers(60000)").result_columns[0]
    assert len(found) == 60_000
    assert set(found) == {"x" * 1000}


@pytest.mark.parametrize("form", ["JSON", "CSVWithNames", "Parquet", "TSVWithNamesAndTypes", "JSONEachRow", "Arrow"])
def test_formats_that_cannot_be_cut_come_whole(form: str, writer: Client) -> None:
    data = writer.raw_query("SELECT number AS n FROM numbers(200000)", fmt=form)
    assert len(data) > 200_000
    if form == "CSVWithNames":
        assert data.count(b'"n"') == 1
        assert data.count(b"\n") == 200_001


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", 'it\'s \\ "quoted"\n\t'),
        ("UInt64", 2**64 - 1),
        ("Array(String)", ["a'b", "\\", ""]),
        ("Date", date(2026, 3, 1)),
        ("Nullable(String)", None),
        ("Float64", 0.1),
        ("Array(UInt32)", list(range(20_000))),
    ],
)
def test_parameters_arrive_as_they_were_given(kind: str, value: Any, writer: Client) -> None:
    """The last one is too long for a URL and comes in a form."""
    assert writer.query(f"SELECT {{p:{kind}}}", {"p": value}).result_rows == [(value,)]


def test_an_insert_takes_parameters(writer: Client) -> None:
    writer.command("CREATE TABLE bound (a String) ENGINE = MergeTree ORDER BY a")
    writer.command("INSERT INTO bound SELECT {v:String}", {"v": "x'y"})
    writer.command("INSERT INTO {t:Identifier} VALUES ('z')", {"t": "bound"})
    assert writer.query("SELECT a FROM bound ORDER BY a").result_rows == [("x'y",), ("z",)]
    writer.command("DROP TABLE bound")


def test_settings_hold_for_their_request_only(writer: Client) -> None:
    sql = "SELECT toUInt32(getSetting('max_threads'))"
    before = writer.command(sql)
    assert writer.command(sql, settings={"max_threads": 7}) == 7
    assert writer.command(sql) == before


def test_the_engine_runs_in_utc(writer: Client) -> None:
    assert str(writer.server_tz) == "UTC"
    assert writer.command("SELECT toString(toDateTime(0))") == "1970-01-01 00:00:00"


def test_a_client_that_goes_away_ends_its_query(endpoint: Endpoint, writer: Client) -> None:
    """Nothing of it is running a moment later."""
    sql = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS max_threads = 1"
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        urllib3.request(
            "POST", f"http://127.0.0.1:{endpoint.port}/", body=sql, headers=login, timeout=0.5, retries=False
        )
    assert _is_over("sipHash64", writer)


def test_a_client_that_leaves_a_stream_ends_its_query(endpoint: Endpoint, writer: Client) -> None:
    sql = "SELECT halfMD5(number) FROM numbers(1000000000000)"
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    with urllib3.PoolManager() as pool:
        response = pool.request(
            "POST",
            f"http://127.0.0.1:{endpoint.port}/",
            body=sql,
            headers=login,
            preload_content=False,
            retries=False,
        )
        assert len(response.read(1000)) == 1000
        response.close()
    assert _is_over("halfMD5", writer)


def _is_over(word: str, writer: Client) -> bool:
    sql = (
        "SELECT count() FROM system.processes WHERE position(query, {word:String}) > 0 AND NOT query LIKE '%processes%'"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if writer.query(sql, {"word": word}).result_rows == [(0,)]:
            return True
        time.sleep(0.05)
    return False


def test_an_upload_that_breaks_off_stores_nothing(endpoint: Endpoint, writer: Client) -> None:
    writer.command("CREATE TABLE broken (a UInt32) ENGINE = MergeTree ORDER BY a")

    def rows() -> Any:
        yield b"INSERT INTO broken FORMAT CSV\n"
        for _ in range(20):
            yield b"1\n" * 10_000
        raise KeyError("the client dies")

    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    with pytest.raises(KeyError):
        urllib3.request(
            "POST", f"http://127.0.0.1:{endpoint.port}/", body=rows(), headers=login, timeout=30, retries=False
        )
    time.sleep(0.3)
    assert writer.command("SELECT count() FROM broken") == 0
    writer.command("DROP TABLE broken")


def test_many_clients_at_once_get_their_own_answers(endpoint: Endpoint) -> None:
    wrong: list[object] = []

    def ask(number: int) -> None:
        client = connect_to(endpoint, "reader")
        try:
            for step in range(10):
                found = client.query("SELECT {n:UInt32} + number FROM numbers(3)", {"n": number * 100 + step})
                if [row[0] for row in found.result_rows] != [number * 100 + step + k for k in range(3)]:
                    wrong.append(found.result_rows)
        except Exception as error:  # noqa: BLE001 - shown below
            wrong.append(error)
        finally:
            close(client)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")
def test_it_listens_on_loopback_only(endpoint: Endpoint) -> None:
    """0100007F is 127.0.0.1 in /proc/net/tcp; 0A is listening."""
    with open("/proc/net/tcp") as table:
        ours = [line.split() for line in table if f":{endpoint.port:04X} " in line.split()[1] + " "]
    listening = [row[1] for row in ours if row[3] == "0A"]
    assert listening == [f"0100007F:{endpoint.port:04X}"]


def test_compressed_requests_are_refused_clearly(endpoint: Endpoint) -> None:
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    response = urllib3.request(
        "POST",
        f"http://127.0.0.1:{endpoint.port}/",
        body=b"x",
        headers={**login, "Content-Encoding": "lz4"},
        timeout=30,
        retries=False,
    )
    assert response.headers["X-ClickHouse-Exception-Code"] == "89"
    assert b"compress=False" in response.data


def test_a_statement_longer_than_the_limit_is_refused(endpoint: Endpoint) -> None:
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    response = urllib3.request(
        "POST",
        f"http://127.0.0.1:{endpoint.port}/",
        body=b"SELECT '" + b"x" * (17 * 2**20) + b"'",
        headers=login,
        timeout=30,
        retries=False,
    )
    assert response.headers["X-ClickHouse-Exception-Code"] == "307"


def test_ping_needs_no_password_and_says_nothing(endpoint: Endpoint) -> None:
    response = urllib3.request("GET", f"http://127.0.0.1:{endpoint.port}/ping", timeout=30)
    assert (response.status, response.data) == (200, b"Ok.\n")


def test_an_empty_statement_is_answered_as_a_server_does(writer: Client, endpoint: Endpoint) -> None:
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    response = urllib3.request("GET", f"http://127.0.0.1:{endpoint.port}/", headers=login, timeout=30)
    assert (response.status, response.data) == (200, b"Ok.\n")
    assert writer.ping()


def test_a_retried_batch_is_counted_once_in_table_and_view(writer: Client) -> None:
    """The same rows with the same token; other rows with another token; the view's own table remembers tokens too."""
    window = "SETTINGS non_replicated_deduplication_window = 100"
    writer.command(f"CREATE TABLE source (a UInt32) ENGINE = MergeTree ORDER BY a {window}")
    writer.command(f"CREATE TABLE target (n UInt64) ENGINE = MergeTree ORDER BY n {window}")
    writer.command("CREATE MATERIALIZED VIEW through TO target AS SELECT count() AS n FROM source")
    settings = {"deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0}
    for token in ("one", "one", "two", "one", "two"):
        rows = [[1], [2]]
        writer.insert("source", rows, column_names=["a"], settings={**settings, "insert_deduplication_token": token})
    assert writer.command("SELECT count() FROM source") == 4
    assert writer.command("SELECT sum(n) FROM target") == 4
    for name in ("through", "source", "target"):
        writer.command(f"DROP TABLE {name}")


def test_a_table_ages_out_of_its_rows(writer: Client) -> None:
    writer.command(
        "CREATE TABLE aging (ts DateTime('UTC')) ENGINE = MergeTree ORDER BY ts TTL ts + INTERVAL 1 HOUR DELETE"
    )
    now = datetime.now(UTC).replace(microsecond=0)
    writer.insert("aging", [[now], [now - timedelta(days=2)]], column_names=["ts"])
    writer.command("OPTIMIZE TABLE aging FINAL")
    assert writer.query("SELECT ts FROM aging").result_rows == [(now,)]
    writer.command("DROP TABLE aging")
