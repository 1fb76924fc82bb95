"""The open-loop load generator, a program of its own: `python -m bench.openloop SETTINGS.json`.

Requests leave at instants fixed before the run. A latency counts from the scheduled instant, not from the sending, so
a server that stalls is charged for everybody who would have asked meanwhile (no coordinated omission). Nothing is
dropped: with all connections busy a request waits and its clock runs; what is not answered at the end is a failure.
"""

import argparse
import asyncio
import gc
import json
from collections import deque
from pathlib import Path
from typing import cast

import httptools
import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.llm import answer_body, request_body
from bench.precise import now_ns, precise_loop
from runtime.tasks import Tasks

OK, CONNECT, CLOSED, STATUS, BODY, UNFINISHED = range(6)
FAILURES = ("ok", "no connection", "connection closed", "status", "another body", "unanswered")
RECORD = np.dtype(
    [
        ("scheduled_ns", np.int64),
        ("sent_ns", np.int64),
        ("first_ns", np.int64),
        ("done_ns", np.int64),
        ("failure", np.int8),
        ("local_port", np.int32),
    ]
)
"""One request; monotonic nanoseconds, 0 for what never happened. `local_port` names the connection."""
Records = NDArray[np.void]
"""Shape (requests,), of type `RECORD`."""
START_IN_S = 0.3
_CONNECT_TIMEOUT_S = 5.0


class Settings(msgspec.Struct, frozen=True):
    """What to send, where and when."""

    port: int
    instants: str
    """File (.npy) of nanoseconds from the start."""
    result: str
    """File (.npy) to write: an array of `RECORD`."""
    connections: int
    """Opened before the start."""
    most_connections: int
    """Opened at most; beyond them requests wait."""
    grace_s: float
    """How long answers are waited for after the last instant."""
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = {}
    body: str | None = None
    """File of the one body to send; without one, the requests of `bench.llm`, by their numbers."""
    answer: str | None = None
    """File of the one answer to expect; without one, any body will do when `body` is given."""


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._index = -1
        self.local_port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.local_port = transport.get_extra_info("sockname")[1]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._index >= 0:
            self._generator.fail(self._index, CLOSED)
        self._generator.lost(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, index: int, request: bytes) -> None:
        assert self._transport is not None
        self._index = index
        self._parts = []
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        if not self._parts and self._index >= 0:
            self._generator.first_ns[self._index] = now_ns()
        self._parts.append(body)

    def on_message_complete(self) -> None:
        index, self._index = self._index, -1
        if index < 0 or self._parser.get_status_code() < 200:
            self._index = index
            return
        self._generator.answered(index, self._parser.get_status_code(), b"".join(self._parts), self)
        if not self._parser.should_keep_alive():
            self.close()


class Generator:
    """All requests of a run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._instants: list[int] = np.load(settings.instants).tolist()
        count = len(self._instants)
        # Plain lists: an element of an array takes ten times as long to set.
        self.first_ns = [0] * count
        self._sent_ns = [0] * count
        self._done_ns = [0] * count
        self._failures = [OK] * count
        self._local_ports = [0] * count
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[int] = deque()
        self._left = count
        self._tasks = Tasks(lambda name, error: None)
        self._done = asyncio.Event()
        self._start_ns = 0
        self._next = 0
        self._body = Path(settings.body).read_bytes() if settings.body else None
        self._answer = Path(settings.answer).read_bytes() if settings.answer else None
        head = [f"POST {settings.path} HTTP/1.1", f"host: 127.0.0.1:{settings.port}", "content-type: application/json"]
        head += [f"{name}: {value}" for name, value in settings.headers.items()]
        self._head = "\r\n".join(head).encode() + b"\r\ncontent-length: %d\r\n\r\n"

    async def run(self) -> None:
        """Opens the connections, says when it starts, sends everything, waits for the answers."""
        for _ in range(self.settings.connections):
            await self._connect()
        loop = asyncio.get_running_loop()
        gc.collect()
        gc.disable()
        self._start_ns = now_ns() + int(START_IN_S * 1e9)
        print(json.dumps({"start_ns": self._start_ns}), flush=True)
        loop.call_at(self._start_ns / 1e9, self._tick)
        last_s = (self._instants[-1] if self._instants else 0) / 1e9
        try:
            async with asyncio.timeout(START_IN_S + last_s + self.settings.grace_s):
                await self._done.wait()
        except TimeoutError:
            for index, done_ns in enumerate(self._done_ns):
                if done_ns == 0 and self._failures[index] == OK:
                    self._failures[index] = UNFINISHED
        np.save(self.settings.result, self._records())
        await self._tasks.close()
        while self._open:
            for connection in list(self._open):
                connection.close()
            await asyncio.sleep(0)

    def _records(self) -> Records:
        records = np.zeros(len(self._instants), RECORD)
        records["scheduled_ns"] = np.array(self._instants, np.int64) + self._start_ns
        records["sent_ns"], records["first_ns"], records["done_ns"] = self._sent_ns, self.first_ns, self._done_ns
        records["failure"], records["local_port"] = self._failures, self._local_ports
        return records

    def _tick(self) -> None:
        """Sends all that is due, and comes back for the next."""
        now = now_ns()
        while self._next < len(self._instants):
            due = self._start_ns + self._instants[self._next]
            if due > now:
                asyncio.get_running_loop().call_at(due / 1e9, self._tick)
                return
            self._send(self._next)
            self._next += 1

    def _send(self, index: int) -> None:
        while self._idle:
            connection = self._idle.popleft()
            if connection.is_open():
                self._send_on(connection, index)
                return
        self._waiting.append(index)
        self._open_another()

    def _open_another(self) -> None:
        if len(self._open) + self._opening < self.settings.most_connections:
            self._opening += 1
            self._tasks.start("connect", self._open_one())

    def _send_on(self, connection: Connection, index: int) -> None:
        self._local_ports[index] = connection.local_port
        body = self._body if self._body is not None else request_body(index)
        self._sent_ns[index] = now_ns()
        connection.send(index, self._head % len(body) + body)

    async def _open_one(self) -> None:
        try:
            await self._connect()
        except OSError:  # a TimeoutError is one
            if self._waiting:
                self.fail(self._waiting.popleft(), CONNECT)
        finally:
            self._opening -= 1

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _, made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.settings.port)
        self._open.add(made)
        self._free(made)

    def _free(self, connection: Connection) -> None:
        if self._waiting and connection.is_open():
            self._send_on(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)

    def answered(self, index: int, status: int, body: bytes, connection: Connection) -> None:
        """An answer is complete."""
        self._done_ns[index] = now_ns()
        if status != 200:
            self._failures[index] = STATUS
        elif not self._is_expected(index, body):
            self._failures[index] = BODY
        self._count_down()
        self._free(connection)

    def _is_expected(self, index: int, body: bytes) -> bool:
        if self._body is None:
            return body == answer_body(index)
        return self._answer is None or body == self._answer

    def fail(self, index: int, failure: int) -> None:
        """A request got no answer."""
        self._failures[index] = failure
        self._count_down()

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if self._waiting and not self._done.is_set():
            self._open_another()

    def _count_down(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._done.set()


def main() -> None:
    parser = argparse.ArgumentParser(description="Open-loop load with a schedule fixed beforehand.")
    parser.add_argument("settings", type=Path)
    settings = msgspec.json.decode(parser.parse_args().settings.read_bytes(), type=Settings)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(_run(settings))


async def _run(settings: Settings) -> None:
    await Generator(settings).run()


if __name__ == "__main__":
    main()
