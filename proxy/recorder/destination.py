"""The store as the recorder sees it: takes rows under a token. `prepare` and `insert` block; one thread calls them."""

from collections.abc import Sequence
from typing import Protocol

from config.model import Config
from proxy.recorder.rows import Row
from store.locate import StoreConnection, may_answer
from store.migrate import migrate
from store.retention import apply_retention
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

    def doubt(self, table: str, token: str) -> None:
        """An earlier process may have sent these rows: they are looked for before they are sent, and afterwards."""
        ...

    @property
    def mended(self) -> int:
        """Batches that the store had acknowledged and lost; they were sent again."""
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
        migrate(client, client.database or "", self._store.cluster)
        apply_retention(client, self._retention_s, self._store.cluster)

    def insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        """See `Destination`."""
        self._writer.insert(table, rows, token)

    def doubt(self, table: str, token: str) -> None:
        """See `Destination`."""
        self._writer.doubt(table, token)

    @property
    def mended(self) -> int:
        """See `Destination`."""
        return self._writer.mended

    def is_gone(self) -> bool:
        """See `Destination`."""
        return not may_answer(self._store)

    def close(self) -> None:
        """See `Destination`."""
        self._connection.drop()
