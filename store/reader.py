"""Questions to the store, and their answers by name."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.common import StreamContext
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.query import QueryResult

from store import tables
from store.errors import QueryFailed, StoreUnavailable
from store.locate import one_line

Row = Mapping[str, Any]
_BLOCK_SETTING = "max_block_size"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER = datetime(2200, 1, 1, tzinfo=UTC)
_WITHIN = "ts >= {since:DateTime64(6, 'UTC')} AND ts < {until:DateTime64(6, 'UTC')}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment id stands for."""

    id: str
    candidate: str
    compared: str
    """JSON: urls, models, params."""
    created: datetime
    """When it was first seen, UTC."""
    policy: str = ""
    """JSON: what decides; empty when none was declared."""
    planned_pairs: int | None = None
    """Pairs that the anytime intervals are planned for; None when none were declared."""


@dataclass(frozen=True, slots=True)
class Result:
    """A streamed answer."""

    names: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


class Reader:
    """Asks through one client; serves one thread. Times are aware, UTC."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of an answer, by column name; `{name:Type}` in the statement takes its value from `parameters`.

        Raises:
            QueryFailed: the server does not answer this question.
            StoreUnavailable: it does not answer at all.
        """
        with _store_errors():
            return list(self._client.query(sql, dict(parameters or {})).named_results())

    def columns(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        """The same by column: cheaper for many rows, and an empty answer keeps its names.

        Raises:
            QueryFailed: the server does not answer this question.
            StoreUnavailable: it does not answer at all.
        """
        with _store_errors():
            result = self._client.query(sql, dict(parameters), column_oriented=True)
        if not result.column_names:
            return {name: [] for name in self._names(sql, parameters)}
        return dict(zip(result.column_names, result.result_columns, strict=True))

    def stream(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as they come, in memory of one block.

        Raises:
            QueryFailed: the server does not answer this question, or breaks off.
            StoreUnavailable: it does not answer at all.
        """
        with self.result(sql, parameters) as result:
            for row in result.rows:
                yield dict(zip(result.names, row, strict=True))

    @contextlib.contextmanager
    def result(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator["Result"]:
        """The same as names and rows; the connection is busy until the block ends.

        Raises:
            QueryFailed: the server does not answer this question, or breaks off.
            StoreUnavailable: it does not answer at all.
        """
        with _store_errors():
            blocks = self._client.query_row_block_stream(sql, dict(parameters or {}))
        with blocks:
            names = tuple(cast("QueryResult", blocks.source).column_names)
            yield Result(names or self._names(sql, parameters or {}), _rows(blocks))

    def column_blocks(
        self, sql: str, parameters: Mapping[str, Any], *, block_rows: int
    ) -> Iterator[dict[str, Sequence[Any]]]:
        """An answer by column, at most `block_rows` rows at a time; no block is empty.

        A server of your own whose user may change no setting sends blocks of its own size.

        Raises:
            QueryFailed: the server does not answer this question, or breaks off.
            StoreUnavailable: it does not answer at all.
        """
        with _store_errors():
            settings = {_BLOCK_SETTING: str(block_rows)} if self._may_set_blocks() else None
            blocks = self._client.query_column_block_stream(sql, dict(parameters), settings=settings)
        with blocks:
            names = tuple(cast("QueryResult", blocks.source).column_names)
            for block in _parts(blocks):
                if block and len(block[0]):
                    yield dict(zip(names, block, strict=True))

    def _may_set_blocks(self) -> bool:
        client = self._client
        known = client.server_settings.get(_BLOCK_SETTING)
        return _BLOCK_SETTING in client.valid_transport_settings or (known is not None and not known.readonly)

    def _names(self, sql: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Column names of an answer without rows: it comes without a head."""
        with contextlib.suppress(QueryFailed):  # not a SELECT
            return tuple(row["name"] for row in self.query(f"DESCRIBE TABLE (\n{sql}\n)", parameters))
        return ()

    def pair_rows(
        self,
        columns: Sequence[str] = tables.PAIRS.names(),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        candidate: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Pairs in the order of their time, streamed.

        Args:
            columns: names of `tables.PAIRS`.
            since: first start of a request.
            until: first start that is left out.
            candidate: only this one's.
        """
        unknown = set(columns) - set(tables.PAIRS.names())
        if unknown:
            raise ValueError(f"pairs has no column {sorted(unknown)[0]!r}")
        only = "" if candidate is None else " AND candidate = {candidate:String}"
        names = ", ".join(f"`{name}`" for name in columns)
        sql = f"SELECT {names} FROM pairs WHERE {_WITHIN}{only} ORDER BY ts, request_id, candidate"
        return self.stream(sql, {**_window(since, until), "candidate": candidate or ""})

    def pair_counts(
        self, since: datetime | None = None, until: datetime | None = None, *, by_hour: bool = False
    ) -> dict[tuple[datetime | None, str], int]:
        """(hour of the request's start or None, candidate) -> pairs."""
        rows = self._counts("pairs", "count()", ("candidate",), since, until, by_hour=by_hour)
        return {(row["hour"], row["candidate"]): row["n"] for row in rows}

    def skip_counts(
        self, since: datetime | None = None, until: datetime | None = None, *, by_hour: bool = False
    ) -> dict[tuple[datetime | None, str, str], int]:
        """(hour of the request's start or None, candidate, reason) -> skipped requests."""
        rows = self._counts("skips", "count()", ("candidate", "reason"), since, until, by_hour=by_hour)
        return {(row["hour"], row["candidate"], row["reason"]): row["n"] for row in rows}

    def counter_totals(
        self, since: datetime | None = None, until: datetime | None = None, *, by_hour: bool = False
    ) -> dict[tuple[datetime | None, str, str], int]:
        """(hour of the request's start or None, candidate, counted state) -> requests."""
        rows = self._counts("counters", "sum(count)", ("candidate", "state"), since, until, by_hour=by_hour)
        return {(row["hour"], row["candidate"], row["state"]): row["n"] for row in rows}

    def _counts(
        self,
        table: str,
        number: str,
        keys: tuple[str, ...],
        since: datetime | None,
        until: datetime | None,
        *,
        by_hour: bool,
    ) -> list[dict[str, Any]]:
        hour = "toStartOfHour(ts)" if by_hour else "NULL"
        sql = (
            f"SELECT {hour} AS hour, {', '.join(keys)}, {number} AS n FROM {table} WHERE {_WITHIN} "
            f"GROUP BY hour, {', '.join(keys)} ORDER BY hour, {', '.join(keys)}"
        )
        return self.query(sql, _window(since, until))

    def experiments(self) -> dict[str, Experiment]:
        """Every experiment that was ever recorded, by id."""
        rows = self.query(
            "SELECT id, any(candidate) AS candidate, any(compared) AS compared, min(created) AS created, "
            "any(policy) AS policy, any(planned_pairs) AS planned_pairs "
            "FROM experiments GROUP BY id ORDER BY created, id"
        )
        return {row["id"]: Experiment(**row) for row in rows}


def _rows(blocks: StreamContext) -> Iterator[Sequence[Any]]:
    for block in _parts(blocks):
        yield from block


def _parts(blocks: StreamContext) -> Iterator[Sequence[Any]]:
    """Only what the store does becomes an error of the store, not what is done with the rows."""
    source = iter(blocks)
    while True:
        with _store_errors():
            block = next(source, None)
        if block is None:
            return
        yield block


def _window(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Texts, because a client rounds datetimes to seconds."""
    ends = {"since": since or _EPOCH, "until": until or _FOREVER}
    return {name: end.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for name, end in ends.items()}


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    """Errors of the client library become errors of the store."""
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        if code is None and isinstance(error.__cause__, urllib3.exceptions.HTTPError):
            raise StoreUnavailable(f"the store does not answer: {one_line(error)}") from error
        raise QueryFailed(one_line(error), code) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"the store broke off: {one_line(error)}") from error
