"""Clients leave and stall: the primary is not kept busy for nobody."""

import asyncio
import contextlib
import socket

from tests.faults.mutation import Mutation, protected_by
from tests.faults.watching import GET, Watched, connected, refused, reset, until, watched
from tests.proxy.harness import Received, answering, bench, chat, ok, raw_upstream

CONNECTION = "proxy/serve/connection.py"
SOCKET = "proxy/serve/client_socket.py"
RELAY = "proxy/serve/relay.py"
PART_OF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
CHAT = chat(b'{"model":"m","messages":[]}')
ABORTED = 'shadowbench_primary_legs_total{outcome="client_abort"}'
OPEN_CLIENTS = "shadowbench_client_connections_open"
OPEN_LEGS = "shadowbench_primary_requests_open"
HEAD_OF_STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT = {"head": "200ms", "body": "200ms", "idle": "30s"}


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
