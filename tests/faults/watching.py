"""A primary that sees its client leave, and clients that leave in different ways."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

from tests.proxy.harness import Bench, answering, bench, raw_upstream

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


def refused(reason: str) -> str:
    return f'shadowbench_client_requests_refused_total{{reason="{reason}"}}'


class Watched:
    """A primary that sends `answer` and then waits until its own client is gone."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.head = asyncio.Event()
        self.gone = asyncio.Event()
        self.seen = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen = await reader.readuntil(b"\r\n\r\n")
        self.head.set()
        writer.write(self.answer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                self.seen += data
        self.gone.set()


@contextlib.asynccontextmanager
async def watched(primary: Watched, **settings: Any) -> AsyncIterator[Bench]:
    async with raw_upstream(primary.serve) as url, bench(answering(b""), primary=url, **settings) as b:
        yield b


async def connected(b: Bench, data: bytes, *, window: int | None = None) -> socket.socket:
    """A client of which the test holds the socket; it has sent `data`."""
    raw = socket.socket()
    if window is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    raw.connect(("127.0.0.1", b.port))
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(raw, data)
    return raw


def reset(raw: socket.socket) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


async def until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 3)
