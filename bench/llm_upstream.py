"""An upstream that answers with recorded latencies, or misbehaves in one way: `python -m bench.llm_upstream`."""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from bench.event_stream import chunk
from bench.llm import Plan, answer_body, answer_parts, is_stream, number_of, plan_of
from bench.machine import BenchError, Pinned, free_port, get_json, wait_for_port
from bench.precise import precise_loop

MODES = ("healthy", "hangs", "errors", "drips", "floods")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_JSON_HEAD = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_OVERLOADED = b'{"error": {"message": "The engine is overloaded.", "type": "server_error"}}'
_DRIP_S = 0.02
_FLOOD_TURN = 16
"""Writes before other connections get their turn."""
_FLOOD = chunk(b"x" * 65_536)


class Counts:
    """What all connections of the upstream count."""

    def __init__(self) -> None:
        self.requests = 0
        self.unreadable = 0
        """Requests without a number: something changed them on the way."""


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, mode: str, plans: Sequence[Plan], counts: Counts) -> None:
        self._mode = mode
        self._plans = plans
        self._counts = counts
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._floods = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._floods = False
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end]
        length = _LENGTH.search(head)
        end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < end:
            return
        body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
        if head.startswith(b"GET "):
            self._write_json(json.dumps({"requests": self._counts.requests, "unreadable": self._counts.unreadable}))
            return
        self._counts.requests += 1
        number = number_of(body)
        if number is None:
            self._counts.unreadable += 1
            self._write_json("{}", b"400 Bad Request")
        else:
            self._answer(number)

    def _answer(self, number: int) -> None:
        if self._mode == "healthy":
            self._answer_as_planned(number)
        elif self._mode == "errors":
            self._fail(number)
        elif self._mode == "drips":
            self._write(_STREAM_HEAD)
            self._drip()
        elif self._mode == "floods":
            self._floods = True
            self._write(_STREAM_HEAD)
            self._flood()

    def _answer_as_planned(self, number: int) -> None:
        plan = plan_of(self._plans, number)
        if not is_stream(number):
            self._later(plan.total_s, lambda: self._write_json(answer_body(number).decode()))
            return
        parts = [chunk(part) for part in answer_parts(number)]
        parts[0] = _STREAM_HEAD + parts[0]
        parts[-1] += b"0\r\n\r\n"
        gap_s = (plan.total_s - plan.first_s) / (len(parts) - 1)
        begin_s = asyncio.get_running_loop().time() + plan.first_s
        self._later(plan.first_s, lambda: self._stream(parts, 0, begin_s, gap_s))

    def _stream(self, parts: list[bytes], index: int, begin_s: float, gap_s: float) -> None:
        self._write(parts[index])
        if index + 1 < len(parts):
            # From the beginning, so that lateness does not add up.
            after_s = begin_s + (index + 1) * gap_s - asyncio.get_running_loop().time()
            self._later(after_s, lambda: self._stream(parts, index + 1, begin_s, gap_s))

    def _fail(self, number: int) -> None:
        """An error, or the connection's end before an answer, or in the middle of one."""
        if number % 3 == 0:
            self._write_json(_OVERLOADED.decode(), b"500 Internal Server Error")
        elif self._transport is not None:
            if number % 3 == 1:
                self._write(_STREAM_HEAD + b"5\r\nhal")
            self._transport.abort()

    def _drip(self) -> None:
        self._write(chunk(b":"))
        self._later(_DRIP_S, self._drip)

    def _flood(self) -> None:
        for _ in range(_FLOOD_TURN):
            if not self._floods or self._transport is None or self._transport.is_closing():
                return
            self._write(_FLOOD)
        asyncio.get_running_loop().call_soon(self._flood)

    def pause_writing(self) -> None:
        self._floods = False

    def resume_writing(self) -> None:
        if self._mode == "floods":
            self._floods = True
            self._flood()

    def _later(self, after_s: float, call: Callable[[], None]) -> None:
        if self._transport is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, after_s), call)

    def _write_json(self, text: str, status: bytes = b"200 OK") -> None:
        self._write(_JSON_HEAD % (status, len(text)) + text.encode())

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


class LlmUpstream:
    """The program in a process of its own."""

    def __init__(
        self, name: str, directory: Path, *, core: int, mode: str, plans: Sequence[Plan], nice: int = 0
    ) -> None:
        self.port = free_port()
        path = directory / f"{name}-plans.json"
        path.write_text(json.dumps([asdict(plan) for plan in plans]))
        arguments = [sys.executable, "-m", "bench.llm_upstream", "--port", str(self.port)]
        arguments += ["--mode", mode, "--plans", str(path), "--nice", str(nice)]
        self._process = Pinned(arguments, core=core, log=directory / f"{name}.out")
        wait_for_port(self.port, alive=self._process.is_alive)

    def requests(self) -> int:
        """Requests that came in so far.

        Raises:
            BenchError: one of them had lost its number on the way.
        """
        counts = get_json(self.port, "/count")
        if counts["unreadable"]:
            raise BenchError(f"{counts['unreadable']} requests reached the upstream without their number")
        return int(counts["requests"])

    def stop(self) -> None:
        self._process.stop()


async def _serve(port: int, mode: str, plans: Sequence[Plan]) -> None:
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(mode, plans, counts), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Upstream with recorded latencies, or one that misbehaves.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--plans", type=Path, required=True)
    parser.add_argument("--nice", type=int, default=0)
    options = parser.parse_args()
    os.nice(options.nice)
    plans = [Plan(**plan) for plan in json.loads(options.plans.read_text())]
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(_serve(options.port, options.mode, plans))


if __name__ == "__main__":
    main()
