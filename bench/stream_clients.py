"""Many clients that read stamped event streams, a program of its own: `python -m bench.stream_clients`.

Says one line of JSON when every stream has begun and another when all have ended; the times of all events go to a file.
"""

import argparse
import asyncio
import gc
import json
import time
from array import array
from pathlib import Path
from typing import cast

import numpy as np
import uvloop

from bench.event_stream import STAMP
from runtime.tasks import Tasks

_HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer client-key\r\ncontent-length: %d\r\n\r\n%s"
)
_DONE = b"data: [DONE]\n\n"
_AT_ONCE = 20
"""Connections opened in one go."""


class Clients:
    """All streams."""

    def __init__(self, streams: int, words: int) -> None:
        self.words = words
        """Stamped events of a whole stream."""
        self.read_ns = array("q")
        self.written_ns = array("q")
        self.complete = 0
        self.failed = 0
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self._streams = streams
        self._begun = 0

    def began(self) -> None:
        """A stream sent its first event."""
        self._begun += 1
        if self._begun == self._streams:
            self.begun.set()

    def end(self, words: int) -> None:
        """A stream is over."""
        if words == self.words:
            self.complete += 1
        else:
            self.failed += 1
        if self.complete + self.failed == self._streams:
            self.begun.set()
            self.ended.set()


class Stream(asyncio.Protocol):
    """One client with one stream."""

    def __init__(self, clients: Clients, request: bytes) -> None:
        self._clients = clients
        self._request = request
        self._rest = b""
        self._words = 0
        self._over = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        data = self._rest + data
        whole = data.rfind(b"\n\n") + 2
        self._rest = data[max(whole, 0) :] if whole > 1 else data
        if whole <= 1:
            return
        for stamp in STAMP.findall(data, 0, whole):
            if self._words == 0:
                self._clients.began()
            self._words += 1
            self._clients.read_ns.append(now_ns)
            self._clients.written_ns.append(int(stamp))
        if data.find(_DONE, 0, whole) >= 0 and self._transport is not None:
            self._end()
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over:
            self._words = -1
            self._end()

    def _end(self) -> None:
        self._over = True
        self._clients.end(self._words)


async def _run(port: int, streams: int, words: int, per_s: float, request: bytes, result: Path) -> None:
    clients = Clients(streams, words)
    loop = asyncio.get_running_loop()
    tasks = Tasks(lambda name, error: clients.end(-1))
    gc.disable()
    started = time.monotonic()
    for index in range(streams):
        tasks.start("connect", loop.create_connection(lambda: Stream(clients, request), "127.0.0.1", port))
        if index % _AT_ONCE == 0:
            await asyncio.sleep(max(0.0, started + index / per_s - time.monotonic()))
    await clients.begun.wait()
    print(json.dumps({"begun_ns": time.monotonic_ns(), "failed": clients.failed}), flush=True)
    await clients.ended.wait()
    np.save(result, np.array([clients.read_ns, clients.written_ns], np.int64))
    print(json.dumps({"complete": clients.complete, "failed": clients.failed}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Clients that read many stamped event streams.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--words", type=int, required=True, help="stamped events that a whole stream has")
    parser.add_argument("--per-s", type=float, required=True, help="streams opened per second")
    parser.add_argument("--request", type=Path, required=True, help="file of the request's body")
    parser.add_argument("--result", type=Path, required=True, help="file (.npy) of read and written instants to write")
    options = parser.parse_args()
    body = options.request.read_bytes()
    request = _HEAD % (len(body), body)
    uvloop.run(_run(options.port, options.streams, options.words, options.per_s, request, options.result))


if __name__ == "__main__":
    main()
