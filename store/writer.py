"""Rows into tables, exactly once: the same rows with the same token, however often they are sent.

Rows go out in the Native format that clickhouse-connect makes column by column. Measured beside it, per pair with its
two texts, client and store: Native 12 + 52 us of CPU, JSONCompactEachRow 5 + 58 us, RowBinary no better. The sums are
the same, and Native refuses what does not fit a column (an integer that is too large, text where a number belongs),
where the text formats wrap or guess.
"""

from collections.abc import Sequence
from math import isfinite
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, ProgrammingError

from store import tables
from store.errors import StoreRefused, StoreUnavailable
from store.locate import StoreConnection, one_line
from store.resending import Resending
from store.tables import Table

_TABLES = MappingProxyType({table.name: table for table in tables.TABLES})


def _kinds(kind: str) -> frozenset[type]:
    """Types of the values of a numeric column; none for another."""
    nothing = {type(None)} if "Nullable" in kind else set()
    if "UInt" in kind:
        return frozenset({int} | nothing)
    return frozenset({float, int} | nothing) if "Float" in kind else frozenset()


_NUMBERS = MappingProxyType(
    {
        table.name: [(n, kinds) for n, c in enumerate(table.columns) if (kinds := _kinds(c.type))]
        for table in tables.TABLES
    }
)
_EXACTLY_ONCE = {
    # A retried batch is counted once in the table, and once in what views make of it.
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # The acknowledgement means stored, not queued in the server's memory.
    "async_insert": 0,
}
_ABOUT_THE_ROWS = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        16,  # NO_SUCH_COLUMN_IN_TABLE
        20,  # NUMBER_OF_COLUMNS_DOESNT_MATCH
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        33,  # CANNOT_READ_ALL_DATA
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        43,  # ILLEGAL_TYPE_OF_ARGUMENT
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        376,  # CANNOT_PARSE_UUID
        407,  # DECIMAL_OVERFLOW
        441,  # CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
        469,  # VIOLATED_CONSTRAINT
    }
)
"""Server errors that the same rows give again. All others may pass, so they are worth the same batch once more: a
store that is full, overloaded, read-only or without its tables costs time and not rows."""


MAX_DOUBTS = 256
"""Batches of which a process does not know whether they arrived; it sends one at a time."""


class Writer:
    """Inserts of one process, from one thread."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        self._doubts: dict[tuple[str, str], None] = {}
        self.mended = 0
        """Batches that the store had acknowledged and lost, and that were sent under a fresh token."""

    def doubt(self, table: str, token: str) -> None:
        """Somebody may have sent these rows before: another process that died over it, or we ourselves."""
        if len(self._doubts) >= MAX_DOUBTS:
            del self._doubts[next(iter(self._doubts))]
        self._doubts[table, token] = None

    def insert(self, table: str, rows: Sequence[Sequence[Any]], token: str) -> None:
        """Stores rows; returns when they are on the server's disk.

        Args:
            table: a name of `store.tables`.
            rows: values in the order of the table's columns; times aware of their zone. At most some thousands: a
                batch is all or nothing up to a million rows or 256 MB.
            token: names these rows. The last 10,000 tokens per table are remembered; rows under a known one are
                acknowledged and not stored again.

        Raises:
            StoreUnavailable: they may be stored or not; send the same rows with the same token again. Then, and after
                `doubt`, they are looked for as well (see `store.resending`).
            StoreRefused: the server does not take these rows.
        """
        if not rows:
            return
        known = _TABLES[table]
        client = self._connection.client()
        _check_numbers(known, rows)
        is_doubtful = (table, token) in self._doubts
        # From here on an error leaves open whether they are stored; so does our own death, which others know of.
        self.doubt(table, token)
        try:
            resending = Resending(client, known, rows, token) if is_doubtful else None
            if resending is not None and resending.can_be_seen():
                self.mended += resending.run(lambda some, name: _send(client, known, some, name)) > 0
            else:
                _send(client, known, rows, token)
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(table, error) from error
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            # The client takes the rows apart while it sends them; the server keeps nothing of a request cut short.
            self._connection.drop()
            raise StoreRefused(f"{table}: a value does not fit its column: {one_line(error)}") from error
        del self._doubts[table, token]

    def _failure(self, table: str, error: Exception) -> StoreUnavailable | StoreRefused:
        text = f"{table}: {one_line(error)}"
        code = getattr(error, "code", None)
        if code in _ABOUT_THE_ROWS or (code is None and _is_of_the_client(error)):
            return StoreRefused(text)
        self._connection.drop()
        return StoreUnavailable(text)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.drop()


def _send(client: Client, table: Table, rows: Sequence[Sequence[Any]], token: str) -> None:
    client.insert(
        table.name,
        rows,
        column_names=[column.name for column in table.columns],
        column_type_names=[column.type for column in table.columns],
        settings={**_EXACTLY_ONCE, "insert_deduplication_token": token},
    )


def _check_numbers(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """The client would make whole numbers of fractions, and of what is no number at all, without a word.

    Neither NaN nor infinity is a measurement: unknown is NULL, and one of them would spoil every sum over its block.

    Raises:
        StoreRefused: a value is not of its column's kind.
    """
    if any(len(row) != len(table.columns) for row in rows):
        return  # the client says so
    for place, kinds in _NUMBERS[table.name]:
        values = list(map(itemgetter(place), rows))
        if not kinds.issuperset(map(type, values)):
            raise StoreRefused(f"{table.name}: {table.columns[place].name} holds what is no number of its kind")
        if float in kinds and not isfinite(sum(filter(None, values))):
            raise StoreRefused(f"{table.name}: {table.columns[place].name} holds a number that is not finite")


def _is_of_the_client(error: Exception) -> bool:
    """Did the client itself refuse the rows, before or while it sent them?"""
    return isinstance(error, (DataError, ProgrammingError))
