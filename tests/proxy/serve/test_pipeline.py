"""Requests that come before the answers to those before them: answered in order, whatever they are."""

import asyncio
import json

import pytest

from tests.proxy.harness import Client, Received, bench, ok

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
TIMEOUT = {"head": "200ms", "body": "200ms", "idle": "5s"}


async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.05)
    writer.write(ok(request.line.split()[1]))


async def codes(client: Client) -> list[str]:
    """Bodies of answers, or codes of errors, until the connection ends."""
    found: list[str] = []
    while True:
        try:
            head, body = await client.response()
        except asyncio.IncompleteReadError as ended:
            return found if not ended.partial else [*found, repr(ended.partial)]
        found.append(body.decode() if head.startswith(b"HTTP/1.1 200") else json.loads(body)["error"]["code"])


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"GARBAGE\r\n\r\n", "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", "bad_request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad_request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n", "body_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 2000), "head_too_large"),
        (b"GET / HT", "request_timeout"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na", "request_timeout"),
    ],
)
async def test_an_error_in_the_middle_of_a_pipeline_comes_behind_the_answers_before_it(bad: bytes, code: str) -> None:
    """And nothing behind it is read: who knows where it begins."""
    limits = {"header": "1KiB", "request_body": "2KiB"}
    async with bench(slowly, limits=limits, listen={"workers": 1, "timeout": TIMEOUT}) as b:
        client = await b.client()
        behind = b"" if code == "request_timeout" else GET % 9
        client.send(GET % 1 + GET % 2 + bad + behind)
        assert await codes(client) == ["/1", "/2", code]
        assert [r.line.split()[1] for r in b.primary.requests if r.line.startswith(b"GET")] == [b"/1", b"/2"]


async def test_nothing_behind_connection_close_is_answered() -> None:
    async with bench(slowly) as b:
        client = await b.client()
        client.send(GET % 1 + b"GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET % 3)
        assert await codes(client) == ["/1", "/2"]
        assert len(b.primary.requests) == 2


async def test_a_refused_request_under_way_gets_its_refusal_and_the_primary_no_end_of_it() -> None:
    async with bench(slowly, limits={"request_body": "2KiB"}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.05)
        client.send(b"900\r\n%b\r\n" % (b"a" * 0x900))
        assert await codes(client) == ["body_too_large"]
        assert b.primary.requests == []


async def test_a_refusal_reaches_a_client_that_goes_on_sending() -> None:
    """A connection closed at once would be reset by what still comes, and the answer lost with it."""
    async with bench(slowly, limits={"request_body": "2KiB"}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        for _ in range(50):
            client.send(b"a" * 2**16)
            await asyncio.sleep(0.002)
        assert await codes(client) == ["body_too_large"]


async def test_a_long_pipeline_is_read_as_far_as_it_is_answered() -> None:
    """Ten thousand requests in one write: a few are taken apart ahead of their turn, the others stay bytes."""
    waiting: list[int] = []

    async def quickly(request: Received, writer: asyncio.StreamWriter) -> None:
        assert b.worker is not None
        waiting.extend(len(connection._waiting) for connection in b.worker._clients)
        writer.write(ok(request.line.split()[1]))

    async with bench(quickly) as b:
        client = await b.client()
        client.send(b"".join(GET % n for n in range(10_000)))
        answers = b"".join(ok(b"/%d" % n) for n in range(10_000))
        async with asyncio.timeout(60):
            assert await client.reader.readexactly(len(answers)) == answers
        assert max(waiting) < 1000


async def test_a_long_pipeline_leaves_others_their_turn() -> None:
    async with bench(slowly) as b:
        first, second = await b.client(), await b.client()
        first.send(b"".join(GET % n for n in range(200)))
        second.send(GET % 7)
        assert (await second.response())[1] == b"/7"
        assert len(b.primary.requests) < 20
