"""A worker between transports that are lists: bytes in, bytes out, no sockets, half a million requests a minute."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import h11

from config.load import located, validate
from config.source import Source
from proxy.upstream.connection import UpstreamConnection
from proxy.worker import Worker
from runtime.link import Start

UPSTREAM = "127.0.0.1:1"
"""Nobody listens there: only connections that the test makes are ever used."""
PEER = "192.0.2.7"
"""Whom the worker takes the client for."""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Wire:
    """A transport that keeps what is written."""

    written: bytearray = field(default_factory=bytearray)
    closed: bool = False

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int = 0) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> object:
        return (PEER, 5) if name == "peername" else None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    """A complete request as h11 reads it."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass
class Reading:
    """What h11 makes of a stretch of bytes."""

    requests: list[Seen]
    refused: str | None
    """Why it read no further; None when it only waits for more."""
    in_body: bool = False
    """It was behind a head that was in order."""


def read_requests(data: bytes) -> Reading:
    """All requests that h11 finds, in order."""
    found: list[Seen] = []
    heads: list[h11.Request] = []
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(data)
        while (one := _next_request(connection, heads)) is not None:
            found.append(one)
    except h11.RemoteProtocolError as error:
        return Reading(found, str(error), in_body=len(heads) > len(found))
    return Reading(found, None)


def _next_request(connection: h11.Connection, heads: list[h11.Request]) -> Seen | None:
    head, body = None, b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            head = event
            heads.append(head)
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        else:
            return None
    assert head is not None
    _answer(connection)
    return Seen(bytes(head.method), bytes(head.target), tuple((bytes(n), bytes(v)) for n, v in head.headers), body)


def _answer(connection: h11.Connection) -> None:
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
        connection.start_next_cycle()


@dataclass
class Outcome:
    """What became of a client's bytes."""

    forwarded: Reading
    """What reached the upstream, read by h11."""
    raw: bytes
    answer: bytes
    """What the client got."""
    closed: bool


class Proxied:
    """One worker for many connections."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._directory = tempfile.TemporaryDirectory()
        values = {"primary": {"url": f"http://{UPSTREAM}"}, "limits": {"header": "4KiB", "request_body": "64KiB"}}
        config = located(validate(Source("test", values, {})), Path(self._directory.name))
        self._worker = Worker(Start("proxy", "proxy-0", config, 1, ()))
        self._pool = self._worker.newest.context.primary
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker._clients.clear()
        self._loop.run_until_complete(self._worker._tasks.close())
        self._worker.newest.board.close()
        self._loop.close()
        self._directory.cleanup()

    def send(self, pieces: list[bytes]) -> Outcome:
        """One client sends the pieces; the upstream answers every complete request at once."""
        return self._loop.run_until_complete(self._send(pieces))

    async def _send(self, pieces: list[bytes]) -> Outcome:
        upstream, client = Wire(), Wire()
        connection = UpstreamConnection(self._pool)
        connection.connection_made(cast("asyncio.BaseTransport", upstream))
        connection.idle_since_ns = 2**62
        self._pool._idle.append(connection)
        served = self._worker._accept()
        served.connection_made(cast("asyncio.BaseTransport", client))
        answered = 0
        for piece in pieces:
            if client.closed:
                break
            served.data_received(piece)
            while not upstream.closed and len(read_requests(bytes(upstream.written)).requests) > answered:
                answered += 1
                connection.data_received(ANSWER)
                await asyncio.sleep(0)
        outcome = Outcome(
            read_requests(bytes(upstream.written)), bytes(upstream.written), bytes(client.written), client.closed
        )
        served.connection_lost(None)
        self._pool._idle.clear()
        return outcome
