"""Deleting rows for good: the parts that hold them are written anew without them.

A lightweight DELETE would only hide them until some merge, so this is `ALTER TABLE ... DELETE`, on the tables that have
the rows, and it is over when no machine has any left.
"""

import time
from typing import Any

from clickhouse_connect.driver.client import Client

from store.cluster import Layout
from store.errors import StoreUnavailable

_POLL_S = 0.05
_LIMIT_S = 3600.0
"""Beyond this a person should look; the server goes on meanwhile."""
_SETTINGS: dict[str, Any] = {
    "mutations_sync": 0,
    # What the condition asks for is written down before and does not change, so all replicas find the same.
    "allow_nondeterministic_mutations": 1,
}
_STATE = """
SELECT countIf(NOT is_done) AS open, anyIf(latest_fail_reason, NOT is_done AND latest_fail_reason != '') AS reason
FROM {mutations}
WHERE database = {{database:String}} AND table = {{table:String}} AND position(command, {{mark:String}}) > 0
"""


def delete(client: Client, form: Layout, table: str, condition: str, mark: str) -> None:
    """Deletes rows, and returns when they are gone; one that was begun by an earlier call is waited for as well.

    Args:
        client: with the right to change tables.
        form: of the store.
        table: its public name.
        condition: over its columns; other tables stand in it as `{database:Identifier}.NAME`.
        mark: a text that stands in the condition and in no other one.

    Raises:
        StoreUnavailable: they cannot be deleted, or not within an hour; the server keeps trying.
        ClickHouseError: the server refuses it.
    """
    for statement in form.statements(f"ALTER TABLE {{database:Identifier}}.{table} DELETE WHERE {condition}"):
        client.command(statement, use_database=False, settings=_SETTINGS)
    asked = _STATE.format(mutations=form.on_all_machines("mutations"))
    parameters = {"database": client.database or "", "table": form.stored(table), "mark": mark}
    deadline = time.monotonic() + _LIMIT_S
    while True:
        still_open, reason = client.query(asked, parameters).result_rows[0]
        if not still_open:
            return
        if reason:
            raise StoreUnavailable(f"{table}: rows cannot be deleted yet: {' '.join(str(reason).split())[:300]}")
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"{table}: rows are still being deleted after an hour; the same command waits again")
        time.sleep(_POLL_S)
