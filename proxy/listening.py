"""One listening socket: whoever has connected is served, those in the kernel's queue at the end among them."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from proxy.serve.door import TlsDoor
from proxy.serve.tls import SHUTDOWN_S, ClientTls

BACKLOG = 4096
"""Connections that may wait for a busy or restarting worker, per socket; the kernel's own bound is the same."""
_LOOP_TURNS = 2
"""After these the event loop has let go of a socket that it was told to close."""

Accept = Callable[[], asyncio.Protocol]


class Listener:
    """A socket that was inherited, until everybody in its queue has been taken."""

    def __init__(self, fd: int, accept: Accept, tls: ClientTls | None, handshake_s: float) -> None:
        """`tls`: None for plain HTTP."""
        self._socket = socket.socket(fileno=fd)
        # The event loop closes its own; the kernel's socket, and whoever waits there, lives on in this one.
        self._queue = self._socket.dup()
        self._queue.setblocking(False)
        self._accept: Accept = accept if tls is None else lambda: TlsDoor(accept)
        self._secured: dict[str, Any] = {}
        if tls is not None:
            self._secured = {
                "ssl": tls.context,
                "ssl_handshake_timeout": handshake_s,
                "ssl_shutdown_timeout": SHUTDOWN_S,
            }
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begins to accept."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, sock=self._socket, backlog=BACKLOG, **self._secured)

    async def close(self) -> list[socket.socket]:
        """Ends the listening: from now on connections are refused.

        Returns:
            Those whose clients have connected and were not accepted yet; `take` serves them.
        """
        if self._server is not None:
            self._server.close()
        for _ in range(_LOOP_TURNS):
            await asyncio.sleep(0)
        waiting = []
        with contextlib.suppress(OSError):  # nobody is left, or there are no descriptors
            while True:
                waiting.append(self._queue.accept()[0])
        self._queue.close()
        return waiting

    async def take(self, connected: socket.socket) -> None:
        """Serves one of those; with TLS it waits for the handshake, whose failure is the client's."""
        connected.setblocking(False)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # TLS errors and time-outs are such; the socket is closed then
            await loop.connect_accepted_socket(self._accept, connected, **self._secured)
