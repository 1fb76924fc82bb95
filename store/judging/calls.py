"""What was asked of judges already: calls whose end nobody knows, and what the day has cost."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from store import tables
from store.comparison import unix_us
from store.judging.rows import CallRow
from store.reader import Reader

_OPEN_MINUTES = (
    f"SELECT judge, minute FROM {tables.JUDGE_SPEND.name} GROUP BY judge, minute HAVING sum(asked) > sum(ended)"
)
_OPEN = f"""
SELECT {", ".join(tables.JUDGE_CALLS.names())} FROM {tables.JUDGE_CALLS.name}
WHERE stage = 'asked' AND asked_at < fromUnixTimestamp64Milli({{before_ms:Int64}}, 'UTC')
    AND (judge, toStartOfMinute(asked_at)) GLOBAL IN ({_OPEN_MINUTES})
    AND call GLOBAL NOT IN (
        SELECT call FROM {tables.JUDGE_CALLS.name}
        WHERE stage = 'ended' AND (judge, toStartOfMinute(asked_at)) GLOBAL IN ({_OPEN_MINUTES})
    )
ORDER BY asked_at, call
"""
_SPENT = f"""
SELECT toDate(now('UTC')) AS day,
    sumIf(committed, is_today) AS committed_usd,
    sumIf(cost, is_today) AS cost_usd,
    sumIf(begun, is_today) AS asked,
    sumIf(done, is_today) AS ended,
    sumIf(without_cost, is_today) AS unpriced,
    sumIf(begun, is_fresh) AS last_minute
FROM (
    SELECT committed_usd AS committed, known_usd AS cost, asked AS begun, ended AS done, unpriced AS without_cost,
        minute >= toStartOfDay(now('UTC')) AS is_today,
        minute >= toStartOfMinute(now('UTC') - INTERVAL 1 MINUTE) AS is_fresh
    FROM {tables.JUDGE_SPEND.name} WHERE minute >= toStartOfDay(now('UTC')) - INTERVAL 5 MINUTE
)
"""
_DEAREST = f"""
SELECT maxOrNull(committed_usd) AS dearest FROM {tables.JUDGE_CALLS.name}
WHERE stage = 'asked' AND asked_at >= toStartOfDay(now('UTC')) AND ts >= now('UTC') - INTERVAL 40 DAY
"""
"""Of older pairs, which only `judge run` takes up, it does not know."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What judging has cost since midnight UTC, by the store's clock, for all judges and embeddings together."""

    day: date
    """The store's."""
    committed_usd: Decimal
    """Known costs, and for every other call the most that it can cost: what the budget is compared with."""
    cost_usd: Decimal
    """Known costs."""
    asked: int
    """Calls."""
    ended: int
    """Of these, ended ones."""
    unpriced: int
    """Ended calls whose cost is unknown."""
    last_minute: int
    """Calls asked within the last minute, and up to a minute before it: never too few."""


def open_calls(reader: Reader, before: datetime) -> list[CallRow]:
    """Calls that were asked before a moment and have not ended, oldest first: rows of the stage `asked`.

    Reads only minutes in which more calls were asked than have ended. (Where one ended twice, because its process was
    taken for dead, another one of that minute may stay unknown: its bound is then spent, which errs on the safe side.)

    Raises:
        StoreError: no answer.
    """
    return [CallRow(**row) for row in reader.query(_OPEN, {"before_ms": unix_us(before) // 1000})]


def spent_today(reader: Reader) -> Spend:
    """The day's spend; a few milliseconds, however much was judged.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(_SPENT)
    return Spend(**row)


def dearest_today(reader: Reader) -> Decimal | None:
    """The most that one of the day's calls could cost when it was asked; None: none was asked.

    Reads the day's calls: some hundred thousand rows of two columns where judges are asked as often as they can be.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(_DEAREST)
    return None if row["dearest"] is None else Decimal(row["dearest"])


def mean_output_tokens(reader: Reader, since: datetime) -> dict[str, float]:
    """Judge -> mean length of its verdicts about requests that began since then, in tokens; without one it is absent.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        f"SELECT judge, avg(assumeNotNull(output_tokens)) AS tokens FROM {tables.JUDGE_CALLS.name} "
        "WHERE ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND stage = 'ended' AND outcome = 'ok' "
        "AND kind = 'verdict' AND isNotNull(output_tokens) GROUP BY judge",
        {"since_us": unix_us(since)},
    )
    return {row["judge"]: row["tokens"] for row in rows}


def mean_costs(reader: Reader, since: datetime) -> dict[str, Decimal]:
    """Judge -> what a call cost since then on average, US dollars; one without a call of known cost is absent.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        "SELECT judge, sum(known_usd) AS usd, toInt64(sum(ended)) - toInt64(sum(unpriced)) AS n "
        f"FROM {tables.JUDGE_SPEND.name} "
        "WHERE minute >= toDateTime({since_s:Int64}, 'UTC') AND judge != '' GROUP BY judge HAVING n > 0",
        {"since_s": unix_us(since) // 10**6},
    )
    return {row["judge"]: row["usd"] / row["n"] for row in rows}
