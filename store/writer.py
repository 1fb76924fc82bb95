"""Rows into tables, exactly once: the same rows with the same token, however often they are sent."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, ProgrammingError

from store import tables
from store.errors import StoreRefused, StoreUnavailable
from store.locate import StoreConnection, one_line

_TABLES = MappingProxyType({table.name: table for table in tables.TABLES})
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


class Writer:
    """Inserts of one process, from one thread."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    def insert(self, table: str, rows: Sequence[Sequence[Any]], token: str) -> None:
        """Stores rows; returns when they are on the server's disk.

        Args:
            table: a name of `store.tables`.
            rows: values in the order of the table's columns; times aware of their zone. At most some thousands: a
                batch is all or nothing up to a million rows or 256 MB.
            token: names these rows. The last 10,000 tokens per table are remembered; rows under a known one are
                acknowledged and not stored again.

        Raises:
            StoreUnavailable: they may be stored or not; send the same rows with the same token again.
            StoreRefused: the server does not take these rows.
        """
        if not rows:
            return
        columns = _TABLES[table].columns
        client = self._connection.client()
        try:
            client.insert(
                table,
                rows,
                column_names=[column.name for column in columns],
                column_type_names=[column.type for column in columns],
                settings={**_EXACTLY_ONCE, "insert_deduplication_token": token},
            )
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(table, error) from error
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            # The client takes the rows apart while it sends them; the server keeps nothing of a request cut short.
            self._connection.drop()
            raise StoreRefused(f"{table}: a value does not fit its column: {one_line(error)}") from error

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


def _is_of_the_client(error: Exception) -> bool:
    """Did the client itself refuse the rows, before or while it sent them?"""
    return isinstance(error, (DataError, ProgrammingError))
