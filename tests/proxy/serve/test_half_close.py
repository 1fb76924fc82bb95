"""A client that shuts down its writing side is answered; one that is gone is not waited for."""

import asyncio
import contextlib
import socket
import struct

import pytest

from tests.proxy.harness import Received, answering, bench, chat, ok, raw_upstream

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
ABORTED = 'shadowbench_primary_legs_total{outcome="client_abort"}'


async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.5)  # longer than it takes to look whether the client is still there
    writer.write(ok(request.line.split()[1]))


async def test_a_whole_request_is_answered_after_the_client_has_said_that_it_was_all() -> None:
    async with bench(slowly) as b:
        client = await b.client()
        client.send(GET % 1)
        client.writer.write_eof()
        assert await client.rest() == ok(b"/1")


async def test_all_requests_of_a_pipeline_are_answered_then() -> None:
    async with bench(slowly) as b:
        client = await b.client()
        client.send(b"".join(GET % n for n in range(3)))
        client.writer.write_eof()
        assert await client.rest() == ok(b"/0") + ok(b"/1") + ok(b"/2")


async def test_a_stream_goes_on_then() -> None:
    async def stream(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            writer.write(b"1\r\na\r\n")
            await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")

    async with bench(stream) as b:
        client = await b.client()
        client.send(GET % 1)
        await client.reader.readuntil(b"a\r\n")
        client.writer.write_eof()
        assert (await client.rest()).endswith(b"1\r\na\r\n0\r\n\r\n")


async def test_our_own_answers_and_interim_ones_are_whole_then() -> None:
    async def hints_and_breaks(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.close()

    async with bench(hints_and_breaks) as b:
        client = await b.client()
        client.send(GET % 1)
        client.writer.write_eof()
        got = await client.rest()
        assert got.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n")


@pytest.mark.parametrize("part", [b"GET / HT", GET[:-2] % 1, chat(b"{}")[:-1], GET % 1 + b"GET /2"])
async def test_half_a_request_is_never_sent_as_a_whole_one(part: bytes) -> None:
    async with bench(slowly) as b:
        client = await b.client()
        client.send(part)
        client.writer.write_eof()
        assert await client.rest() == b""
        await b.figured("shadowbench_primary_requests_open", 0)
        assert [request.body for request in b.primary.requests] in ([], [b""])


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_client_that_closes_while_it_waits_ends_the_primary_leg(is_reset: bool) -> None:
    """A FIN says the same in both cases; what is sent to a closed connection comes back as a reset."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]}")
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with raw_upstream(serve) as primary, bench(answering(b""), primary=primary) as b:
        raw = socket.create_connection(("127.0.0.1", b.port))
        raw.sendall(chat(b'{"model":"m","messages":[]}'))
        await asyncio.wait_for(asked.wait(), 5)
        if is_reset:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        await asyncio.wait_for(gone.wait(), 5)
        await b.figured(ABORTED, 1)
        await b.figured("shadowbench_client_connections_open", 0)
