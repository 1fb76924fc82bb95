"""Up to when the rows of a store are complete: the oldest watermark of all streams that are waited for."""

# ruff: noqa: S608 - names of our own tables and columns; what comes from outside is a parameter

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.comparison import Ask, unix_us
from store.tables import WATERMARKS

UNANNOUNCED_S = 10.0
"""A stream that began so recently may not have been spoken of yet: no watermark is younger."""
VANISHED_S = 3600.0
"""A stream that was not spoken of for so long is not waited for any more: its machine may be gone for good."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Every captured request that began before `at` is in the store, or was lost and counted."""

    at: datetime | None
    """None when no stream was ever spoken of, or when one that is waited for has not said it."""
    streams: int
    """Streams that are waited for: their workers run, or have left something that is not in the store yet."""
    vanished: tuple[str, ...]
    """Workers of streams that were given up, and may have left something."""


def watermark(ask: Ask, now: datetime) -> Watermark:
    """The watermark of all machines that share the store.

    Args:
        ask: runs a SELECT.
        now: UTC.
    """
    newest = (
        "SELECT stream, argMax(tuple(worker), seen).1 AS name, max(closed) AS is_closed, "
        "argMax(tuple(watermark), seen).1 AS mark, toUnixTimestamp64Milli(max(seen)) >= {heard_ms:Int64} AS is_heard "
        f"FROM {WATERMARKS.name} GROUP BY stream"
    )
    columns = ask(
        "SELECT count() AS known, countIf(NOT is_closed AND is_heard) AS waiting, "
        "countIf(NOT is_closed AND is_heard AND isNull(mark)) AS silent, "
        "minIf(toUnixTimestamp64Micro(mark), NOT is_closed AND is_heard) AS oldest_us, "
        f"arraySort(groupUniqArrayIf(name, NOT is_closed AND NOT is_heard)) AS vanished FROM ({newest})",
        {"heard_ms": unix_us(now - timedelta(seconds=VANISHED_S)) // 1000},
    )
    known, waiting, silent = (int(columns[name][0]) for name in ("known", "waiting", "silent"))
    vanished = tuple(str(name) for name in columns["vanished"][0])
    at = now - timedelta(seconds=UNANNOUNCED_S)
    oldest_us = columns["oldest_us"][0]
    if waiting and oldest_us is not None:
        at = min(at, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(oldest_us)))
    return Watermark(at if known and not silent else None, waiting, vanished)
