"""Waits until the store holds what was sent."""

import asyncio
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from config.load import load_config
from store.errors import StoreError
from store.locate import connect

_POLL_S = 0.25
_SQL = "SELECT (SELECT count() FROM pairs), (SELECT count() FROM skips)"


async def wait_until_recorded(configuration: Path, *, legs: int, timeout_s: float) -> int:
    """Waits until pairs and skips together are `legs`, at most `timeout_s`.

    Returns:
        The number that the store holds; fewer than `legs` when the time was up.
    """
    store = load_config(configuration).store
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    held = 0
    client: Client | None = None
    while held < legs and loop.time() < deadline:
        try:
            if client is None:
                client = await asyncio.to_thread(connect, store, access="reader", start_owner=False)
            row = (await asyncio.to_thread(client.query, _SQL)).result_rows[0]
            held = int(row[0]) + int(row[1])
        except (StoreError, ClickHouseError):
            client = None  # the store is starting, or starting again: ask anew
        if held < legs:
            await asyncio.sleep(_POLL_S)
    if client is not None:
        client.close()
    return held
