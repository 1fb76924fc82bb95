"""What a client may rely on when the proxy stands between it and the primary."""

import asyncio
import json

import pytest

from tests.proxy.harness import Received, answering, bench, chat, ok

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
OURS = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
"""What is added by default; see test_forwarding."""


async def test_status_headers_and_body_reach_the_client_as_the_primary_sent_them() -> None:
    answer = (
        b"HTTP/1.1 418 I'm a teapot\r\nX-Odd-CASE: a;b , c\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Content-Length: 3\r\n\r\n\x00\xff\n"
    )
    async with bench(answering(answer)) as b:
        client = await b.client()
        client.send(chat(BODY))
        head, body = await client.response()
        assert head == answer[: answer.index(b"\r\n\r\n") + 4]
        assert body == b"\x00\xff\n"


async def test_method_path_query_headers_and_body_reach_the_primary_untouched() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(
            b"PUT /a%2Fb/../c?x=%20&y HTTP/1.1\r\nHost: shop.example\r\nX-Tenant: Acme\r\nAuthorization: Bearer s\r\n"
            b"Content-Length: 4\r\n\r\nab\r\n"
        )
        await client.response()
        (request,) = b.primary.requests
        assert request.line == b"PUT /a%2Fb/../c?x=%20&y HTTP/1.1"
        assert request.header(b"x-tenant") == b"Acme"
        assert request.header(b"authorization") == b"Bearer s"
        assert request.header(b"host") == b.primary.url.removeprefix("http://").encode()
        assert request.body == b"ab\r\n"


async def test_a_base_path_of_the_primary_comes_before_the_clients_path() -> None:
    async with bench(answering(ok(b"{}")), base_path="/base/v2/") as b:
        client = await b.client()
        client.send(b"GET /v1/models?a=b HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.response()
        assert b.primary.requests[0].line == b"GET /base/v2/v1/models?a=b HTTP/1.1"


@pytest.mark.parametrize(
    "name",
    [
        b"Connection: keep-alive, X-Hop\r\nX-Hop: 1",
        b"Keep-Alive: timeout=5",
        b"TE: trailers",
        b"Proxy-Authorization: x",
    ],
)
async def test_hop_by_hop_headers_end_at_the_proxy(name: bytes) -> None:
    async with bench(answering(ok(b"{}", b"Connection: X-Secret", b"X-Secret: 1", b"Keep-Alive: timeout=1"))) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % name)
        head, _ = await client.response()
        assert b"x-secret" not in head.lower()
        assert b"keep-alive" not in head.lower()
        sent = {key for key, _ in b.primary.requests[0].headers}
        assert sent - OURS == {b"host"}


async def test_chunked_bodies_pass_both_ways() -> None:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"abc", b"", b"defg"):
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")

    async with bench(handle) as b:
        client = await b.client()
        client.send(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n")
        await asyncio.sleep(0.02)
        client.send(b"2\r\n45\r\n0\r\n\r\n")
        _, body = await client.response()
        assert body == b"abcdefg"
        assert b.primary.requests[0].body == b"12345"


async def test_a_stream_reaches_the_client_event_by_event() -> None:
    """The second event is sent only after the client has seen the first."""
    seen = asyncio.Event()

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        await asyncio.wait_for(seen.wait(), 5)
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    async with bench(handle) as b:
        client = await b.client()
        client.send(chat(BODY))
        await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readuntil(b"data: 1\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n"
        seen.set()
        assert await client.reader.readuntil(b"0\r\n\r\n") == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"


async def test_a_body_that_ends_with_the_connection_is_whole_and_the_client_may_ask_again() -> None:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        writer.close()

    async with bench(handle) as b:
        client = await b.client()
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _, body = await client.response()
            assert body == b"to the end"
        assert b.primary.connections == 2


async def test_an_http_1_0_client_gets_the_plain_body_and_the_end_of_the_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    async with bench(answering(chunked)) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        everything = await client.rest()
        assert everything.endswith(b"\r\n\r\nabc")
        assert b"transfer-encoding" not in everything.lower()


async def test_an_answer_to_head_has_no_body_and_the_connection_goes_on() -> None:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        head_only = request.line.startswith(b"HEAD")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"" if head_only else b"hello"))

    async with bench(handle) as b:
        client = await b.client()
        client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _ = await client.response(head_request=True)
        assert b"Content-Length: 5" in head
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.response())[1] == b"hello"
        assert b.primary.connections == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body_end_with_their_head(status: bytes) -> None:
    async with bench(answering(b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status)) as b:
        client = await b.client()
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head, body = await client.response()
            assert status in head
            assert body == b""


async def test_an_interim_answer_is_passed_on_before_the_final_one() -> None:
    async with bench(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"{}"))) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab")
        assert (await client.response())[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.response())[0].startswith(b"HTTP/1.1 200 OK")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        number = request.line.split()[1]
        await asyncio.sleep(0.05 if number == b"/0" else 0)
        writer.write(ok(number))

    async with bench(handle) as b:
        client = await b.client()
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(20)))
        assert [(await client.response())[1] for _ in range(20)] == [b"/%d" % i for i in range(20)]


async def test_connections_to_the_primary_are_used_again() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        for _ in range(5):
            client.send(chat(BODY))
            await client.response()
        assert b.primary.connections == 1


async def test_an_h2c_upgrade_is_dropped_and_its_body_arrives() -> None:
    """httptools takes the upgrade for the end of HTTP and would lose the body."""
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(
            b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 3\r\n\r\nabc"
        )
        client.send(b"POST /y HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nde")
        await client.response()
        await client.response()
        first, second = b.primary.requests
        assert (first.body, second.body) == (b"abc", b"de")
        assert {key for key, _ in first.headers} - OURS == {b"host", b"content-length"}
        assert second.line == b"POST /y HTTP/1.1"


async def test_an_unreachable_primary_gives_502_in_the_providers_shape() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        await b.primary.stop()
        client = await b.client()
        client.send(chat(BODY))
        head, body = await client.response()
        assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert json.loads(body)["error"]["code"] == "upstream_unreachable"


async def test_a_primary_that_says_nothing_gives_504() -> None:
    async def silent(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)

    async with bench(silent, primary={"timeout": {"first_byte": "150ms"}}) as b:
        client = await b.client()
        client.send(chat(BODY))
        head, body = await client.response()
        assert head.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert json.loads(body)["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize("response", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Le", b"SSH-2.0-OpenSSH\r\n"])
async def test_a_primary_that_breaks_off_before_its_answer_gives_502(response: bytes) -> None:
    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        writer.close()

    async with bench(handle) as b:
        client = await b.client()
        client.send(chat(BODY))
        head, body = await client.response()
        assert head.startswith(b"HTTP/1.1 502")
        assert json.loads(body)["error"]["code"] == "upstream_broken"


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too() -> None:
    """The client must not take a part for the whole."""

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with bench(handle) as b:
        client = await b.client()
        client.send(chat(BODY))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await client.response()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET example.com HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused_and_never_forwarded(request_bytes: bytes) -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(request_bytes)
        assert (await client.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b.primary.requests == []


async def test_heads_and_bodies_beyond_the_limits_are_refused() -> None:
    async with bench(answering(ok(b"{}")), limits={"header": "1KiB", "request_body": "2KiB"}) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 2000))
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2049\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 413 ")
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n900\r\n%b" % (b"a" * 0x900))
        assert (await client.rest()).startswith(b"HTTP/1.1 413 ")


async def test_a_request_at_the_limits_passes() -> None:
    async with bench(answering(ok(b"{}")), limits={"request_body": "2KiB"}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2048\r\n\r\n" + b"a" * 2048)
        assert (await client.response())[0].startswith(b"HTTP/1.1 200 ")


async def test_a_slow_client_holds_the_primary_and_memory_stays_bounded() -> None:
    sent = 0

    async def flood(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * 2**20))
        for _ in range(64):
            writer.write(b"x" * 2**20)
            await writer.drain()
            sent += 2**20

    async with bench(flood) as b:
        client = await b.client()
        client.reader._limit = 2**16  # type: ignore[attr-defined]
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        held = sent
        assert held < 32 * 2**20
        got = 0
        while got < 64 * 2**20:
            got += len(await client.reader.read(2**20))
        assert sent == 64 * 2**20


async def test_a_client_that_leaves_ends_the_primary_leg() -> None:
    """As it would without a proxy: the primary need not go on for nobody."""
    gone = asyncio.Event()

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await writer.drain()
        while not writer.transport.is_closing():
            writer.write(b"1\r\na\r\n")
            await asyncio.sleep(0.01)
        gone.set()

    async with bench(handle) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.reader.readuntil(b"\r\n\r\n")
        client.close()
        await asyncio.wait_for(gone.wait(), 5)


async def test_draining_finishes_what_is_under_way_and_says_close() -> None:
    release = asyncio.Event()

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(ok(b'{"done":1}'))

    async with bench(handle) as b:
        busy, idle = await b.client(), await b.client()
        busy.send(chat(BODY))
        while not b.primary.requests:
            await asyncio.sleep(0.01)
        assert b.worker is not None
        closing = asyncio.get_running_loop().create_task(b.worker.close(5.0))
        assert await idle.rest() == b""
        release.set()
        head, body = await busy.response()
        assert b"Connection: close" in head
        assert body == b'{"done":1}'
        await closing
        b.worker = None


async def test_bytes_nobody_asked_for_end_the_upstream_connection() -> None:
    """A second answer behind the first would be taken for the next request's."""
    async with bench(answering(ok(b'{"n":1}') + ok(b'{"evil":1}'))) as b:
        client = await b.client()
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.response())[1] == b'{"n":1}'
        assert b.primary.connections == 3


async def test_an_early_answer_does_not_leave_half_a_request_on_a_connection() -> None:
    """The primary answers before the body is there; what is left of it must not open the next request."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(ok(b"{}"))
        await writer.drain()
        lines.append(await reader.read())
        writer.close()

    lines: list[bytes] = []
    server = await asyncio.start_server(early, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with bench(answering(ok(b"{}")), primary={"url": url}) as b:
        for _ in range(2):
            client = await b.client()
            client.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            head, _ = await client.response()
            assert head.startswith(b"HTTP/1.1 200")
            assert b"Connection: close" in head
            assert await client.rest() == b""
        assert [line for line in lines if line.startswith(b"POST")] == [b"POST /early HTTP/1.1\r\n"] * 2
    server.close()
