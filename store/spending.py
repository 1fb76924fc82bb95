"""What candidates have cost today, and which machines share the budgets. The day begins at midnight UTC.

Reads the rollup `spend`, which views keep: some rows per candidate and minute, however many pairs there are. A reading
costs the same on an empty store and on a full one: 1,440 minutes a day times the experiments and the parts that wait
for a merge, found by the primary key; a few milliseconds.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError

from store.errors import StoreUnavailable
from store.locate import StoreConnection, one_line
from store.reader import Reader

BEAT_S = 10.0
"""How often a machine says that it is at work."""
ACTIVE_S = 35.0
"""A machine that has not said so for longer has no part any more: three beats were missed."""

_SPENT = """
SELECT candidate,
    sumIf(pairs, is_today) AS pairs,
    sumIf(cost_usd, is_today) AS cost_usd,
    maxIf(largest_usd, experiment IN {experiments:Array(String)}) AS largest_usd,
    sumIf(without_cost, is_today AND is_priced_so) AS unpriced,
    sumIf(without_cost, is_today AND NOT is_priced_so) AS unpriced_before,
    sumIf(uncosted, is_today) AS uncosted,
    sumIf(admitted, is_today) AS admitted,
    sumIf(lost, is_today) AS lost
FROM (
    SELECT *, unpriced AS without_cost, minute >= toStartOfDay(now('UTC')) AS is_today,
        minute >= {since:Array(DateTime('UTC'))}[indexOf({candidates:Array(String)}, candidate)] AS is_priced_so
    FROM spend
    WHERE candidate IN {candidates:Array(String)} AND minute >= now('UTC') - INTERVAL 1 DAY
)
GROUP BY candidate
"""
_TODAY = "SELECT toDate(now('UTC')) AS today"
_COPY_COSTS = """
SELECT candidate, experiment, count() AS copies, count(candidate_cost_usd) AS priced,
    sum(toDecimal128(ifNull(candidate_cost_usd, 0), 9)) AS cost_usd
FROM pairs WHERE ts >= {since:DateTime64(6, 'UTC')}
GROUP BY candidate, experiment
"""
_MACHINES = """
SELECT machine, argMax(since, seen) AS began, max(seen) AS last,
    toFloat64(now64(3, 'UTC') - last) AS quiet_s, toFloat64(now64(3, 'UTC') - began) AS at_work_s
FROM machines GROUP BY machine HAVING quiet_s < {active_s:Float64} ORDER BY machine
"""
_BEAT = """
INSERT INTO machines (machine, since, seen)
SELECT {machine:String},
    ifNull((SELECT argMaxOrNull(since, seen) FROM machines
        WHERE machine = {machine:String} AND seen > now64(3, 'UTC') - {active_s:Float64}), now64(3, 'UTC')),
    now64(3, 'UTC')
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about one candidate."""

    experiment: str
    """The id that it has now."""
    priced_since: datetime
    """Since when it is priced as it is now: a full minute, UTC."""


@dataclass(frozen=True, slots=True)
class Spent:
    """One candidate's day, on all machines of the store."""

    pairs: int
    cost_usd: Decimal
    largest_usd: Decimal | None
    """Of the dearest copy of the present experiment within the last 24 hours; None: no cost is known."""
    unpriced: int
    """Whole answers whose cost is unknown: the model has no price, or no usage was reported."""
    unpriced_before: int
    """The same from before the candidate was priced as it is now."""
    uncosted: int
    """Answers cut short, wrong or late: they may have cost something, and nobody says what."""
    admitted: int
    """Copies that were sent, as far as the store knows."""
    lost: int
    """Those among them that will never be pairs."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines that share the store, as one of them sees it."""

    machines: int
    rank: int | None
    """Our place among them, from 0; None: we are not in the list yet."""
    at_work_s: float
    """Since when we have been in it."""


class Spending:
    """Questions about money, over one connection; serves one thread."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    def spent(self, asked: Mapping[str, Asked]) -> dict[str, Spent]:
        """Candidates that have rows; one without has spent nothing.

        Args:
            asked: by candidate.

        Raises:
            StoreUnavailable: no answer, for whatever reason.
        """
        rows = self._ask(_SPENT, _parameters(asked))
        return {row.pop("candidate"): Spent(**row) for row in rows}

    def today(self) -> date:
        """The store's day.

        Raises:
            StoreUnavailable: no answer, for whatever reason.
        """
        found: date = self._ask(_TODAY, {})[0]["today"]
        return found

    def beat(self, machine: str) -> None:
        """Says that a machine is at work.

        Raises:
            StoreUnavailable: it could not be said.
        """
        with self._errors():
            self._connection.client().command(_BEAT, {"machine": machine, "active_s": ACTIVE_S})

    def fleet(self, machine: str) -> Fleet:
        """Who shares the budgets.

        Raises:
            StoreUnavailable: no answer, for whatever reason.
        """
        rows = self._ask(_MACHINES, {"active_s": ACTIVE_S})
        names = [row["machine"] for row in rows]
        if machine not in names:
            return Fleet(len(names), None, 0.0)
        rank = names.index(machine)
        return Fleet(len(names), rank, float(rows[rank]["at_work_s"]))

    def _ask(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._errors():
            return [dict(row) for row in self._connection.client().query(sql, dict(parameters)).named_results()]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
            self._connection.drop()
            raise StoreUnavailable(f"the spend cannot be read: {one_line(error)}") from error

    def close(self) -> None:
        """Closes the connection."""
        self._connection.drop()


@dataclass(frozen=True, slots=True)
class Day:
    """What all candidates have cost since midnight UTC, by the store's clock."""

    day: date
    machines: int
    """That share the budgets; 0: none has said so of late."""
    spent: Mapping[str, Spent]
    """By candidate; one that is not in it has spent nothing."""


def day(reader: Reader, asked: Mapping[str, Asked]) -> Day:
    """The same for those who only look.

    Args:
        reader: of the caller's thread.
        asked: by candidate.

    Raises:
        StoreError: no answer.
    """
    # The day first: at midnight its spend is then too small, and never that of the day before.
    today: date = reader.query(_TODAY)[0]["today"]
    machines = len(reader.query(_MACHINES, {"active_s": ACTIVE_S}))
    rows = [dict(row) for row in reader.query(_SPENT, _parameters(asked))] if asked else []
    return Day(today, machines, {row.pop("candidate"): Spent(**row) for row in rows})


def _parameters(asked: Mapping[str, Asked]) -> dict[str, Any]:
    return {
        "candidates": list(asked),
        "experiments": [a.experiment for a in asked.values()],
        "since": [a.priced_since for a in asked.values()],
    }


@dataclass(frozen=True, slots=True)
class CopyCosts:
    """What the copies of one experiment have cost."""

    copies: int
    priced: int
    """Those whose cost is known."""
    cost_usd: Decimal
    """Of those."""

    @property
    def mean_usd(self) -> Decimal | None:
        """Per copy whose cost is known; None: of none it is."""
        return self.cost_usd / self.priced if self.priced else None


def copy_costs(reader: Reader, since: datetime) -> dict[tuple[str, str], CopyCosts]:
    """(candidate, experiment) -> costs of the requests that began since then.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(_COPY_COSTS, {"since": since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")})
    return {
        (row["candidate"], row["experiment"]): CopyCosts(row["copies"], row["priced"], Decimal(row["cost_usd"]))
        for row in rows
    }
