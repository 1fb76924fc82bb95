"""Requests in all their forms: what RFC 9110 and 9112 allow arrives as it was sent, and what it asks for is done."""

import asyncio

import pytest

from tests.proxy.harness import Received, answering, bench, chat, ok, raw_upstream

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("keeps", [True, False])
async def test_an_http_1_0_client_is_kept_only_if_it_says_so(keeps: bool) -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.0\r\n%b\r\n" % (b"Connection: keep-alive\r\n" if keeps else b""))
        head, body = await client.response()
        assert body == b"{}"
        assert (b"\r\nConnection: keep-alive\r\n" in head) is keeps
        if keeps:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await client.response())[1] == b"{}"
        assert await client.rest() == b""


async def test_an_answer_to_http_1_0_whose_length_nobody_knows_ends_the_connection_whatever_it_asked_for() -> None:
    async with bench(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        got = await client.rest()
        assert got.endswith(b"\r\n\r\nab")
        assert b"\r\nConnection: close\r\n" in got


async def test_interim_answers_are_not_for_http_1_0() -> None:
    async with bench(answering(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok(b"{}"))) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_every_interim_answer_is_passed_on_with_its_headers() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    async with bench(answering(interim + ok(b"{}"))) as b:
        client = await b.client()
        client.send(GET)
        assert await client.reader.readexactly(len(interim)) == interim
        assert (await client.response())[1] == b"{}"


async def test_a_body_is_sent_only_when_the_primary_asks_for_it() -> None:
    """`Expect: 100-continue` is between client and primary; the primary's word reaches the client before the body."""

    async def continues(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nExpect: 100-continue\r\n" in head
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(ok(await reader.readexactly(3)))

    async with raw_upstream(continues) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert (await client.response())[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert (await client.response())[1] == b"abc"


@pytest.mark.parametrize("sends", [b"", b"abc"])
async def test_a_refusal_instead_of_100_reaches_the_client_and_the_connection_ends(sends: bytes) -> None:
    """Whether the body still comes is not known, so nothing else may be read from this connection."""
    refusal = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno"

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await reader.read()

    async with raw_upstream(refuses) as primary, bench(answering(b""), primary=primary) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        head, body = await client.response()
        assert (head[:12], body) == (b"HTTP/1.1 417", b"no")
        assert b"\r\nConnection: close\r\n" in head
        client.send(sends)
        assert await client.rest() == b""


async def test_a_client_that_expects_and_is_told_nothing_sends_in_the_end() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        await asyncio.sleep(0.05)
        client.send(b"abc")
        assert (await client.response())[1] == b"{}"
        assert b.primary.requests[0].body == b"abc"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    ],
)
async def test_answers_to_head_have_no_body_however_they_are_framed(head: bytes) -> None:
    async with bench(answering(head)) as b:
        client = await b.client()
        for _ in range(2):
            client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            got, _ = await client.response(head_request=True)
            assert got.splitlines()[0] == head.splitlines()[0]
            assert (b"Content-Length: 5" in got) is (b"Content-Length: 5" in head)


async def test_a_304_says_how_long_the_body_would_be_and_sends_none() -> None:
    answer = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: a\r\n\r\n"
    async with bench(answering(answer)) as b:
        client = await b.client()
        for _ in range(2):
            client.send(GET)
            assert sorted((await client.response())[0].splitlines()) == sorted(answer.splitlines())


@pytest.mark.parametrize(
    "target",
    [b"/a%2Fb%00%zz?x=%20&y;z='", b"/a//b/./../c", b"/?", b"/a?b?c", b"/\xc3\xa9", b"/~a!$&()*+,;=:@"],
)
async def test_targets_arrive_as_they_came(target: bytes) -> None:
    async with bench(answering(ok(b"{}")), base_path="/base%20path") as b:
        client = await b.client()
        client.send(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        head, _ = await client.response()
        if head.startswith(b"HTTP/1.1 200"):
            assert b.primary.requests[0].line == b"GET /base%20path" + target + b" HTTP/1.1"
        else:
            assert target == b"/\xc3\xa9"  # bytes beyond ASCII may be refused, never changed


async def test_bodies_of_all_sizes_arrive_whole_and_in_one_chunk_per_read() -> None:
    """The copies get the same bytes, however they were cut."""
    async with bench(answering(ok(b"{}")), {"new": answering(ok(b"{}"))}) as b:
        body = b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % (b"word " * 60_000)
        client = await b.client()
        client.send(chat(body))
        await client.response()
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(
            b"".join(b"1\r\n%c\r\n" % byte for byte in body[:5000]) + b"%x\r\n%b\r\n" % (len(body) - 5000, body[5000:])
        )
        await asyncio.sleep(0.05)
        client.send(b"0\r\n\r\n")
        await client.response()
        await b.recorded(4)
        assert [request.body for request in b.primary.requests] == [body, body]
        assert [request.body for request in b.candidates["new"].requests] == [body, body]


async def test_an_upload_longer_than_the_limit_for_an_answer_is_not_cut_by_it() -> None:
    """The limit begins with the request's last byte."""
    async with bench(answering(ok(b"{}")), primary={"timeout": {"first_byte": "200ms"}}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.08)
            client.send(b"a")
        assert (await client.response())[1] == b"{}"


async def test_an_answer_that_never_comes_is_missed_from_the_last_byte_of_an_upload_on() -> None:
    async def silent(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with bench(silent, primary={"timeout": {"first_byte": "200ms"}}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        for _ in range(4):
            await asyncio.sleep(0.15)
            client.send(b"a")
        assert (await client.response())[0].startswith(b"HTTP/1.1 504 ")
