"""A worker in this process between scripted upstreams and raw clients: every byte is the test's own."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from config.load import located, validate
from config.source import Source
from proxy.shadow.capture.board import RECEIVED, board_path, read_board
from proxy.shadow.capture.frames import Admitted, Frame, LegEnd, Watermark, decode
from proxy.shadow.capture.live import live_directory
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, read_frames
from proxy.worker import Worker
from runtime.link import Start

Handler = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]
TIMEOUT_S = 5.0


class Received:
    """A request as an upstream saw it."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head = head
        self.body = body
        self.line, *lines = head.rstrip(b"\r\n").split(b"\r\n")
        self.headers = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]

    def header(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


async def read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    lowered = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lowered:
        body = b""
        while True:
            size = int((await reader.readline()).split(b";")[0], 16)
            if size == 0:
                while await reader.readline() not in {b"\r\n", b""}:
                    pass  # a trailer
                return body
            body += await reader.readexactly(size)
            await reader.readexactly(2)
    for line in lowered.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    return b""


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in (b"Content-Type: application/json", *headers))
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


def answering(response: bytes) -> Handler:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return handle


class Upstream:
    """Records every request; answers by script."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Received] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await read_body(reader, head)
                request = Received(head, body)
                self.requests.append(request)
                await self.handler(request, writer)
                if writer.is_closing():
                    break
        self._writers.discard(writer)
        writer.close()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)


class Client:
    """A raw connection to the worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self, *, head_request: bool = False) -> tuple[bytes, bytes]:
        """(head, transfer-decoded body) of the next response."""
        async with asyncio.timeout(TIMEOUT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            if head_request or b" 204 " in head[:14] or b" 304 " in head[:14] or head[9:10] == b"1":
                return head, b""
            if b"content-length:" not in lowered and b"transfer-encoding:" not in lowered:
                return head, await self.reader.read()
            return head, await read_body(self.reader, head)

    async def rest(self) -> bytes:
        """Everything until the connection ends."""
        async with asyncio.timeout(TIMEOUT_S):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read()
            return b""

    def close(self) -> None:
        self.writer.transport.abort()


class Bench:
    """Primary, candidates, and the worker between them and its clients."""

    def __init__(self, primary: Upstream, candidates: dict[str, Upstream], directory: Path) -> None:
        self.primary = primary
        self.candidates = candidates
        self.directory = directory
        self.worker: Worker | None = None
        self._clients: list[Client] = []
        self._socket = socket.socket()

    async def start(self, overrides: dict[str, Any], candidate_settings: dict[str, Any], base_path: str) -> None:
        values: dict[str, Any] = {
            "primary": {"url": self.primary.url + base_path, "name": "prod"},
            "candidates": [
                {"name": name, "url": upstream.url, "sample": "100%", **candidate_settings}
                for name, upstream in self.candidates.items()
            ],
            "listen": {"workers": 1},
            # Tests share their cores; how late the loop is tells nothing here.
            "limits": {"loop_lag": "1h"},
            "capture": {"flush": "5ms", "memory": str(self.directory)},
        }
        for key, value in overrides.items():
            values[key] = {**values[key], **value} if isinstance(values.get(key), dict) else value
        config = located(validate(Source("test", values, {})), self.directory)
        self.capture_dir = Path(config.capture.dir)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.port = self._socket.getsockname()[1]
        self.worker = Worker(Start("proxy", "proxy-0", config, 1, (self._socket.dup().detach(),)))
        await self.worker.open()

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def stop(self, drain_s: float = 0.5) -> None:
        for client in self._clients:
            client.close()
        if self.worker is not None:
            await self.worker.close(drain_s)
            await asyncio.sleep(0)  # what was cut is told that it ended
            for generation in self.worker._generations.all():
                generation.board.close()  # else only the end of the process frees its files
            self.worker = None
        for upstream in (self.primary, *self.candidates.values()):
            await upstream.stop()
        self._socket.close()

    def frames(self) -> list[Frame]:
        """Everything in the capture log, in order."""
        found: list[Frame] = []
        for path in sorted(self.capture_dir.glob(f"*{SUFFIX}")):
            data = path.read_bytes()
            unpacked = SegmentHeader.unpack(data)
            assert unpacked is not None
            found.extend(decode(payload) for _, payload in read_frames(memoryview(data), unpacked[1]))
        return [frame for frame in found if not isinstance(frame, Watermark)]

    async def recorded(self, legs: int) -> list[Frame]:
        """The log, once it holds as many leg ends."""
        async with asyncio.timeout(TIMEOUT_S):
            while sum(isinstance(f, LegEnd) for f in self.frames()) < legs:
                await asyncio.sleep(0.01)
        return self.frames()

    def figure(self, name: str) -> int:
        """A figure of the worker as it is now."""
        assert self.worker is not None
        figures = self.worker.newest.figures
        return figures.get(figures.index(name))

    async def figured(self, name: str, value: int) -> None:
        """Once the figure has this value."""
        async with asyncio.timeout(TIMEOUT_S):
            while self.figure(name) != value:
                await asyncio.sleep(0.005)

    def counts(self, candidate: str) -> dict[str, int]:
        """What the board says of a candidate, over all hours."""
        total: dict[str, int] = {}
        for path in live_directory(self.capture_dir, self.directory).glob("*.board"):
            for counts in read_board(path).hours.values():
                for (name, state), n in counts.items():
                    if name == candidate:
                        total[state] = total.get(state, 0) + n
        return total

    async def counted(self, candidate: str, state: str, at_least: int = 1) -> dict[str, int]:
        async with asyncio.timeout(TIMEOUT_S):
            while self.counts(candidate).get(state, 0) < at_least:
                await asyncio.sleep(0.005)
        return self.counts(candidate)


@contextlib.asynccontextmanager
async def bench(
    primary: Handler,
    candidates: dict[str, Handler] | None = None,
    /,
    *,
    candidate_settings: dict[str, Any] | None = None,
    base_path: str = "",
    **overrides: Any,
) -> AsyncIterator[Bench]:
    """Overrides are keys of the configuration."""
    with tempfile.TemporaryDirectory() as directory:
        made = Bench(Upstream(primary), {n: Upstream(h) for n, h in (candidates or {}).items()}, Path(directory))
        for upstream in (made.primary, *made.candidates.values()):
            await upstream.start()
        try:
            await made.start(overrides, candidate_settings or {}, base_path)
            yield made
        finally:
            await made.stop()


@contextlib.asynccontextmanager
async def raw_upstream(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[dict[str, Any]]:
    """A server that does with its connections what the test says; yields `primary` settings that lead to it."""
    writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield {"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def chat(body: bytes, *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    lines = b"".join(line + b"\r\n" for line in (b"Host: client.example", b"Content-Type: application/json", *headers))
    return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (path, lines, len(body), body)


__all__ = ["RECEIVED", "Admitted", "LegEnd", "answering", "bench", "board_path", "chat", "ok", "raw_upstream"]
