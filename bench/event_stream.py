"""An upstream that streams chat completion events as cheaply as Python can: one timer for all streams.

Streams fall into phases, so that events of different streams do not all come at the same instant. Stamped, every
event's word is the instant of its writing; otherwise all answers are the same bytes.
"""

import argparse
import asyncio
import itertools
import json
import re
import time
from typing import cast

import uvloop

EVENT_GAP_S = 0.005
_PHASES = 5
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"
_NO_STAMP = b"0" * 20
STAMP = re.compile(rb'": " (\d{20})"')
"""The word of a stamped event: monotonic nanoseconds."""


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(choices: list[dict[str, object]], **more: object) -> bytes:
    """One event of a streamed chat completion."""
    frame = {"id": "chatcmpl-benchmark", "object": "chat.completion.chunk", "created": 1700000000}
    return b"data: " + json.dumps({**frame, "model": "benchmark-model", "choices": choices, **more}).encode() + b"\n\n"


def parts_of(events: int, word: str = "word") -> list[bytes]:
    """The answer in `events` parts; the last one holds usage and end mark."""
    delta = event([{"index": 0, "delta": {"content": f" {word}"}, "logprobs": None, "finish_reason": None}])
    usage = {"prompt_tokens": 230, "completion_tokens": events - 1, "total_tokens": 229 + events}
    stop = event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    last = stop + event([], usage=usage) + b"data: [DONE]\n\n"
    return [delta] * (events - 1) + [last]


def answer_of(events: int) -> bytes:
    """The whole body."""
    return b"".join(parts_of(events))


def is_stamped_answer(body: bytes, events: int) -> bool:
    """Is it a whole stamped body of so many events, whatever the stamps?"""
    return STAMP.sub(b'": " %s"' % _NO_STAMP, body) == b"".join(parts_of(events, _NO_STAMP.decode()))


class _Server:
    """State that all connections share."""

    def __init__(self, events: int, *, gap_s: float, phases: int, stamped: bool) -> None:
        parts = parts_of(events, _NO_STAMP.decode() if stamped else "word")
        self._chunk = chunk(parts[0])
        self._last = chunk(parts[-1]) + _END
        self._before, _, self._after = self._chunk.partition(_NO_STAMP)
        self._stamped = stamped
        self._events = events
        self._gap_s = gap_s
        self._open: list[dict[asyncio.Transport, int]] = [{} for _ in range(phases)]
        self.answered = 0

    def open(self, transport: asyncio.Transport) -> None:
        """Begins an answer."""
        self._open[self.answered % len(self._open)][transport] = 0
        self.answered += 1

    def drop(self, transport: asyncio.Transport) -> None:
        """Forgets a connection that is gone."""
        for phase in self._open:
            phase.pop(transport, None)

    def tick(self, number: int) -> None:
        """Sends every stream of one phase its next chunk."""
        streams = self._open[number % len(self._open)]
        for transport, index in list(streams.items()):
            if index + 1 == self._events:
                transport.write(self._last)
                del streams[transport]
                continue
            data = self._chunk if not self._stamped else self._before + b"%020d" % time.monotonic_ns() + self._after
            transport.write(_HEAD + data if index == 0 else data)
            streams[transport] = index + 1

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in itertools.count():
            self.tick(number)
            due = max(due + self._gap_s / len(self._open), loop.time())
            await asyncio.sleep(due - loop.time())


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, not a subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._server.drop(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or self._transport is None:
            return
        head = self._buffer[:head_end]
        length = _LENGTH.search(head)
        end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < end:
            return
        self._buffer = self._buffer[end:]
        if head.startswith(b"GET /count"):
            body = b"%d" % self._server.answered
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            return
        self._server.open(self._transport)


async def _serve(port: int, server: _Server) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Connection(server), "127.0.0.1", port, backlog=4096)
    await server.run()


def main() -> None:
    parser = argparse.ArgumentParser(description="Upstream of the benchmark that streams events.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--gap-s", type=float, default=EVENT_GAP_S)
    parser.add_argument("--phases", type=int, default=_PHASES)
    parser.add_argument("--stamped", action="store_true")
    options = parser.parse_args()
    server = _Server(options.events, gap_s=options.gap_s, phases=options.phases, stamped=options.stamped)
    uvloop.run(_serve(options.port, server))


if __name__ == "__main__":
    main()
