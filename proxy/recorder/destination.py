"""The store as the recorder sees it: takes rows under a token. `prepare` and `insert` block; one thread calls them."""

from collections.abc import Sequence
from typing import Protocol

from config.model import Config
from proxy.recorder.rows import Row
from store.locate import StoreConnection, may_answer
from store.migrate import apply_retention, migrate
from store.writer import Writer


class Destination(Protocol):
    """Where rows go."""

    def prepare(self) -> None:
        """Makes the tables, if they are not there.

        Raises:
            StoreError: not now, or not ever; the text says what to do.
        """
        ...

    def insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        """Stores rows; the same token again stores nothing.

        Raises:
            StoreUnavailable: perhaps stored; send it again.
            StoreRefused: these rows are not taken.
        """
        ...

    def is_gone(self) -> bool:
        """Is it known that nobody will take rows before somebody starts the store again? Never waits."""
        ...

    def close(self) -> None:
        """Lets go of the connection."""
        ...


class StoreDestination:
    """The configured store."""

    def __init__(self, config: Config) -> None:
        self._store = config.store
        self._retention_s = config.privacy.retention
        self._connection = StoreConnection(config.store, access="writer")
        self._writer = Writer(self._connection)

    def prepare(self) -> None:
        """See `Destination`."""
        client = self._connection.client()
        migrate(client, client.database or "")
        apply_retention(client, self._retention_s)

    def insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        """See `Destination`."""
        self._writer.insert(table, rows, token)

    def is_gone(self) -> bool:
        """See `Destination`."""
        return not may_answer(self._store)

    def close(self) -> None:
        """See `Destination`."""
        self._connection.drop()
