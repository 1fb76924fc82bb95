"""How long texts stay (`privacy.retention`): a TTL on every table that holds some, changed when the setting changes.

Where a row is nothing without its text the row goes; where it outlives it, its columns of text are emptied.
"""

import math

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from store import tables
from store.cluster import layout
from store.errors import StoreUnavailable
from store.locate import one_line
from store.tables import Table


def apply_retention(client: Client, retention_s: float, cluster: str | None = None) -> None:
    """Has texts leave `retention_s` seconds after the start of their request, older ones with the next merges.

    A change rewrites what is stored, in the background; nothing is asked for when there is none.

    Args:
        client: of the database, with the right to change tables.
        retention_s: seconds; rounded up.
        cluster: `store.cluster`.

    Raises:
        StoreUnavailable: the server does not do it.
    """
    form = layout(client.database or "", cluster)
    try:
        for table in (t for t in tables.TABLES if t.holds_text):
            made = str(client.command(f"SHOW CREATE TABLE {form.stored(table.name)}"))
            for change in _changes(table, made, max(1, math.ceil(retention_s))):
                for statement in form.statements(f"ALTER TABLE {{database:Identifier}}.{table.name} {change}"):
                    client.command(statement, use_database=False)
    except ClickHouseError as error:
        raise StoreUnavailable(f"privacy.retention cannot be applied: {one_line(error)}") from None


def _changes(table: Table, made: str, seconds: int) -> list[str]:
    """What is to be altered of a table that was made so."""
    wanted, shown = (
        f"TTL toDateTime(ts) + INTERVAL {seconds} SECOND",
        f"TTL toDateTime(ts) + toIntervalSecond({seconds})",
    )
    lines = made.replace("\\n", "\n").split("\n")
    if not table.text_columns:
        return [] if shown in lines else [f"MODIFY {wanted}"]
    kept = {
        name for name in table.text_columns for line in lines if line.startswith(f"    `{name}` ") and shown in line
    }
    return [f"MODIFY COLUMN `{name}` {wanted}" for name in table.text_columns if name not in kept]
