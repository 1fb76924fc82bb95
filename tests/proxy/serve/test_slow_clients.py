"""A client that reads or writes at another pace than the primary: the faster side waits, and memory stays small."""

import asyncio
import socket
import tracemalloc

from proxy.serve.connection import READ_AHEAD_BYTES
from tests.proxy.harness import LegEnd, Received, answering, bench, chat, ok, raw_upstream

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
SIZE = 48 * 2**20
BUFFERS = 16 * 2**20
"""More than the systems of both ends keep on loopback."""


async def steady(sent: list[int]) -> int:
    """How much was sent when nothing more is taken."""
    before = -1
    while before != len(sent):
        before = len(sent)
        await asyncio.sleep(0.2)
    return sum(sent)


async def test_a_client_with_a_small_window_holds_the_primary_and_the_time_is_recorded() -> None:
    sent: list[int] = []

    async def flood(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // 2**18):
            writer.write(b"x" * 2**18)
            await writer.drain()
            sent.append(2**18)

    async with bench(flood, {"new": answering(ok(b"{}"))}) as b:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", b.port))
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, chat(BODY))
        tracemalloc.start()
        held = await steady(sent)
        memory, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < BUFFERS
        assert memory < 8 * READ_AHEAD_BYTES
        got = 0
        while got < SIZE:
            data = await asyncio.wait_for(loop.sock_recv(raw, 2**18), 5)
            assert data
            got += len(data)
        raw.close()
        frames = await b.recorded(2)
        (primary,) = [f for f in frames if isinstance(f, LegEnd) and f.arm == 0]
        assert primary.held_ns > 200_000_000
        assert primary.outcome == "ok"


async def test_a_client_that_sends_faster_than_the_primary_reads_is_made_to_wait() -> None:
    reads = asyncio.Event()

    async def reads_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reads.wait()
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(SIZE)
        writer.write(ok(b"{}"))

    sent: list[int] = []
    async with raw_upstream(reads_late) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE)

        async def upload() -> None:
            for _ in range(SIZE // 2**18):
                client.send(b"x" * 2**18)
                await client.writer.drain()
                sent.append(2**18)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(upload())
            assert await steady(sent) < BUFFERS
            reads.set()
        assert (await client.response())[1] == b"{}"


async def test_a_body_waits_at_the_client_while_the_primary_is_being_connected_to() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    taken = [socket.create_connection(listener.getsockname()) for _ in range(1)]
    port = listener.getsockname()[1]
    sent: list[int] = []
    settings = {"url": f"http://127.0.0.1:{port}", "timeout": {"connect": "1s"}}
    async with bench(answering(b""), primary=settings) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE)

        async def upload() -> None:
            for _ in range(SIZE // 2**18):
                client.send(b"x" * 2**18)
                await client.writer.drain()
                sent.append(2**18)

        task = asyncio.get_running_loop().create_task(upload())
        assert await steady(sent) < BUFFERS
        assert (await client.response())[0].startswith((b"HTTP/1.1 504", b"HTTP/1.1 502"))
        task.cancel()
    for connection in (*taken, listener):
        connection.close()
