"""Up to where pairs were taken up, and which of the processes that share a store judges."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError

from store import tables
from store.comparison import unix_us
from store.errors import StoreUnavailable
from store.locate import StoreConnection, one_line
from store.reader import Reader
from store.writer import Writer

BEAT_S = 10.0
"""How often a process says that it is at work."""
ACTIVE_S = 35.0
"""One that has not said so for longer is given up: three beats were missed."""

SCORES = "scores:"
"""Plans of metrics that are made of texts alone begin so: they come on by themselves, whatever judges do."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAKEN = f"""
SELECT toUnixTimestamp64Micro(argMax(taken_until, (at, taken_until))) AS us, count() AS n
FROM {tables.JUDGE_PROGRESS.name} WHERE plan = {{plan:String}}
"""
_BEAT = """
INSERT INTO {table} ({process}, since, seen)
SELECT {{process:String}},
    ifNull((SELECT argMaxOrNull(since, seen) FROM {table}
        WHERE {process} = {{process:String}} AND seen > now64(3, 'UTC') - {{active_s:Float64}} AND since <= seen),
        now64(3, 'UTC')),
    now64(3, 'UTC')
"""
_RESIGN = """
INSERT INTO {table} ({process}, since, seen)
SELECT {{process:String}}, now64(3, 'UTC') + INTERVAL 1 DAY, now64(3, 'UTC')
"""
_LEADER = """
SELECT {process}, toFloat64(now64(3, 'UTC') - last) AS quiet_s, toFloat64(now64(3, 'UTC') - began) AS at_work_s
FROM (SELECT {process}, argMax(since, seen) AS began, max(seen) AS last FROM {table} GROUP BY {process})
WHERE began <= last AND quiet_s < {{active_s:Float64}} ORDER BY began, {process} LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Leader:
    """The process that judges, as the store knows it."""

    judge: str
    """Its number."""
    quiet_s: float
    """Since its last beat, by the clock of the store."""
    at_work_s: float
    """Since it began."""
    is_us: bool


def taken_until(reader: Reader, plan: str) -> datetime | None:
    """Pairs that began before this moment (UTC) were taken up by a plan; None: none ever.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(_TAKEN, {"plan": plan})
    return _EPOCH + timedelta(microseconds=int(row["us"])) if row["n"] else None


def advance(writer: Writer, plan: str, until: datetime, now: datetime) -> None:
    """Notes how far a plan has come; the note made last counts.

    Args:
        writer: of the caller's thread.
        plan: digest of what is judged and how.
        until: all pairs that began before are finished.
        now: UTC.

    Raises:
        StoreUnavailable: it may be noted or not; the next note says more anyway.
    """
    token = f"judge-progress-{plan}-{unix_us(until)}-{unix_us(now)}"
    writer.insert(tables.JUDGE_PROGRESS.name, [[plan, until, now]], token)


def beat(connection: StoreConnection, judge_id: str, among: tables.Table = tables.JUDGES) -> None:
    """Says that a process is at work; the first time, and after a silence of `ACTIVE_S`, it begins anew.

    Args:
        connection: of the caller's thread.
        judge_id: its number.
        among: who takes turns; a table like `judges`.

    Raises:
        StoreUnavailable: it could not be said.
    """
    _command(connection, _BEAT, judge_id, among)


def resign(connection: StoreConnection, judge_id: str, among: tables.Table = tables.JUDGES) -> None:
    """Says that a process has ended, so that another need not wait until it is given up.

    One that could not know whether this was heard may leave its number to the next process, whose beat counts again.

    Raises:
        StoreUnavailable: it could not be said; it is given up in time.
    """
    _command(connection, _RESIGN, judge_id, among)


def leader(connection: StoreConnection, judge_id: str, among: tables.Table = tables.JUDGES) -> Leader | None:
    """The process at work the longest; None: nobody has said so of late.

    Args:
        connection: of the caller's thread.
        judge_id: our own number.
        among: who takes turns; a table like `judges`.

    Raises:
        StoreUnavailable: no answer, for whatever reason.
    """
    with _errors(connection, among):
        rows = connection.client().query(_named(_LEADER, among), {"active_s": ACTIVE_S}).result_rows
    if not rows:
        return None
    judge, quiet_s, at_work_s = rows[0]
    return Leader(str(judge), float(quiet_s), float(at_work_s), judge == judge_id)


def _command(connection: StoreConnection, sql: str, judge_id: str, among: tables.Table) -> None:
    with _errors(connection, among):
        connection.client().command(_named(sql, among), {"process": judge_id, "active_s": ACTIVE_S})


def _named(sql: str, among: tables.Table) -> str:
    """The number of a process stands in the first column."""
    return sql.format(table=among.name, process=among.columns[0].name)


@contextlib.contextmanager
def _errors(connection: StoreConnection, among: tables.Table) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
        connection.drop()
        raise StoreUnavailable(f"who of `{among.name}` is at work is not known: {one_line(error)}") from error
