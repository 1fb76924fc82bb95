"""What is added up as rows arrive, against the same sums made again of all rows at once.

Nothing of the program says how: tables and views are made again in a database of the test's own, from the statements
that the engine gives for them, and the rows are copied there in one insert.
"""

import re
from typing import Any

from clickhouse_connect.driver.client import Client

from store.endpoint.place import DATABASE
from store.reader import Reader

Sums = list[dict[str, Any]]
_AGAIN = "again"
_MADE = """
SELECT name, engine, create_table_query AS sql FROM system.tables
WHERE database = {database:String} ORDER BY engine = 'MaterializedView'
"""
_COLUMNS = """
SELECT name, type, is_in_sorting_key AS is_key FROM system.columns
WHERE database = {database:String} AND table = {table:String} ORDER BY position
"""


def sums_and_rebuilt(client: Client, reader: Reader) -> dict[str, tuple[Sums, Sums]]:
    """Table that views fill -> (number of groups and digest of its sums, those of the rebuilt one)."""
    made = reader.query(_MADE, {"database": DATABASE})
    client.command(f"CREATE DATABASE {_AGAIN}")
    for one in made:
        client.command(re.sub(rf"\b{DATABASE}\.", f"{_AGAIN}.", one["sql"]))
    views = [one["sql"] for one in made if one["engine"] == "MaterializedView"]
    filled = {name for sql in views for name in re.findall(rf" TO {DATABASE}\.(\w+)", sql)}
    stored = {one["name"] for one in made if one["engine"].endswith("MergeTree")}
    for name in sorted(stored - filled):
        client.command(f"INSERT INTO {_AGAIN}.{name} SELECT * FROM {DATABASE}.{name}")
    return {
        name: (_sums(reader, DATABASE, name), _sums(reader, _AGAIN, name)) for name in sorted(filled & stored)
    }  # fmt: skip


def _sums(reader: Reader, database: str, table: str) -> Sums:
    columns = reader.query(_COLUMNS, {"database": database, "table": table})
    keys = ", ".join(column["name"] for column in columns if column["is_key"])
    sums = ", ".join(_added_up(column["name"], column["type"]) for column in columns if not column["is_key"])
    return reader.query(
        f"SELECT count() AS groups, groupBitXor(cityHash64(toString(row))) AS digest "
        f"FROM (SELECT ({keys}, {sums}) AS row FROM {database}.{table} GROUP BY {keys})"
    )


def _added_up(name: str, kind: str) -> str:
    found = re.match(r"(Simple)?AggregateFunction\((\w+),", kind)
    assert found is not None, f"{name} {kind} is neither a key nor a sum"
    return f"{found[2]}({name})" if found[1] else f"{found[2]}Merge({name})"
