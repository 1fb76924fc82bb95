"""What stands where a TLS connection comes in, until the handshake is done."""

import asyncio
from collections.abc import Callable


class TlsDoor(asyncio.Protocol):
    """Makes the client's connection once there is one: a handshake that fails leaves nothing behind.

    The event loop asks for a protocol before the handshake, and never says of one that failed that it is gone.
    """

    def __init__(self, accept: Callable[[], asyncio.Protocol]) -> None:
        self._accept = accept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done."""
        client = self._accept()
        transport.set_protocol(client)
        client.connection_made(transport)
