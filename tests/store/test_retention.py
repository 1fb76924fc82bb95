"""Texts leave every table that has some when they are as old as `privacy.retention` says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client

from store import tables
from store.endpoint.place import Endpoint
from store.locate import close, connect_to
from store.migrate import migrate
from store.retention import apply_retention

DAY_S = 86400.0
NOW = datetime.now(UTC)
NUMBERS = {"judgements": "preference", "labels_human": "preference", "judge_calls": "verdict"}
"""Tables whose rationale goes, and what of them stays."""


@pytest.fixture(scope="module")
def store(endpoint: Endpoint) -> Iterator[Client]:
    client = connect_to(endpoint, "writer")
    client.database = "retained"
    migrate(client, client.database)
    yield client
    client.command("DROP DATABASE retained", use_database=False)
    close(client)


class Told:
    """Passes statements on, and remembers those that change something."""

    def __init__(self, client: Client, shown: str | None = None) -> None:
        self.database = client.database
        self.changes: list[str] = []
        self._client = client
        self._shown = shown

    def command(self, sql: str, **kwargs: Any) -> Any:
        if sql.startswith("SHOW"):
            return self._shown or self._client.command(sql)
        self.changes.append(sql)
        return None if self._shown else self._client.command(sql, **kwargs)


def test_rows_that_are_text_go_and_others_lose_theirs(store: Client) -> None:
    """A judgement outlives its rationale, and so does a call to a judge: what they say in numbers stays."""
    for ago in (0, 2):
        ts = NOW - timedelta(days=ago)
        store.insert("payloads", [[uuid4(), ts, "text"]], column_names=["request_id", "ts", "response"])
        for name, number in NUMBERS.items():
            store.insert(name, [[uuid4(), ts, "why", 0.5]], column_names=["request_id", "ts", "rationale", number])
    apply_retention(store, DAY_S)
    for name in ("payloads", *NUMBERS):
        store.command(f"OPTIMIZE TABLE {name} FINAL")
    assert store.query("SELECT response FROM payloads").result_rows == [("text",)]
    for name, number in NUMBERS.items():
        rows = store.query(f"SELECT rationale, {number} FROM {name} ORDER BY ts").result_rows
        assert rows == [("", 0.5), ("why", 0.5)], name


def test_what_is_so_already_is_not_asked_for_and_a_change_is(store: Client) -> None:
    """A change rewrites what is stored."""
    apply_retention(store, 3 * DAY_S)
    told = Told(store)
    apply_retention(told, 3 * DAY_S)  # type: ignore[arg-type]
    assert told.changes == []
    apply_retention(told, 4 * DAY_S)  # type: ignore[arg-type]
    assert len(told.changes) == sum(len(t.text_columns) or 1 for t in tables.TABLES if t.holds_text)
    again = Told(store)
    apply_retention(again, 4 * DAY_S)  # type: ignore[arg-type]
    assert again.changes == []


def test_on_a_cluster_the_tables_with_the_rows_age(store: Client) -> None:
    told = Told(store, shown="CREATE TABLE x")
    apply_retention(told, 1.5, "prod")  # type: ignore[arg-type]
    assert told.changes == [
        "ALTER TABLE `retained`.`payloads_local` ON CLUSTER `prod` MODIFY TTL toDateTime(ts) + INTERVAL 2 SECOND",
        *(
            f"ALTER TABLE `retained`.`{name}_local` ON CLUSTER `prod` "
            "MODIFY COLUMN `rationale` TTL toDateTime(ts) + INTERVAL 2 SECOND"
            for name in NUMBERS
        ),
    ]


def test_every_table_with_texts_is_known_to_hold_some() -> None:
    """Those whose columns are compressed as text is, and those that say so, are the same."""
    said = {table.name for table in tables.TABLES if table.holds_text}
    assert said == {t.name for t in tables.TABLES if any("ZSTD(3)" in (c.codec or "") for c in t.columns)}
