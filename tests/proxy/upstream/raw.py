"""A server that acts between two steps of the loop: blocking sockets, driven by the test itself."""

import contextlib
import select
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Self

TIMEOUT_S = 5.0


class RawServer:
    """Accepts and answers when the test says so, not when the loop turns."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self.connections:
            connection.close()
        self._listener.close()

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(TIMEOUT_S)
        self.connections.append(connection)
        return connection

    def has_waiting(self) -> bool:
        """Does anybody wait to be accepted?"""
        return bool(select.select([self._listener], [], [], 0)[0])


def reset(connection: socket.socket) -> None:
    """Ends it with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def raw_server() -> Iterator[RawServer]:
    """Closed at the end, with all its connections."""
    with RawServer() as server:
        yield server
