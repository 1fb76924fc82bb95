"""What arrived within the last minutes: read every second while somebody looks, so that a pair is seen at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from store.comparison import Ask, Span
from store.narrowing import Narrowing, narrowed
from store.parts import STARTED
from store.tables import PAIRS

SPAN_S = 300.0
"""So long are the last minutes."""
LATEST = 12
"""Pairs in the list."""


@dataclass(frozen=True, slots=True)
class LatestPair:
    """One of the newest pairs, in the few figures of a list."""

    request_id: str
    ts: datetime
    candidate: str
    primary_outcome: str
    candidate_outcome: str
    primary_ms: float | None
    """Time to the last byte."""
    candidate_ms: float | None
    primary_usd: Decimal | None
    candidate_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Recent:
    """The last minutes."""

    pairs: Mapping[str, int]
    """By candidate, of the last five minutes."""
    newest: datetime | None
    """Start of the newest request with a pair."""
    latest: tuple[LatestPair, ...]


def recent(ask: Ask, narrowing: Narrowing, database: str, now: datetime) -> Recent:
    """Reads a stretch of the primary key and nothing else.

    Args:
        ask: runs a SELECT.
        narrowing: which pairs.
        database: where the tables are.
        now: UTC.
    """
    asked = ask if narrowing.is_all else narrowed(ask, narrowing, database)
    span = Span(now - timedelta(seconds=SPAN_S), now + timedelta(seconds=SPAN_S)).parameters()
    counts = asked(
        f"SELECT candidate, count() AS n, max(ts) AS newest FROM {PAIRS.name} WHERE {STARTED} "  # noqa: S608 - our own names
        "GROUP BY candidate ORDER BY candidate",
        span,
    )
    columns = (
        "request_id, ts, candidate, primary_outcome, candidate_outcome, primary_total_ms, candidate_total_ms, "
        "primary_cost_usd, candidate_cost_usd"
    )
    rows = asked(
        f"SELECT {columns} FROM {PAIRS.name} WHERE {STARTED} ORDER BY ts DESC, request_id, candidate LIMIT {LATEST}",  # noqa: S608 - our own names
        span,
    )
    return Recent(
        {str(name): int(n) for name, n in zip(counts["candidate"], counts["n"], strict=True)},
        max(counts["newest"], default=None),
        tuple(_pair(values) for values in zip(*rows.values(), strict=True)),
    )


def _pair(values: tuple[Any, ...]) -> LatestPair:
    request_id, ts, candidate, *rest = values
    return LatestPair(str(request_id), ts, str(candidate), *rest)
