"""Clients leave, stall, lie and push: the primary is not kept busy for nobody, and nobody gets another's bytes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, Received, answering, bench, chat, ok, raw_upstream

CONNECTION = "proxy/serve/connection.py"
SOCKET = "proxy/serve/client_socket.py"
READER = "proxy/serve/reader.py"
RELAY = "proxy/serve/relay.py"
REQUEST = "proxy/serve/request.py"
UPLOAD = "proxy/serve/upload.py"
HEADS = "proxy/wire/heads.py"
FORWARDING = "proxy/wire/forwarding.py"
TRAILERS = "proxy/wire/trailers.py"

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
PART_OF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
CHAT = chat(b'{"model":"m","messages":[]}')
ABORTED = 'shadowbench_primary_legs_total{outcome="client_abort"}'
OPEN_CLIENTS = "shadowbench_client_connections_open"
OPEN_LEGS = "shadowbench_primary_requests_open"
HEAD_OF_STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT = {"head": "200ms", "body": "200ms", "idle": "30s"}


def refused(reason: str) -> str:
    return f'shadowbench_client_requests_refused_total{{reason="{reason}"}}'


class Watched:
    """A primary that sends `answer` and then waits until its own client is gone."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.head = asyncio.Event()
        self.gone = asyncio.Event()
        self.seen = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen = await reader.readuntil(b"\r\n\r\n")
        self.head.set()
        writer.write(self.answer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                self.seen += data
        self.gone.set()


@contextlib.asynccontextmanager
async def watched(primary: Watched, **settings: Any) -> AsyncIterator[Bench]:
    async with raw_upstream(primary.serve) as url, bench(answering(b""), primary=url, **settings) as b:
        yield b


async def connected(b: Bench, data: bytes, *, window: int | None = None) -> socket.socket:
    """A client of which the test holds the socket; it has sent `data`."""
    raw = socket.socket()
    if window is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    raw.connect(("127.0.0.1", b.port))
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(raw, data)
    return raw


def reset(raw: socket.socket) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


async def until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 3)


WITHOUT_A_WORD = Mutation(
    CONNECTION, "        self._drop_all()\n        self.take_unread()\n", "        self.take_unread()\n"
)


@protected_by(
    Mutation(CONNECTION, "            or self._begun\n", "            or False\n"),
    Mutation(CONNECTION, "        self._gone(self)\n", "        pass\n"),
)
async def test_a_client_that_leaves_in_a_head_leaves_nothing_behind() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        raw = await connected(b, GET % 1 + b"GET /2 HT")
        await asyncio.sleep(0.1)
        raw.close()
        await b.figured(OPEN_CLIENTS, 0)
        await asyncio.sleep(0)
        assert b.worker is not None
        assert not b.worker._clients
        assert [r.line for r in b.primary.requests] == [b"GET /1 HTTP/1.1"]
    primary = Watched()
    async with watched(primary) as b:
        raw = await connected(b, GET % 1 + b"GET /2 HT")
        await until(primary.head)
        raw.shutdown(socket.SHUT_WR)
        await b.figured(ABORTED, 1)
        raw.close()


@protected_by(
    Mutation(
        CONNECTION,
        "            or self._receiving is not None\n            or self._begun",
        "            or self._begun",
    ),
    WITHOUT_A_WORD,
)
async def test_a_client_that_leaves_in_a_body_takes_its_primary_leg_with_it() -> None:
    primary = Watched()
    async with watched(primary) as b:
        raw = await connected(b, PART_OF_BODY)
        await until(primary.head)
        raw.shutdown(socket.SHUT_WR)
        await b.figured(ABORTED, 1)
        await until(primary.gone)
        raw.close()
        assert primary.seen.endswith(b"\r\n\r\nabc")


@protected_by(
    Mutation(SOCKET, "if self._transport is not None and is_reset(self._transport):", "if self._transport is None:"),
    Mutation(SOCKET, "            self._transport.write(SENT_AHEAD)\n", "            pass\n"),
    Mutation(SOCKET, "        self._limit(FIRST_LOOK_NS)\n", "        pass\n"),
)
async def test_a_client_that_leaves_while_it_waits_takes_its_primary_leg_with_it() -> None:
    """It says no more than one that has finished sending, and that one is answered."""
    primary = Watched()
    async with watched(primary) as b:
        raw = await connected(b, CHAT)
        await until(primary.head)
        raw.close()
        await b.figured(ABORTED, 1)
        await until(primary.gone)


@protected_by(WITHOUT_A_WORD)
async def test_a_client_that_breaks_off_while_it_waits_takes_its_primary_leg_with_it() -> None:
    primary = Watched()
    async with watched(primary) as b:
        raw = await connected(b, CHAT)
        await until(primary.head)
        reset(raw)
        await b.figured(ABORTED, 1)
        await until(primary.gone)


@protected_by(
    Mutation(CONNECTION, "            or not can_half_close(transport)\n", "            or True\n"),
    Mutation(SOCKET, "                data = data[self._ahead :]\n", ""),
)
async def test_a_client_that_has_only_finished_sending_gets_its_whole_answer() -> None:
    async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(ok(b"{}"))

    async with bench(slowly) as b:
        client = await b.client()
        client.send(GET % 1)
        client.writer.write_eof()
        assert await client.rest() == ok(b"{}")


@protected_by(WITHOUT_A_WORD)
async def test_a_client_that_leaves_in_the_head_of_its_answer_takes_its_primary_leg_with_it() -> None:
    primary = Watched(b"HTTP/1.1 200 OK\r\nContent-Le")
    async with watched(primary) as b:
        raw = await connected(b, CHAT)
        await until(primary.head)
        reset(raw)
        await b.figured(ABORTED, 1)
        await until(primary.gone)


@protected_by(WITHOUT_A_WORD)
async def test_a_client_that_leaves_in_a_stream_takes_its_primary_leg_with_it() -> None:
    primary = Watched(HEAD_OF_STREAM + b"1\r\na\r\n")
    async with watched(primary) as b:
        client = await b.client()
        client.send(CHAT)
        await client.reader.readuntil(b"1\r\na\r\n")
        reset(client.writer.get_extra_info("socket").dup())
        client.close()
        await b.figured(ABORTED, 1)
        await until(primary.gone)


@protected_by(WITHOUT_A_WORD)
async def test_a_client_that_leaves_while_it_holds_the_answer_takes_its_primary_leg_with_it() -> None:
    async def flood(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD_OF_STREAM)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"40000\r\n%b\r\n" % (b"x" * 2**18))
                await writer.drain()
                sent.append(1)
        gone.set()

    sent: list[int] = []
    gone = asyncio.Event()
    async with bench(flood) as b:
        raw = await connected(b, CHAT, window=4096)
        before = -1
        while before != len(sent) or not sent:
            before = len(sent)
            await asyncio.sleep(0.15)
        assert b.figure(OPEN_LEGS) == 1
        reset(raw)
        await b.figured(ABORTED, 1)
        await until(gone)


@protected_by(
    Mutation(
        RELAY,
        "            self._held_since_ns = monotonic_ns()\n            self.pause_reading()\n",
        "            pass\n",
    )
)
async def test_a_client_that_does_not_read_stops_the_primary() -> None:
    sent: list[int] = []

    async def flood(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD_OF_STREAM)
        with contextlib.suppress(ConnectionError):
            for _ in range(256):
                writer.write(b"40000\r\n%b\r\n" % (b"x" * 2**18))
                await writer.drain()
                sent.append(2**18)

    async with bench(flood) as b:
        raw = await connected(b, CHAT, window=4096)
        await asyncio.sleep(1.0)
        assert 0 < sum(sent) < 32 * 2**20
        reset(raw)
        await b.figured(ABORTED, 1)


@protected_by(
    Mutation(
        CONNECTION,
        "            if not self._head_limited:\n                self._head_limited = True\n",
        "            if self._head_limited:\n",
    ),
    Mutation(CONNECTION, "                self._limit(self._context.head_timeout_ns)\n", "                pass\n"),
)
async def test_a_head_that_comes_byte_by_byte_is_given_up() -> None:
    async with bench(answering(ok(b"{}")), listen={"timeout": SHORT}) as b:
        client = await b.client()
        client.send(GET % 1)
        await client.response()
        answer = asyncio.get_running_loop().create_task(client.rest())
        for byte in b"GET /2 HTTP/1.1\r\nX: " + b"a" * 80:
            if answer.done():
                break
            client.send(bytes([byte]))
            await asyncio.sleep(0.02)
        assert answer.done()
        assert (await answer).startswith(b"HTTP/1.1 408 ")
        assert b.figure(refused("timeout")) == 1


@protected_by(
    Mutation(CONNECTION, "            self._limit(self._context.body_timeout_ns)\n", "            pass\n"),
    Mutation(
        CONNECTION,
        "        elif self._receiving is not None:\n            self.refused(",
        "        elif False:\n            self.refused(",
    ),
)
async def test_a_body_that_stops_is_given_up() -> None:
    primary = Watched()
    async with watched(primary, listen={"timeout": {**SHORT, "head": "30s"}}) as b:
        client = await b.client()
        client.send(PART_OF_BODY)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
        await until(primary.gone)
        assert b.figure(refused("timeout")) == 1


@protected_by(
    Mutation(CONNECTION, "        elif self._half_closed or self._paused_for:\n", "        elif self._half_closed:\n")
)
async def test_a_primary_that_takes_no_more_of_a_body_is_not_held_against_the_client() -> None:
    async def takes_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(5)

    async with raw_upstream(takes_nothing) as url:
        settings = {**url, "timeout": {"first_byte": "700ms"}}
        async with bench(answering(b""), primary=settings, listen={"timeout": SHORT}) as b:
            client = await b.client()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n" + b"a" * 30_000_000)
            assert (await client.response())[0].startswith(b"HTTP/1.1 504 ")


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


@protected_by(
    Mutation(RELAY, "if not self._wants_tunnel or not says_websocket(response.headers):", "if not self._wants_tunnel:"),
)
async def test_a_client_gets_no_tunnel_but_the_one_that_it_asked_for() -> None:
    asks = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    primary = Watched(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    async with watched(primary) as b:
        client = await b.client()
        client.send(asks)
        assert (await client.response())[0].startswith(b"HTTP/1.1 502 ")


@protected_by(
    Mutation("proxy/serve/tunnel.py", "        self.other.hold()\n", "        pass\n"),
)
async def test_a_tunnel_holds_back_who_sends_faster_than_the_other_reads() -> None:
    sent: list[int] = []

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(128):
                writer.write(b"x" * 2**20)
                await writer.drain()
                sent.append(2**20)

    asks = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with raw_upstream(floods) as url, bench(answering(b""), primary=url) as b:
        raw = await connected(b, asks, window=4096)
        await asyncio.sleep(1.0)
        taken = sum(sent)
        reset(raw)
        assert 0 < taken < 32 * 2**20
        await b.figured("shadowbench_tunnels_open", 0)


@protected_by(
    Mutation(
        "proxy/serve/tunnel.py",
        "            self.target.abort()\n        self._tunnel",
        "            pass\n        self._tunnel",
    ),
)
async def test_a_client_that_breaks_off_a_tunnel_leaves_the_primary_nobody_to_speak_to() -> None:
    primary = Watched(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    asks = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with watched(primary) as b:
        raw = await connected(b, asks)
        await b.figured("shadowbench_tunnels_open", 1)
        reset(raw)
        await until(primary.gone)
        await b.figured("shadowbench_tunnels_open", 0)
