"""Waits until the store holds what was sent, and until it was judged."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from config.load import load_config
from config.model import Store
from store.errors import StoreError
from store.locate import connect

_POLL_S = 0.25
_RECORDED = "SELECT (SELECT count() FROM pairs), (SELECT count() FROM skips)"
_JUDGED = """
SELECT (SELECT max(taken_until) FROM judge_progress WHERE NOT startsWith(plan, 'scores:')),
    (SELECT uniqExact(request_id, candidate) FROM judgements WHERE rung = 'judge'),
    sum(asked), sum(known_usd)
FROM judge_spend
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """How far judging has come."""

    until: datetime
    """Pairs that began before are done."""
    pairs: int
    """That a judge has judged."""
    calls: int
    usd: Decimal


async def wait_until_recorded(configuration: Path, *, legs: int, timeout_s: float) -> int:
    """Waits until pairs and skips together are `legs`, at most `timeout_s`.

    Returns:
        The number that the store holds; fewer than `legs` when the time was up.
    """
    row = await _poll(_store(configuration), _RECORDED, lambda row: sum(row) >= legs, timeout_s)
    return 0 if row is None else sum(row)


async def wait_until_judged(configuration: Path, *, until: datetime, timeout_s: float) -> Judged | None:
    """Waits until all pairs that began before `until` are judged, or left by the draw; at most `timeout_s`.

    Returns:
        How far judging has come; None: the store did not say.
    """
    row = await _poll(_store(configuration), _JUDGED, lambda row: row[0] >= until, timeout_s)
    return None if row is None else Judged(*row)


def _store(configuration: Path) -> Store:
    return load_config(configuration).store


async def _poll(
    store: Store, sql: str, is_enough: Callable[[Sequence[Any]], bool], timeout_s: float
) -> Sequence[Any] | None:
    """The last answer within the time; None: there was none."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    client: Client | None = None
    row: Sequence[Any] | None = None
    while (row is None or not is_enough(row)) and loop.time() < deadline:
        try:
            if client is None:
                client = await asyncio.to_thread(connect, store, access="reader", start_owner=False)
            row = (await asyncio.to_thread(client.query, sql)).result_rows[0]
        except (StoreError, ClickHouseError):
            client = None  # the store is starting, or starting again: ask anew
        if row is None or not is_enough(row):
            await asyncio.sleep(_POLL_S)
    if client is not None:
        client.close()
    return row
