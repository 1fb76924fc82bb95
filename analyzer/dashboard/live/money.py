"""What candidates and judges have cost today, beside their budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from store.judging.calls import Spend, spent_today
from store.judging.standing import settled_today
from store.reader import Reader
from store.tables import SPEND

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Judging:
    """The judges' day (UTC)."""

    pairs: int
    """With a verdict of a judge."""
    spend: Spend


@dataclass(frozen=True, slots=True)
class Money:
    """One day (UTC)."""

    by_candidate: Mapping[str, Decimal]
    """Known costs; one without pairs is not in it."""
    judging: Judging | None
    """None: nobody judges."""


def money_today(reader: Reader, now: datetime, judged_age: timedelta | None) -> Money:
    """Costs of today by the store's clock.

    Args:
        reader: of the caller's thread.
        now: UTC.
        judged_age: how old a pair is at most when it is judged; None: nobody judges.

    Raises:
        StoreError: no answer.
    """
    judging = None
    if judged_age is not None:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        settled = settled_today(reader, now - judged_age - _DAY, midnight)
        judging = Judging(settled.by_rung.get("judge", 0), spent_today(reader))
    return Money(spent_by_candidate(reader), judging)


def spent_by_candidate(reader: Reader) -> dict[str, Decimal]:
    """Known cost of today (UTC, by the store's clock).

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        f"SELECT candidate, sum(cost_usd) AS usd FROM {SPEND.name} "  # noqa: S608 - our own names
        "WHERE minute >= toStartOfDay(now('UTC')) GROUP BY candidate"
    )
    return {str(row["candidate"]): Decimal(row["usd"]) for row in rows}


def share(usd: Decimal, budget_usd: Decimal | None) -> float | None:
    """Of a budget, 0 to 1; None without one."""
    return None if not budget_usd else min(1.0, float(usd / budget_usd))
