"""One statement on its own engine connection.

Every method blocks and runs in a worker thread; they never overlap, because an engine connection serves one thread at a
time and the request that is cancelled closes the job while its last call may still run.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

from store.endpoint import protocol, reading
from store.endpoint.engine import Engine
from store.endpoint.incoming import Incoming
from store.endpoint.place import DATABASE
from store.endpoint.protocol import Access, Parameters, Refused
from store.endpoint.statement import InsertHead, QueryShape, forbidden, query_shape

READER_SECONDS = 300
"""A reader's query is ended after this."""
READER_MEMORY_SHARE = 0.6
"""Of the engine's memory, at most this for one reader's query: inserts go on beside it."""

_EXPLAIN = "EXPLAIN AST\n"
_PLACE = re.compile(r"at position (?P<at>\d+)|\(line (?P<line>\d+), col ")

P = ParamSpec("P")
R = TypeVar("R")


def _alone(method: "Callable[Concatenate[Job, P], R]") -> "Callable[Concatenate[Job, P], R]":
    def run(self: "Job", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:  # invariant: at most one thread inside the connection
            return method(self, *args, **kwargs)

    return run


@dataclass(slots=True)
class Answer:
    """A query's result, or its beginning."""

    format: str | None
    """None for a statement that answers nothing."""
    head: bytes
    is_complete: bool
    """False: more comes from `Job.next_chunk`."""


@dataclass(slots=True)
class Figures:
    """Rows and bytes of one statement, by the names of `X-ClickHouse-Summary`."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, result: Any) -> None:
        """Counts a result, or a chunk of one."""
        for name, value in (
            ("read_rows", result.storage_rows_read()),
            ("read_bytes", result.storage_bytes_read()),
            ("written_rows", result.rows_written()),
            ("written_bytes", result.bytes_written()),
            ("result_rows", result.rows_read()),
        ):
            self.counts[name] = self.counts.get(name, 0) + value


class Job:
    """From the request's parameters to the last byte of its answer."""

    def __init__(self, engine: Engine, access: Access, memory_bytes: int) -> None:
        self.tag = uuid4().hex
        """Finds the running statement again, to end it."""
        self.figures = Figures()
        self._engine = engine
        self._access = access
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._parameters: Parameters | None = None
        self._connection: Any = None
        self._stream: Any = None
        self._incoming: Incoming | None = None
        self._head: InsertHead | None = None
        self._is_closed = False
        self.is_abandoned = False
        """The client has gone: whatever still runs is to be ended."""

    def abandon(self) -> None:
        """Nobody waits for the answer any more; no further step begins. Does not block."""
        self.is_abandoned = True

    @_alone
    def open(self, parameters: Parameters) -> None:
        """Connects and applies database and settings.

        Raises:
            Refused: a setting or database that this access may not choose.
        """
        self._check_open()
        settings = self._settings(parameters)
        self._parameters = parameters
        self._connection = self._engine.connect()
        self._say(f"USE {_quoted_name(self._database(parameters))}")
        self._say("SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items()))
        if self._access == "reader":
            # Last, since nothing can be set after it.
            self._say("SET readonly = 1")

    def _settings(self, parameters: Parameters) -> dict[str, str]:
        # Without the first, `garbage` would run as `SELECT garbage`.
        own = {"implicit_select": "0", "log_comment": self.tag}
        if self._access == "writer":
            return {**parameters.settings, **own}
        for name in parameters.settings:
            if name not in reading.SETTINGS:
                raise Refused(protocol.READONLY, f"Cannot modify '{name}' setting in readonly mode")
        limits = {
            "max_execution_time": str(READER_SECONDS),
            "max_memory_usage": str(int(self._memory_bytes * READER_MEMORY_SHARE)),
        }
        return {**parameters.settings, **limits, **own}

    def _database(self, parameters: Parameters) -> str:
        database = parameters.database or DATABASE
        if self._access == "reader" and database != DATABASE:
            raise Refused(protocol.ACCESS_DENIED, f"reader: Not enough privileges: the database is {DATABASE}")
        return database

    @_alone
    def query(self, sql: str, *, writes: bool, is_held_back: bool, held_bytes: int) -> Answer:
        """Runs a statement.

        Args:
            sql: one statement.
            writes: may it change anything?
            is_held_back: collect up to `held_bytes` before answering, so that an error still gets a status.
            held_bytes: beyond this the answer leaves as a stream.

        Raises:
            Refused: not allowed to this access.
            RuntimeError: the engine's error.
        """
        self._check_open()
        assert self._parameters is not None  # noqa: S101 - opened before
        shape = query_shape(sql.encode(), self._parameters.default_format)
        is_read = self._check(sql, writes=writes)
        if self._access == "reader" and shape.format not in reading.FORMATS:
            raise Refused(
                protocol.ACCESS_DENIED, f"reader: Not enough privileges: the format {shape.format} is not open"
            )
        binds = dict(self._parameters.binds)
        if not (is_read and shape.is_streamed):
            result = self._connection.query(sql, shape.format, params=binds)
            self.figures.add(result)
            data: bytes = result.bytes()
            return Answer(shape.format if is_read or data else None, data, is_complete=True)
        self._stream = self._connection.send_query(sql, shape.format, params=binds)
        return self._stream_head(shape, held_bytes if is_held_back else 1)

    def _stream_head(self, shape: QueryShape, enough_bytes: int) -> Answer:
        chunks: list[bytes] = []
        size = 0
        while size < enough_bytes:
            chunk = self._fetch()
            if chunk is None:
                return Answer(shape.format, b"".join(chunks), is_complete=True)
            chunks.append(chunk)
            size += len(chunk)
        return Answer(shape.format, b"".join(chunks), is_complete=False)

    def _check(self, sql: str, *, writes: bool) -> bool:
        """Is the statement one that only reads?"""
        if (form := forbidden(sql.encode())) is not None:
            raise Refused(protocol.SUPPORT_IS_DISABLED, f"{form} is not available in the embedded store")
        kind = self._connection._conn.classify_query(sql)  # noqa: SLF001 - the only way to ask the engine's parser
        if kind["statement_count"] > 1:
            raise Refused(protocol.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        kind_name = kind["query_class"].name
        if self._access == "reader" and kind_name in {"READ_ONLY", "UNKNOWN"}:
            self._check_reader(sql)  # what is unknown has a syntax error, which this finds and names
        if kind_name != "READ_ONLY" and (not writes or self._access == "reader"):
            raise Refused(protocol.READONLY, "Cannot execute query in readonly mode")
        return bool(kind_name == "READ_ONLY")

    def _check_reader(self, sql: str) -> None:
        assert self._parameters is not None  # noqa: S101 - opened before
        try:
            tree = self._connection.query(_EXPLAIN + sql, "TabSeparatedRaw", params=dict(self._parameters.binds))
        except RuntimeError as error:
            raise RuntimeError(_PLACE.sub(_without_explain, str(error))) from None
        if (fault := reading.fault(sql, tree.bytes().decode(), self._engine.is_function)) is not None:
            raise Refused(protocol.ACCESS_DENIED, f"reader: Not enough privileges: {fault}")

    @_alone
    def next_chunk(self) -> bytes | None:
        """More of a streamed answer; None at its end."""
        self._check_open()
        return self._fetch()

    def _fetch(self) -> bytes | None:
        chunk = self._stream.fetch()
        if chunk is None:
            return None
        self.figures.add(chunk)
        data: bytes = chunk.bytes()
        return data

    @_alone
    def begin_insert(self, head: InsertHead) -> None:
        """Starts an insert whose rows follow."""
        self._check_open()
        if self._access == "reader":
            raise Refused(protocol.READONLY, "Cannot execute query in readonly mode")
        self._head, self._incoming = head, Incoming(self._engine.incoming)

    @_alone
    def add_rows(self, data: bytes) -> None:
        """Bytes of the insert's rows, cut anywhere."""
        self._check_open()
        assert self._incoming is not None  # noqa: S101 - begun before
        with _no_room():
            self._incoming.add(data)

    @_alone
    def finish_insert(self) -> None:
        """The rows are all there: stores them.

        Raises:
            RuntimeError: the engine's error; it has stored none of them.
        """
        self._check_open()
        assert self._incoming is not None  # noqa: S101 - begun before
        assert self._head is not None  # noqa: S101 - begun before
        assert self._parameters is not None  # noqa: S101 - opened before
        with _no_room():
            self._incoming.complete()
        sql = self._head.from_file(self._incoming.path)
        self.figures.add(self._connection.query(sql, "TabSeparated", params=dict(self._parameters.binds)))

    @_alone
    def close(self) -> None:
        """Gives the connection back; an unfinished insert leaves no row."""
        self._is_closed = True
        for part in (self._stream, self._connection, self._incoming):
            if part is not None:
                with contextlib.suppress(Exception):
                    part.close()

    def _say(self, sql: str) -> None:
        self._connection.query(sql, "TabSeparated")

    def _check_open(self) -> None:
        if self._is_closed or self.is_abandoned:
            raise Refused(protocol.TOO_MANY_SIMULTANEOUS, "The client has gone")


@contextlib.contextmanager
def _no_room() -> Iterator[None]:
    """Rows that cannot be put down are an error in the engine's words."""
    try:
        yield
    except OSError as error:
        raise Refused(protocol.NOT_ENOUGH_SPACE, f"Rows cannot be taken: {error.strerror}") from None


def _without_explain(place: re.Match[str]) -> str:
    """Where a syntax error is, in the text that the client wrote."""
    if place["line"]:
        return f"(line {int(place['line']) - 1}, col "
    return f"at position {int(place['at']) - len(_EXPLAIN)}"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
