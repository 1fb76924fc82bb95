"""Clients lie and push: nothing ambiguous reaches the primary, and nobody gets another's bytes."""

import asyncio
import contextlib

from tests.faults.mutation import Mutation, protected_by
from tests.faults.watching import GET, Watched, connected, refused, reset, until, watched
from tests.proxy.harness import Received, answering, bench, ok

CONNECTION = "proxy/serve/connection.py"
SOCKET = "proxy/serve/client_socket.py"
READER = "proxy/serve/reader.py"
REQUEST = "proxy/serve/request.py"
UPLOAD = "proxy/serve/upload.py"
HEADS = "proxy/wire/heads.py"
FORWARDING = "proxy/wire/forwarding.py"
TRAILERS = "proxy/wire/trailers.py"


@protected_by(
    Mutation(
        READER, "            if self._head_bytes > self._max_header_bytes:", "            if self._head_bytes < 0:"
    ),
)
async def test_a_head_without_end_is_refused() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2**20)
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        assert b.figure(refused("head_too_large")) == 1


@protected_by(Mutation(READER, "            if surplus > self._max_header_bytes:", "            if surplus < 0:"))
async def test_chunk_extensions_and_trailers_without_end_are_refused() -> None:
    for endless in (b"1;" + b"x" * 2**20, b"0\r\n" + b"T: 1\r\n" * 2**17, b"0\r\nT: " + b"v" * 2**20):
        primary = Watched()
        async with watched(primary) as b:
            client = await b.client()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + endless)
            assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


@protected_by(
    Mutation(
        READER,
        "        if self._body_left < 0:\n            self._refuse_body()\n",
        "        if self._body_left < -(2**40):\n            pass\n",
    )
)
async def test_a_body_larger_than_allowed_is_refused_and_never_ends_at_the_primary() -> None:
    primary = Watched()
    async with watched(primary, limits={"request_body": "2KiB"}) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await until(primary.head)
        client.send(b"900\r\n%b\r\n0\r\n\r\n" % (b"a" * 0x900))
        assert (await client.rest()).startswith(b"HTTP/1.1 413 ")
        await until(primary.gone)
        assert not primary.seen.endswith(b"0\r\n\r\n")
        assert b.figure(refused("body_too_large")) == 1


@protected_by(Mutation(SOCKET, "        self._lingering = True\n", "        transport.close()\n        return\n"))
async def test_a_refusal_reaches_a_client_that_goes_on_sending() -> None:
    async with bench(answering(ok(b"{}")), limits={"request_body": "2KiB"}) as b:
        raw = await connected(b, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        loop = asyncio.get_running_loop()
        try:
            for _ in range(20):
                await loop.sock_sendall(raw, b"a" * 2**14)
                await asyncio.sleep(0.005)
            answer = await loop.sock_recv(raw, 2**16)
        except ConnectionError:
            answer = b"reset"  # some systems throw away then what had arrived
        raw.close()
        assert answer.startswith(b"HTTP/1.1 413 ")


@protected_by(
    Mutation(
        REQUEST, "                if self.chunked or not is_chunked(value, self.version):", "                if False:"
    ),
)
async def test_a_transfer_coding_that_two_readers_may_take_differently_never_reaches_the_primary() -> None:
    """An HTTP/1.0 reader knows no chunks, and another one undoes the gzip."""
    for line, version in ((b"gzip, chunked", b"1.1"), (b"chunked", b"1.0")):
        async with bench(answering(ok(b"{}"))) as b:
            client = await b.client()
            head = b"POST / HTTP/%b\r\nHost: x\r\nTransfer-Encoding: %b\r\n\r\n" % (version, line)
            client.send(head + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
            assert b.primary.requests == []
            assert b.figure(refused("bad_request")) == 1


@protected_by(
    Mutation(REQUEST, '        elif hosts > 1 or (hosts == 0 and self.version != "1.0"):', "        elif False:")
)
async def test_a_request_with_two_hosts_or_none_never_reaches_the_primary() -> None:
    for hosts in (b"", b"Host: a\r\nHost: b\r\n"):
        async with bench(answering(ok(b"{}"))) as b:
            client = await b.client()
            client.send(b"GET / HTTP/1.1\r\n%b\r\n" % hosts)
            assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
            assert b.primary.requests == []


@protected_by(Mutation(HEADS, "    return frozenset(named - _NOT_BY_CONNECTION)", "    return frozenset(named)"))
async def test_connection_cannot_strip_what_says_who_asks() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Real-IP: 203.0.113.9\r\nX-Forwarded-Host: shop\r\nAuthorization: a\r\n"
            b"Connection: X-Real-IP, X-Forwarded-Host, Authorization\r\n\r\n"
        )
        await client.response()
        request = b.primary.requests[0]
        names = (b"x-real-ip", b"x-forwarded-host", b"authorization")
        assert [request.header(name) for name in names] == [b"203.0.113.9", b"shop", b"a"]


@protected_by(Mutation(FORWARDING, "                    left_out = _UNTRUSTED", "                    pass"))
async def test_a_client_that_is_not_believed_cannot_say_where_it_comes_from() -> None:
    async with bench(answering(ok(b"{}")), listen={"forwarded": "replace"}) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\r\n")
        await client.response()
        assert b"10.0.0.1" not in b.primary.requests[0].head


@protected_by(Mutation(TRAILERS, "trailers if low not in skip]", "trailers]"))
async def test_a_trailer_never_says_who_asks() -> None:
    primary = Watched()
    async with watched(primary) as b:
        client = await b.client()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await until(primary.head)
        client.send(b"0\r\nAuthorization: Bearer stolen\r\nX-Sum: 1\r\n\r\n")
        async with asyncio.timeout(3):
            while not primary.seen.endswith(b"0\r\nX-Sum: 1\r\n\r\n"):
                await asyncio.sleep(0.01)
        assert b"stolen" not in primary.seen


@protected_by(
    Mutation(
        CONNECTION, "            self._last_answer = answer\n            return\n", "            self._drop_all()\n"
    )
)
async def test_an_error_in_a_pipeline_is_nobody_elses_answer() -> None:
    async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(ok(request.line.split()[1]))

    async with bench(slowly) as b:
        client = await b.client()
        client.send(GET % 1 + GET % 2 + b"GARBAGE\r\n\r\n" + GET % 3)
        got = await client.rest()
        assert got.startswith(ok(b"/1") + ok(b"/2") + b"HTTP/1.1 400 ")
        assert len(b.primary.requests) == 2


@protected_by(
    Mutation(
        CONNECTION, "        return not (self._waiting or self._closing or", "        return not (self._closing or"
    ),
    Mutation(READER, "        if len(data) <= _SLICE_BYTES and not self._unread:\n", "        if True:\n"),
)
async def test_a_pipeline_without_end_is_read_no_further_than_it_is_answered() -> None:
    primary = Watched()
    async with watched(primary) as b:
        raw = await connected(b, b"")
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(loop.sock_sendall(raw, b"".join(GET % n for n in range(300_000))), 0.5)
        assert b.worker is not None
        (connection,) = b.worker._clients
        assert 0 < len(connection._waiting) < 1000
        reset(raw)


@protected_by(
    Mutation(UPLOAD, "            body[-1] += data\n", "            body.append(data)\n"),
)
async def test_a_body_in_countless_pieces_is_kept_in_few() -> None:
    primary = Watched()
    async with watched(primary, control={"sample": "100%"}) as b:
        client = await b.client()
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
        for _ in range(300):
            client.send(b"ab")
            await asyncio.sleep(0.001)
        assert b.worker is not None
        (connection,) = b.worker._clients
        relay = connection._current
        assert relay is not None
        assert relay.body is not None
        assert len(relay.body) <= 2
        client.close()
