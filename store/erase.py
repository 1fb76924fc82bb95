"""Takes chosen requests out of the store: their texts, their rows, and what they gave to the rollups.

A call writes down which rows go, and its steps, in `erasures`; a call that died is finished by the next one:

1. `begun`      nothing is changed yet; while another call is at this step, a second one withdraws
2. `listed`     the rows are written down: request, candidate, start. From here on it will be finished
3. `subtracted` their sums have been taken out of the rollups, each under a token and then noted as a step of its own
                (`subtracted-0` ...), since tokens are forgotten in time; and they are counted as erased
4.              the rows are deleted, and it is looked whether any is left
5. `done`       the list is deleted; this one line stays

Only what is listed is subtracted and deleted, so rows that arrive meanwhile are neither lost nor subtracted by half:
passes follow until one finds nothing. Spend stays: the money was spent, and no person can be told from it.
"""

# ruff: noqa: S608 - statements hold names of our own tables and ids made here; what comes from outside is a parameter

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from store import mutations, tables
from store.cluster import Layout, layout
from store.errors import StoreError, StoreUnavailable
from store.locate import one_line
from store.rollups.statements import statements
from store.rollups.tables import ROLLUPS, Rollup

TABLES = tuple(t for t in tables.TABLES if "request_id" in t.names() and t is not tables.ERASURES)
"""Every table with rows of single requests."""
ERASED = "erased"
"""State in `counters` of pairs that are gone, by the hour of their request: without it the audit would miss them."""
MAX_PASSES = 5
_LISTING_S = 300
"""A listing that takes longer is given up by the server."""
_DEAD_AFTER_S = 2 * _LISTING_S
"""Who has begun and not listed for so long is dead."""
_NOBODY = UUID(int=0)
_LABEL_VALUE = "label_value"
_LABELLED = tuple(table for table in TABLES if "labels" in table.names())
_ONE_BLOCK = {
    # A token stands for a whole insert only while that is one block.
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 10_000_000,
    "min_insert_block_size_bytes": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert": 0,
    # Sums of a few rows: compiling them would take longer.
    "compile_expressions": 0,
}


class ErasureUnderWay(StoreError):  # noqa: N818 - says what happened
    """Another call has begun."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which requests: those with a label, or one."""

    label: tuple[str, str] | None = None
    """Name and value."""
    request: UUID | None = None

    def condition(self) -> str:
        """Over the columns of a table in `tables()`."""
        if self.request is not None:
            return "request_id = {request:UUID}"
        return "mapContains(labels, {name:String}) AND labels[{name:String}] = {value:String}"

    def parameters(self) -> dict[str, Any]:
        """Of the condition."""
        name, value = self.label or ("", "")
        return {"request": self.request} if self.request is not None else {"name": name, "value": value}

    def tables(self) -> tuple[tables.Table, ...]:
        """Where it can be looked for."""
        return TABLES if self.request is not None else _LABELLED


@dataclass(slots=True)
class Erased:
    """What a call did."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys((t.name for t in TABLES), 0))
    """By table."""
    requests: int = 0
    passes: int = 0
    finished: int = 0
    """Calls that had died, and were finished."""
    is_complete: bool = False
    """The last pass found nothing."""


class Eraser:
    """One call, over one client with the writer's access; serves one thread."""

    def __init__(self, client: Client, cluster: str | None, say: Callable[[str], None] = lambda _: None) -> None:
        self._client = client
        self._form: Layout = layout(client.database or "", cluster)
        self._say = say

    def count(self, chosen: Chosen, before: datetime) -> dict[str, int]:
        """Rows by table that a call would take out now; changes nothing.

        Raises:
            StoreUnavailable: no answer.
        """
        with _errors():
            listed = f"request_id GLOBAL IN (SELECT request_id FROM ({self._listing(chosen)}))"
            parameters = {**chosen.parameters(), "before": _moment(before)}
            return {t.name: self._number(f"SELECT count() FROM {t.name} WHERE {listed}", parameters) for t in TABLES}

    def erase(self, chosen: Chosen) -> Erased:
        """Takes out all requests that began before the call, until a pass finds none.

        Raises:
            ErasureUnderWay: another call lists its rows just now.
            StoreUnavailable: it stopped somewhere; the same call again goes on from there.
        """
        report, before = Erased(), datetime.now(UTC)
        with _errors():
            report.finished = self._finish_others()
            for _ in range(MAX_PASSES):
                report.passes += 1
                if not self._pass(chosen, before, report):
                    report.is_complete = True
                    break
            self._drop_zeros()
        return report

    def _pass(self, chosen: Chosen, before: datetime, report: Erased) -> int:
        erasure = uuid4()
        self._mark(erasure, "begun")
        self._require_alone(erasure)
        self._say("looking for rows")
        self._client.command(
            "INSERT INTO erasures (erasure, request_id, candidate, ts, started, step) "
            f"SELECT DISTINCT '{erasure}', request_id, candidate, ts, now64(3, 'UTC'), '' "
            f"FROM ({self._listing(chosen)})",
            {**chosen.parameters(), "before": _moment(before)},
            settings={
                **_ONE_BLOCK,
                "insert_deduplication_token": f"{erasure}-rows",
                "max_execution_time": _LISTING_S,
            },
        )
        self._mark(erasure, "listed")
        found = self._number(f"SELECT uniqExact(request_id) FROM ({_rows_of(erasure)})", {})
        if found:
            report.requests += found
            for table in TABLES:
                where = self._where(erasure, table, is_global=True)
                report.rows[table.name] += self._number(f"SELECT count() FROM {table.name} WHERE {where}", {})
        self._complete(erasure, _Reached({"listed"}, 0.0))
        return found

    def _listing(self, chosen: Chosen) -> str:
        parts = []
        for table in chosen.tables():
            candidate = "candidate" if "candidate" in table.names() else "'' AS candidate"
            parts.append(
                f"SELECT request_id, {candidate}, ts FROM {table.name} "
                f"WHERE {chosen.condition()} AND ts < {{before:DateTime64(6, 'UTC')}}"
            )
        return " UNION ALL ".join(parts)

    def _require_alone(self, mine: UUID) -> None:
        """Two that list at once might list, and subtract, the same rows: at least one sees the other, and withdraws."""
        if all(erasure == mine or "done" in reached.steps for erasure, reached in self._reached().items()):
            return
        self._end(mine)
        raise ErasureUnderWay(
            "another `shadowbench erase` has just begun: run this again when it has ended; one that died is in the way "
            f"for {_DEAD_AFTER_S // 60} minutes"
        )

    def _finish_others(self) -> int:
        """Calls that died: those that had listed their rows are finished, the others forgotten."""
        finished = 0
        for erasure, reached in self._reached().items():
            if "done" in reached.steps:
                if reached.steps != {"done"}:
                    self._forget(erasure)
            elif "listed" in reached.steps:
                self._say("finishing an earlier call")
                self._complete(erasure, reached)
                finished += 1
            elif reached.age_s > _DEAD_AFTER_S:
                self._end(erasure)
        return finished

    def _reached(self) -> dict[UUID, "_Reached"]:
        rows = self._client.query(
            "SELECT erasure, groupUniqArray(step), toFloat64(now64(3, 'UTC') - min(started)) "
            "FROM erasures WHERE step != '' GROUP BY erasure"
        ).result_rows
        return {erasure: _Reached(set(reached), age_s) for erasure, reached, age_s in rows}

    def _complete(self, erasure: UUID, reached: "_Reached") -> None:
        if self._number(f"SELECT count() FROM ({_rows_of(erasure)})", {}):
            if "subtracted" not in reached.steps:
                self._say("taking rows out of the rollups")
                self._subtract(erasure, reached.steps)
                self._mark(erasure, "subtracted")
            for statement in self._form.settled(tables.ERASURES.name):
                self._client.command(statement, use_database=False)
            for table in TABLES:
                self._delete(erasure, table)
        self._end(erasure)

    def _end(self, erasure: UUID) -> None:
        self._mark(erasure, "done")
        self._forget(erasure)

    def _subtract(self, erasure: UUID, reached: set[str]) -> None:
        where = self._where(erasure, tables.PAIRS, is_global=True)
        inserts = [(statement.rollup, statement.sql) for statement in statements(-1, where)]
        counted = (
            "INSERT INTO counters (ts, worker, candidate, state, count) "
            f"SELECT toStartOfHour(ts, 'UTC') AS hour, 'erase', candidate, '{ERASED}', count() FROM pairs "
            f"WHERE {where} GROUP BY hour, candidate"
        )
        for place, (table, sql) in enumerate([*inserts, (tables.COUNTERS.name, counted)]):
            # Whoever finishes this may come after so many inserts that the token says nothing any more.
            if (step := f"subtracted-{place}") not in reached:
                self._insert(sql, f"{erasure}-{place}-{table}")
                self._mark(erasure, step)

    def _insert(self, sql: str, token: str) -> None:
        self._client.command(sql, settings={**_ONE_BLOCK, "insert_deduplication_token": token})

    def _delete(self, erasure: UUID, table: tables.Table) -> None:
        where = self._where(erasure, table, is_global=False)
        left = f"SELECT count() FROM {table.name} WHERE {self._where(erasure, table, is_global=True)}"
        for _ in range(3):  # a machine of a cluster may have been late to learn of the list
            if not (rows := self._number(left, {})):
                return
            self._say(f"deleting {rows} rows of {table.name}")
            mutations.delete(self._client, self._form, table.name, where, str(erasure))
        raise StoreUnavailable(
            f"{table.name}: rows are still there after they were deleted; run the same command again"
        )

    def _where(self, erasure: UUID, table: tables.Table, *, is_global: bool) -> str:
        """The rows of a table that an erasure has listed. A range of time first, so that other parts are not read."""
        keys = "request_id, candidate" if "candidate" in table.names() else "request_id"
        first, last = self._client.query(f"SELECT min(ts), max(ts) FROM ({_rows_of(erasure)})").result_rows[0]
        source, word = ("erasures", "GLOBAL IN") if is_global else ("{database:Identifier}.erasures", "IN")
        return (
            f"ts >= fromUnixTimestamp64Micro({_unix_us(first)}, 'UTC') "
            f"AND ts <= fromUnixTimestamp64Micro({_unix_us(last)}, 'UTC') "
            f"AND ({keys}) {word} (SELECT {keys} FROM {source} WHERE erasure = '{erasure}' AND step = '')"
        )

    def _drop_zeros(self) -> None:
        """Names and values of labels stand in rollups; rows behind which nothing is left any more go."""
        for rollup in ROLLUPS:
            keys = [key.column.name for key in rollup.keys]
            if _LABEL_VALUE not in keys or not rollup.kept:
                continue
            found = self._client.query(
                f"SELECT DISTINCT _partition_id FROM (SELECT _partition_id FROM {rollup.name} "
                f"GROUP BY _partition_id, {', '.join(keys)} HAVING {_zeros(rollup, '{}Merge({})')})"
            ).result_rows
            for (partition,) in found:
                self._say("dropping empty rows of the rollups")
                self._drop_zeros_of(rollup, str(partition))

    def _drop_zeros_of(self, rollup: Rollup, partition: str) -> None:
        merged = f"OPTIMIZE TABLE {{database:Identifier}}.{rollup.name} PARTITION ID '{partition}' FINAL"
        for statement in self._form.statements(merged):
            self._client.command(statement, use_database=False)
        # A row in which every sum is zero says nothing, merged or not.
        mark = str(uuid4())
        empty = f"{_zeros(rollup, 'finalizeAggregation({1})')} AND '{mark}' != ''"
        mutations.delete(self._client, self._form, rollup.name, empty, mark)

    def _mark(self, erasure: UUID, step: str) -> None:
        self._client.command(
            "INSERT INTO erasures (erasure, request_id, candidate, ts, started, step) "
            f"SELECT '{erasure}', '{_NOBODY}', '', now64(6, 'UTC'), now64(3, 'UTC'), '{step}'",
            settings={**_ONE_BLOCK, "insert_deduplication_token": f"{erasure}-{step}"},
        )

    def _forget(self, erasure: UUID) -> None:
        """Deletes a list that has been worked off."""
        condition = f"erasure = '{erasure}' AND step != 'done'"
        mutations.delete(self._client, self._form, tables.ERASURES.name, condition, str(erasure))

    def _number(self, sql: str, parameters: Mapping[str, Any]) -> int:
        return int(self._client.query(sql, dict(parameters)).result_rows[0][0])


def _zeros(rollup: Rollup, finished: str) -> str:
    """Condition: nothing is left in any sum of a row; `finished` makes an array of a state of a function's."""
    return " AND ".join(f"arrayAll(x -> x = 0, {finished.format('sumForEach', name)})" for name in rollup.kept)


def _rows_of(erasure: UUID) -> str:
    return f"SELECT request_id, ts FROM erasures WHERE erasure = '{erasure}' AND step = ''"


def _unix_us(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**6 + since.microseconds


def _moment(moment: datetime) -> str:
    """A text, because a client rounds datetimes to seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far a call has come."""

    steps: set[str]
    age_s: float


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"erasing stopped: {one_line(error)}; the same command goes on from there") from error
