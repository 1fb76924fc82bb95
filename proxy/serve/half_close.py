"""A client that has shut down its writing side: does it still listen?

TCP says the same, FIN, for "that was all" and for "I am gone". The first waits for its answer; the second wants its
request cancelled, as it would be without a proxy: a generation that nobody reads, and that is asked for again, is how
a busy model is brought down. Every answer begins with the same nine bytes. They are sent ahead, and a client that is
gone refuses them with a reset.

With TLS there is no half-close in Python: a client that ends its side has ended the connection.
"""

import asyncio
import select
from typing import Final

SENT_AHEAD: Final = b"HTTP/1.1 "
FIRST_LOOK_NS: Final = 250_000_000
LOOK_AGAIN_NS: Final = 1_000_000_000
"""A reset from far away needs a round trip; a lost one is seen by the next look."""


def is_reset(transport: asyncio.Transport) -> bool:
    """Has the peer refused what was sent? Reading has ended, so no event says so."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return bool(poll.poll(0))


def can_half_close(transport: asyncio.Transport) -> bool:
    """Is it plain TCP?"""
    return transport.get_extra_info("sslcontext") is None
