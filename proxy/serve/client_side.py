"""What the primary leg asks of the client's connection."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from proxy.upstream.reading import Reading

if TYPE_CHECKING:
    from proxy.serve.relay import Relay


class ClientSide(Protocol):
    """The client's connection, as a relay sees it."""

    def write(self, data: bytes) -> None:
        """Sends bytes to the client."""

    def relay_done(self, relay: "Relay", *, close: bool) -> None:
        """The answer is complete; `close`: the connection must end with it."""

    def relay_broken(self, relay: "Relay") -> None:
        """The answer cannot be completed and has begun: only ending the connection tells the client."""

    def pause_request(self) -> None:
        """The upstream takes no more of the request body for now."""

    def resume_request(self) -> None:
        """It takes more again."""

    def open_tunnel(self, relay: "Relay", head: bytes, upstream: asyncio.Transport, reading: Reading) -> None:
        """The upstream has agreed to a WebSocket: `head` says so to the client, then bytes flow both ways."""

    def tunnelled(self, data: bytes) -> None:
        """Bytes of the WebSocket that came together with the upstream's head."""
