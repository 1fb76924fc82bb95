"""Trailers travel on as trailers, where there is a place for them, and never as anything else."""

import asyncio

import pytest

from tests.proxy.harness import answering, bench, raw_upstream

CHUNKED = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n%b\r\n3\r\nabc\r\n0\r\n%b\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%b\r\n2\r\nok\r\n0\r\n%b\r\n"


async def seen_of(request: bytes) -> bytes:
    """The bytes in which a request reaches the primary."""
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        seen.extend(await reader.readuntil(b"\r\n0\r\n"))
        seen.extend(await reader.readuntil(b"\r\n"))
        while not seen.endswith(b"\r\n\r\n"):
            seen.extend(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with raw_upstream(serve) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(request)
        assert (await client.response())[0].startswith(b"HTTP/1.1 200")
    return bytes(seen)


async def got_of(answer: bytes, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") -> bytes:
    """The bytes in which an answer reaches the client."""
    async with bench(answering(answer)) as b:
        client = await b.client()
        client.send(request)
        return await client.rest()


async def test_trailers_of_a_request_reach_the_primary_behind_the_last_chunk() -> None:
    seen = await seen_of(CHUNKED % (b"Trailer: X-Sum\r\n", b"X-Sum: 1 2\r\nx-more: \r\n"))
    assert seen.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1 2\r\nx-more: \r\n\r\n")
    assert b"\r\nTrailer: X-Sum\r\n" in seen


async def test_trailers_of_an_answer_reach_the_client_behind_the_last_chunk() -> None:
    got = await got_of(ANSWER % (b"Trailer: X-Sum\r\n", b"X-Sum: 1 2\r\nX-Sum: 3\r\n"))
    assert got.endswith(b"\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1 2\r\nX-Sum: 3\r\n\r\n")
    assert b"\r\nTrailer: X-Sum\r\n" in got


@pytest.mark.parametrize(
    "field",
    [
        b"Host: evil",
        b"Connection: close",
        b"Authorization: Bearer x",
        b"Cookie: a=b",
        b"Set-Cookie: a=b",
        b"Content-Encoding: gzip",
        b"Cache-Control: public",
        b"X-Forwarded-For: 1.2.3.4",
        b"X-Shadowbench-Sample: never",
        b"X-Hop: 1",
    ],
)
async def test_no_trailer_says_where_a_message_goes_where_it_ends_or_who_asks(field: bytes) -> None:
    head = b"Connection: X-Hop\r\n"
    seen = await seen_of(CHUNKED % (head, field + b"\r\nX-Sum: 1\r\n"))
    assert seen.endswith(b"\r\n0\r\nX-Sum: 1\r\n\r\n")
    got = await got_of(ANSWER % (head, field + b"\r\nX-Sum: 1\r\n"))
    assert got.endswith(b"\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert field not in seen + got.replace(b"Connection: close\r\n\r\n2", b"")


async def test_a_client_without_chunked_framing_gets_no_trailers() -> None:
    got = await got_of(ANSWER % (b"", b"X-Sum: 1\r\n"), b"GET / HTTP/1.0\r\n\r\n")
    assert got.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    ("headers", "travels"),
    [
        (b"TE: trailers\r\nConnection: TE\r\n", True),
        (b"TE: gzip;q=0.5, Trailers\r\nConnection: keep-alive, te\r\n", True),
        (b"TE: trailers\r\n", False),
        (b"TE: gzip\r\nConnection: TE\r\n", False),
    ],
)
async def test_a_client_that_reads_trailers_makes_us_ask_for_them(headers: bytes, travels: bool) -> None:
    """TE is between neighbours: what is asked is what we can pass on, and nothing else that the client takes."""
    seen = await seen_of(CHUNKED % (headers, b""))
    assert (b"\r\nTE: trailers\r\nConnection: TE\r\n" in seen) is travels
    assert b"gzip" not in seen
    assert seen.lower().count(b"\r\nte:") == seen.lower().count(b"\r\nconnection:") == travels


async def test_the_next_request_starts_behind_the_trailers() -> None:
    async with bench(answering(ANSWER % (b"", b"X-Sum: 1\r\n"))) as b:
        client = await b.client()
        client.send(CHUNKED % (b"", b"X-Sum: 1\r\n") + b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(await client.response())[1] for _ in range(2)] == [b"ok", b"ok"]
        assert [request.line for request in b.primary.requests] == [b"POST /x HTTP/1.1", b"GET /next HTTP/1.1"]
        assert b.primary.requests[1].header(b"x-sum") is None
        assert b.primary.connections == 1
