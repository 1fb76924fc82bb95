"""An embedded store of a benchmark's own: its directory, its owner's process, a client that may do everything."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from clickhouse_connect.driver.client import Client

from bench.machine import BenchError, cpu_seconds
from config.model import Store
from store.endpoint.claim import is_alive
from store.endpoint.place import read_endpoint
from store.locate import StoreConnection, close, connect
from store.migrate import migrate
from store.reader import Reader
from store.writer import Writer

_STOP_S = 30.0


class OwnedStore:
    """Started when it is entered, with the schema of this shadowbench; ended with the block."""

    def __init__(self, directory: Path) -> None:
        self._store = Store(dir=str(directory))
        self._directory = directory
        self._client: Client | None = None
        self._readers: list[Client] = []

    def __enter__(self) -> Self:
        self._client = connect(self._store, access="writer", start_owner=True)
        migrate(self._client, self._client.database or "")
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self._client, *self._readers):
            if client is not None:
                close(client)
        self._client, self._readers = None, []
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)

    def restart(self) -> None:
        """Another owner, which has read nothing yet."""
        self.__exit__()
        self.__enter__()

    @property
    def client(self) -> Client:
        """May change everything."""
        if self._client is None:
            raise BenchError("the store is not open")
        return self._client

    def reader(self) -> Reader:
        """Asks as a page does, which may only read; for one thread."""
        client = connect(self._store, access="reader", start_owner=False)
        self._readers.append(client)
        return Reader(client)

    def writer(self) -> Writer:
        """Inserts as the recorder does."""
        return Writer(StoreConnection(self._store, access="writer"))

    def pid(self) -> int:
        """Of the owner."""
        endpoint = read_endpoint(self._directory)
        if endpoint is None:
            raise BenchError("the store's owner is gone")
        return endpoint.pid

    def cpu_s(self) -> float:
        """CPU time of the owner so far."""
        return cpu_seconds(self.pid())

    def run(self, *statements: str) -> None:
        """Runs statements."""
        for statement in statements:
            self.client.command(statement)

    def one(self, sql: str) -> Sequence[Any]:
        """The first row of an answer."""
        row: Sequence[Any] = self.client.query(sql).result_rows[0]
        return row

    def bytes_on_disk(self, table: str) -> int:
        """Of a table's active parts."""
        return int(
            self.one(
                "SELECT sum(bytes_on_disk) FROM system.parts "
                f"WHERE active AND database = currentDatabase() AND table = '{table}'"
            )[0]
        )
