"""What a comparison of both arms asks first: counts of states, and rows that are really there.

Reads only. Statements are put together from names that this package holds; what comes from outside (times) goes in as
parameters. Sums are asked for by `weighed` and `rollups`, experiments by `experiments`.
"""

# ruff: noqa: S608 - see above: no text from outside is part of a statement

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from store import tables

Columns = Mapping[str, Sequence[Any]]
"""A result by column name; all of one length."""
Ask = Callable[[str, Mapping[str, Any]], Columns]
"""Runs a SELECT with its parameters: `store.reader.Reader.columns`."""

_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)


@dataclass(frozen=True, slots=True)
class Span:
    """Starts of requests, from `since` up to but without `until`."""

    since: datetime
    until: datetime

    def parameters(self) -> dict[str, Any]:
        """Both ends in microseconds, which no client rounds."""
        return {"since_us": unix_us(self.since), "until_us": unix_us(self.until)}


def records(columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows of a result, by column name."""
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def unix_us(moment: datetime) -> int:
    """Microseconds since the epoch; exact."""
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_epoch.days * 86400 + since_epoch.seconds) * 10**6 + since_epoch.microseconds


def state_rows(ask: Ask, span: Span) -> Columns:
    """`candidate`, `state`, `requests`: sums of the counters."""
    return ask(
        f"SELECT candidate, state, sum(count) AS requests FROM {tables.COUNTERS.name} WHERE {_WITHIN} "
        "GROUP BY candidate, state ORDER BY candidate, state",
        span.parameters(),
    )


def counter_hours(ask: Ask, span: Span) -> Columns:
    """`hour_s`, `candidate`, `state`, `requests`, `last_s` (the latest count): the counters hour by hour."""
    return ask(
        "SELECT toUnixTimestamp(toStartOfHour(ts)) AS hour_s, candidate, state, sum(count) AS requests, "
        f"toUnixTimestamp(max(ts)) AS last_s FROM {tables.COUNTERS.name} WHERE {_WITHIN} "
        "GROUP BY hour_s, candidate, state ORDER BY hour_s, candidate, state",
        span.parameters(),
    )


def row_hours(ask: Ask, span: Span) -> Columns:
    """`hour_s`, `candidate`, `reason` (empty for a pair), `requests`: rows that are really there, hour by hour.

    Without those that came from files (`store.transfer.importing`): no worker here received them.
    """
    recorded = f"{_WITHIN} AND NOT startsWith(batch, 'import:')"
    pairs = f"SELECT ts, candidate, '' AS reason FROM {tables.PAIRS.name} WHERE {recorded}"
    skips = f"SELECT ts, candidate, reason FROM {tables.SKIPS.name} WHERE {_WITHIN}"
    return ask(
        "SELECT toUnixTimestamp(toStartOfHour(ts)) AS hour_s, candidate, reason, count() AS requests "
        f"FROM ({pairs} UNION ALL {skips}) GROUP BY hour_s, candidate, reason ORDER BY hour_s, candidate, reason",
        span.parameters(),
    )
