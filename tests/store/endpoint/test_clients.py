"""What clients of the library do with our own tables: every type, large lists, large answers, asynchronous ones."""

import datetime
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import clickhouse_connect
import pytest
import urllib3
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from store import tables
from store.endpoint.place import DATABASE, Endpoint
from store.locate import connect_to
from store.rollups import tables as rollups

MOMENT = datetime.datetime(2026, 3, 1, 12, 34, 56, tzinfo=datetime.UTC)
SAMPLES: dict[str, list[Any]] = {
    "Bool": [True, False],
    "Date": [datetime.date(2026, 3, 1)],
    "DateTime('UTC')": [MOMENT],
    "DateTime64(3, 'UTC')": [MOMENT.replace(microsecond=123_000)],
    "DateTime64(6, 'UTC')": [MOMENT.replace(microsecond=123_456)],
    "Decimal(18, 9)": [Decimal("-123456789.987654321"), Decimal(0)],
    "Decimal(38, 9)": [Decimal("12345678901234567890123456789.123456789")],
    "Float64": [0.1, -0.0, 1e308],
    "LowCardinality(String)": ["a", ""],
    "Map(Int16, Int64)": [{}, {-1: 2**63 - 1, 32767: -5}],
    "Map(Int32, Int64)": [{}, {-1: 2**63 - 1, 2**31 - 1: -5}],
    "Map(LowCardinality(String), String)": [{}, {"a": "b"}],
    "String": ["", "nul\0", "漢"],
    "UUID": [UUID(int=0), UUID(int=2**128 - 1)],
}
_ARRAY = re.compile(r"Array\((.*)\)")
_NUMBER = re.compile(r"(U?)Int(\d+)")
_AGGREGATE = re.compile(r"SimpleAggregateFunction\(\w+, (.*)\)")


def our_types() -> list[str]:
    """Of every column that a table or rollup of ours has, but for states, which no client reads."""
    found = {column.type for table in (*tables.TABLES, *rollups.TABLES) for column in table.columns}
    return sorted(kind for kind in found if not kind.startswith("AggregateFunction("))


def samples(kind: str) -> list[Any]:
    if found := _AGGREGATE.fullmatch(kind):
        return samples(found[1])
    if "Nullable(" in kind:
        inner = kind.removeprefix("LowCardinality(").removeprefix("Nullable(").removesuffix(")")
        return [*samples(inner if kind.startswith("Nullable") else inner.removesuffix(")")), None]
    if found := _ARRAY.fullmatch(kind):
        return [[], samples(found[1])]
    if found := _NUMBER.fullmatch(kind):
        bits = int(found[2])
        return [0, 2**bits - 1] if found[1] else [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
    return SAMPLES[kind]


@pytest.mark.parametrize("kind", our_types())
def test_a_value_of_every_type_of_ours_comes_back_as_it_went_in(kind: str, writer: Client) -> None:
    values = samples(kind)
    writer.command("DROP TABLE IF EXISTS of_type")
    writer.command(f"CREATE TABLE of_type (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    writer.insert("of_type", list(enumerate(values)), column_names=["n", "v"])
    assert [row[0] for row in writer.query("SELECT v FROM of_type ORDER BY n").result_rows] == values
    writer.command("DROP TABLE of_type")


def test_a_list_of_many_ids_is_asked_for_at_once(writer: Client, reader: Client) -> None:
    """50,000 of them are two megabytes, and come in a form."""
    ids = [uuid4() for _ in range(50_000)]
    asked = "SELECT count() FROM numbers({n:UInt32}) WHERE has({ids:Array(UUID)}, {one:UUID})"
    assert reader.query(asked, {"ids": ids, "one": ids[-1], "n": 50_000}).result_rows == [(50_000,)]
    assert reader.query(
        "SELECT count() FROM pairs WHERE request_id IN {ids:Array(UUID)}", {"ids": ids}
    ).result_rows == [(0,)]


async def test_the_asynchronous_client_reads_writes_and_hears_errors(endpoint: Endpoint) -> None:
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=endpoint.port, username="writer", password=endpoint.writer, database=DATABASE,
        compress=False, autogenerate_session_id=False,
    )  # fmt: skip
    try:
        await client.command("CREATE TABLE from_async (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
        await client.insert("from_async", [[n, str(n)] for n in range(1000)], column_names=["a", "b"])
        found = await client.query("SELECT sum(a), any(b) FROM from_async WHERE a = {n:UInt32}", {"n": 7})
        assert found.result_rows == [(7, "7")]
        total = 0
        async with await client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            async for block in blocks:
                total += sum(row[0] for row in block)
        assert total == 299_999 * 300_000 // 2
        with pytest.raises(DatabaseError) as caught:
            await client.query("SELECT not_there")
        assert caught.value.code == 47
        breaks = "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 10000"
        with pytest.raises(StreamFailureError, match="throwIf"):
            await blocks_of(client, breaks)
        await client.command("DROP TABLE from_async")
    finally:
        await client.close()


async def blocks_of(client: AsyncClient, sql: str) -> int:
    count = 0
    async with await client.query_row_block_stream(sql) as blocks:
        async for _ in blocks:
            count += 1
    return count


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_large_answer_to_a_slow_reader_takes_no_memory_of_its_size(endpoint: Endpoint) -> None:
    """400 MB in blocks of 2 MB; the owner's own memory grows by less than a third of it."""
    before, most, taken = own_bytes(endpoint.pid), 0, 0
    with urllib3.PoolManager() as pool:
        response = pool.request(
            "POST",
            f"http://127.0.0.1:{endpoint.port}/?default_format=RowBinary&max_block_size=2000",
            body=b"SELECT repeat('x', 1000) FROM numbers(400000)",
            headers=urllib3.make_headers(basic_auth=f"reader:{endpoint.reader}"),
            preload_content=False,
            retries=False,
        )
        for piece in response.stream(2**20):
            taken += len(piece)
            if taken // 2**24 != (taken - len(piece)) // 2**24:
                time.sleep(0.02)
                most = max(most, own_bytes(endpoint.pid))
    assert taken == 400_000 * 1002
    assert most - before < 130 * 2**20


def own_bytes(pid: int) -> int:
    """Memory of a process that is not a file's."""
    (line,) = (x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def test_the_engine_runs_with_what_durability_and_a_shared_machine_ask_for(writer: Client) -> None:
    """Settings that the engine would ignore in silence if it did not know them."""
    asked = "SELECT name, toUInt64OrZero(value) FROM system.{table} WHERE changed AND name IN {{names:Array(String)}}"
    merges = {
        "fsync_after_insert": 1,
        "fsync_part_directory": 1,
        "old_parts_lifetime": 480,
        "number_of_free_entries_in_pool_to_execute_mutation": 2,
    }
    server = {
        "mark_cache_size": 64 * 2**20,
        "primary_index_cache_size": 32 * 2**20,
        "index_mark_cache_size": 16 * 2**20,
        "background_pool_size": 4,
    }
    for table, expected in (("merge_tree_settings", merges), ("server_settings", server)):
        rows = writer.query(asked.format(table=table), {"names": list(expected)}).result_rows
        assert {name: value for name, value in rows} == expected  # noqa: C416 - rows are no pairs to the type checker
    limit = writer.command("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")
    assert 2**29 <= int(str(limit)) <= 2**32


def test_a_client_of_another_library_version_gets_a_clear_error_for_what_is_not_there(endpoint: Endpoint) -> None:
    """External tables, and compressed bodies (see the conformance tests), are named as such."""
    client = connect_to(endpoint, "writer")
    external = clickhouse_connect.driver.external.ExternalData(
        file_name="x", fmt="CSV", structure=["a UInt8"], data=b"1\n"
    )
    with pytest.raises(DatabaseError, match="External data is not available") as caught:
        client.query("SELECT * FROM x", external_data=external)
    assert caught.value.code == 344
    client.close_connections()
