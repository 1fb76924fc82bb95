"""WebSockets pass through: agreed on between client and primary, unread, uncopied, bounded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from proxy.serve.tunnel import IDLE_NS
from tests.proxy.harness import Bench, Client, answering, bench, ok, raw_upstream

ASKS = (
    b"GET /v1/realtime?model=x HTTP/1.1\r\nHost: client.example\r\nConnection: keep-alive, Upgrade\r\n"
    b"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
AGREES = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
OPEN = "shadowbench_tunnels_open"
MEBIBYTE = 2**20
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tunnel(then: Serve, answer: bytes = AGREES) -> AsyncIterator[tuple[Bench, Client, list[bytes]]]:
    """A client that has asked for a WebSocket; `then` is what the primary does after its answer."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await then(reader, writer)

    async with raw_upstream(serve) as primary, bench(answering(b""), {"new": answering(b"")}, primary=primary) as b:
        client = await b.client()
        client.send(ASKS)
        yield b, client, heads


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
        await writer.drain()


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def agreed(client: Client) -> bytes:
    return await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 5)


async def test_a_websocket_is_agreed_on_with_the_primary_and_bytes_flow_both_ways() -> None:
    async with tunnel(echo) as (_, client, heads):
        head = await agreed(client)
        assert sorted(head.split(b"\r\n")) == sorted(AGREES.split(b"\r\n"))
        for data in (b"\x81\x05hello", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 4096):
            client.send(data)
            assert await asyncio.wait_for(client.reader.readexactly(len(data)), 5) == data
        lines = heads[0].lower().split(b"\r\n")
        assert lines[0] == b"get /v1/realtime?model=x http/1.1"
        assert lines.count(b"upgrade: websocket") == lines.count(b"connection: upgrade") == 1
        assert b"sec-websocket-key: dghlihnhbxbszsbub25jzq==" in lines


async def test_a_websocket_is_counted_and_never_copied() -> None:
    async with tunnel(echo) as (b, client, _):
        await agreed(client)
        assert b.figure(OPEN) == 1
        assert b.figure("shadowbench_primary_requests_open") == 0
        client.send(b"hello")
        await client.reader.readexactly(5)
        assert b.figure('shadowbench_tunnel_bytes_total{direction="to_primary"}') == 5
        assert b.figure('shadowbench_tunnel_bytes_total{direction="to_client"}') == 5
        client.close()
        await b.figured(OPEN, 0)
        await b.figured("shadowbench_client_connections_open", 0)
        assert await b.counted("new", "no_match") == {"received": 1, "no_match": 1}
        assert b.candidates["new"].requests == []


async def test_what_comes_together_with_the_handshakes_is_not_lost() -> None:
    async with raw_upstream(with_greeting) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(ASKS + b"early")
        await agreed(client)
        assert await asyncio.wait_for(client.reader.readexactly(10), 5) == b"helloearly"
        assert b.figure('shadowbench_tunnel_bytes_total{direction="to_client"}') == 10


async def with_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(AGREES + b"hello")
    await echo(reader, writer)


async def test_a_primary_that_answers_in_http_is_passed_on_and_the_connection_goes_on_in_http() -> None:
    async with bench(answering(ok(b"no"))) as b:
        client = await b.client()
        client.send(ASKS + b"POST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert (await client.response())[1] == b"no"
        assert (await client.response())[1] == b"no"
        client.send(ASKS)
        assert (await client.response())[1] == b"no"
        assert [request.body for request in b.primary.requests] == [b"", b"ab", b""]
        assert b.figure(OPEN) == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nab",
    ],
)
async def test_a_primary_that_agrees_to_something_else_gets_no_bytes_of_the_client(answer: bytes) -> None:
    async with tunnel(nothing, answer) as (b, client, _):
        head, _ = await client.response()
        assert head.startswith(b"HTTP/1.1 502")
        assert b.figure(OPEN) == 0


@pytest.mark.parametrize("asks", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ASKS.replace(b"keep-alive, Upgrade", b"close")])
async def test_a_switch_that_nobody_asked_for_gives_502(asks: bytes) -> None:
    async with bench(answering(AGREES)) as b:
        client = await b.client()
        client.send(asks)
        assert (await client.response())[0].startswith(b"HTTP/1.1 502")
        assert b.primary.requests[0].header(b"upgrade") is None


async def test_a_websocket_with_a_body_is_no_websocket() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(ASKS.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + b"abc")
        await client.response()
        assert b.primary.requests[0].header(b"upgrade") is None
        assert b.primary.requests[0].body == b"abc"


async def test_a_websocket_behind_other_requests_waits_its_turn() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Upgrade" not in head:
            await asyncio.sleep(0.02)
            writer.write(ok(b"first"))
            head = await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREES)
        await echo(reader, writer)

    async with raw_upstream(serve) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + ASKS + b"then")
        assert (await client.response())[1] == b"first"
        await agreed(client)
        assert await asyncio.wait_for(client.reader.readexactly(4), 5) == b"then"


async def test_each_side_may_stop_speaking_and_still_listen() -> None:
    async def after_the_last_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()
        writer.write(said + b" heard")
        writer.write_eof()

    async with tunnel(after_the_last_word) as (b, client, _):
        await agreed(client)
        client.send(b"all")
        client.writer.write_eof()
        assert await client.rest() == b"all heard"
        await b.figured(OPEN, 0)

    heard: list[bytes] = []

    async def first_to_stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        heard.append(await reader.read())

    async with tunnel(first_to_stop) as (b, client, _):
        await agreed(client)
        assert await client.rest() == b"bye"
        client.send(b"still here")
        client.writer.write_eof()
        await b.figured(OPEN, 0)
        assert heard == [b"still here"]


async def test_when_one_side_is_gone_so_is_the_other() -> None:
    gone = asyncio.Event()

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with tunnel(until_gone) as (_, client, _):
        await agreed(client)
        client.close()
        await asyncio.wait_for(gone.wait(), 5)

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with tunnel(leave) as (_, client, _):
        await agreed(client)
        assert await client.rest() == b""


async def flood(writer: asyncio.StreamWriter, sent: list[int]) -> None:
    with contextlib.suppress(ConnectionError):
        for _ in range(64):
            writer.write(b"x" * MEBIBYTE)
            await writer.drain()
            sent.append(MEBIBYTE)


async def steady(sent: list[int]) -> int:
    """How much was sent when nothing more is taken."""
    before = -1
    while before != len(sent):
        before = len(sent)
        await asyncio.sleep(0.15)
    return sum(sent)


async def test_who_reads_slowly_slows_the_other_down_in_both_directions() -> None:
    """What is under way is bounded by the buffers of the systems and of the tunnel, and all of it arrives."""
    down: list[int] = []

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await flood(writer, down)
        writer.close()

    async with tunnel(floods) as (_, client, _):
        await agreed(client)
        assert await steady(down) < 32 * MEBIBYTE
        got = 0
        while data := await asyncio.wait_for(client.reader.read(MEBIBYTE), 5):
            got += len(data)
        assert got == sum(down) == 64 * MEBIBYTE

    up: list[int] = []
    taken: list[int] = []
    reads = asyncio.Event()

    async def reads_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reads.wait()
        while data := await reader.read(MEBIBYTE):
            taken.append(len(data))

    async with tunnel(reads_late) as (b, client, _):
        await agreed(client)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood(client.writer, up))
            assert await steady(up) < 32 * MEBIBYTE
            reads.set()
        client.writer.write_eof()
        await b.figured(OPEN, 0)
        assert sum(taken) == sum(up) == 64 * MEBIBYTE


async def test_a_tunnel_that_has_been_silent_for_too_long_is_cut() -> None:
    async with tunnel(nothing) as (b, client, _):
        await agreed(client)
        assert b.worker is not None
        deadlines = b.worker._deadlines
        watched: list[Any] = [one for bucket in deadlines._buckets.values() for one in bucket]
        (only,) = [one for one in watched if hasattr(one, "to_primary")]
        deadlines.sweep(only.deadline_ns - IDLE_NS)
        assert b.figure(OPEN) == 1
        deadlines.sweep(only.deadline_ns + IDLE_NS)
        assert await client.rest() == b""
        await b.figured(OPEN, 0)
