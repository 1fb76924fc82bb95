"""The primary breaks in every way it can: its clients get an honest answer in time, and nobody else's answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.upstream.resolver import REFRESH_AFTER_S, TTL_S, Resolver
from record.outcome import Outcome
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, Client, Received, bench, chat
from tests.proxy.upstream.asking import GET, Asking, Upstream, upstream
from tests.proxy.upstream.raw import raw_server, reset

CONNECTION = "proxy/upstream/connection.py"
CONNECTOR = "proxy/upstream/connector.py"
LEG = "proxy/upstream/leg.py"
POOL = "proxy/upstream/pool.py"
RESOLVER = "proxy/upstream/resolver.py"
DEADLINES = "proxy/upstream/deadlines.py"
UPLOAD = "proxy/serve/upload.py"

OK = b"HTTP/1.1 200 OK\r\n"
ANSWER = OK + b"Content-Length: 2\r\n\r\nok"
GET_CLIENT = b"GET /v1/models HTTP/1.1\r\nHost: client.example\r\n\r\n"
POST_CLIENT = chat(b'{"model": "m", "messages": []}')
SHORT: dict[str, Any] = {"connect": "500ms", "first_byte": "300ms", "idle": "300ms"}
Writer = asyncio.StreamWriter


async def asked(b: Bench, request: bytes = POST_CLIENT) -> bytes:
    """All that a client gets until its connection ends, or its answer is whole."""
    client = await b.client()
    client.send(request)
    async with asyncio.timeout(5):
        head, body = await client.response()
    return head + body


async def everything(client: Client) -> bytes:
    return await client.rest()


def sending(data: bytes, end: Callable[[Writer], None] = Writer.close) -> Callable[[Received, Writer], Awaitable[None]]:
    """Sends that much of an answer, and ends the connection in that way."""

    async def handle(request: Received, writer: Writer) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.02)  # what was sent has arrived before the end does
        end(writer)

    return handle


def resetting(writer: Writer) -> None:
    import socket  # noqa: PLC0415
    import struct  # noqa: PLC0415

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


LOSS_IS_TOLD = Mutation(CONNECTION, "exchange.response_broken(reason, now_ns, seen_any=self._seen_any)", "return")
ONLY_WHAT_HAS_NO_LENGTH_ENDS_WITH_THE_CONNECTION = Mutation(
    CONNECTION,
    "return self._head_done and not self._response.chunked and self._response.content_length is None",
    "return self._head_done",
)


@protected_by(Mutation(CONNECTOR, "except (OSError, UnicodeError) as error:", "except UnicodeError as error:"))
async def test_a_primary_that_refuses_connections_is_a_502_at_once() -> None:
    async with bench(sending(b"")) as b:
        await b.primary.stop()
        got = await asked(b)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"upstream_unreachable" in got


@protected_by(LOSS_IS_TOLD)
@pytest.mark.parametrize("end", [Writer.close, resetting], ids=["closes", "resets"])
async def test_a_primary_that_leaves_before_its_answer_is_a_502_at_once(end: Callable[[Writer], None]) -> None:
    async with bench(sending(b"", end)) as b:
        got = await asked(b)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"upstream_broken" in got


@protected_by(LOSS_IS_TOLD)
@pytest.mark.parametrize("end", [Writer.close, resetting], ids=["closes", "resets"])
async def test_a_primary_that_leaves_within_the_head_is_a_502_and_no_half_head_reaches_the_client(
    end: Callable[[Writer], None],
) -> None:
    async with bench(sending(OK + b"Content-Le", end)) as b:
        assert (await asked(b)).startswith(b"HTTP/1.1 502 ")


@protected_by(LOSS_IS_TOLD, ONLY_WHAT_HAS_NO_LENGTH_ENDS_WITH_THE_CONNECTION)
@pytest.mark.parametrize("end", [Writer.close], ids=["closes"])
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\nonly this",
        OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nonly this",
        OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n0\r\n",
    ],
    ids=["length", "chunk", "within a chunk", "before the end of the trailers"],
)
async def test_an_answer_that_ends_early_reaches_the_client_as_one_that_ended_early(
    answer: bytes, end: Callable[[Writer], None]
) -> None:
    """Only the end of the connection without the last chunk, or short of the length, says so."""
    async with bench(sending(answer, end)) as b:
        client = await b.client()
        client.send(POST_CLIENT)
        got = await everything(client)
        head, _, body = got.partition(b"\r\n\r\n")
        assert b"only this" in body
        assert b"content-length: 100" in head.lower() or not body.endswith(b"0\r\n\r\n")


@protected_by(LOSS_IS_TOLD)
@pytest.mark.parametrize(
    "framing", [b"", b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n"], ids=["close", "length", "chunked"]
)
async def test_an_answer_that_is_reset_never_looks_whole(framing: bytes) -> None:
    """An answer without a length ends with its connection, but not with a reset of it."""
    body = b"9\r\nonly this\r\n" if b"chunked" in framing else b"only this"
    async with bench(sending(OK + framing + b"\r\n" + body, resetting)) as b:
        client = await b.client()
        client.send(POST_CLIENT)
        got = await everything(client)
        assert b"only this" in got
        assert not got.endswith(b"0\r\n\r\n")


@protected_by(Mutation(CONNECTION, "keep = self._reusable and ", "keep = "))
@pytest.mark.parametrize("surplus", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"evil"])
async def test_an_answer_longer_than_its_length_is_cut_there_and_its_connection_never_used_again(
    surplus: bytes,
) -> None:
    async def handle(request: Received, writer: Writer) -> None:
        writer.write(ANSWER + surplus)

    async with bench(handle) as b:
        for asked_before in range(3):
            got = await asked(b)
            assert got.startswith(OK)
            assert got.endswith(b"\r\n\r\nok")
            assert b.primary.connections == asked_before + 1


@protected_by(
    Mutation(
        CONNECTION,
        '''next response could not be trusted."""
        self._reusable = False
        if self.transport is not None:
            self.transport.abort()''',
        '''next response could not be trusted."""''',
    )
)
async def test_bytes_on_an_idle_connection_end_it() -> None:
    async def handle(request: Received, writer: Writer) -> None:
        writer.write(ANSWER)
        await asyncio.sleep(0.03)
        writer.write(OK + b"Content-Length: 4\r\n\r\nevil")

    async with bench(handle) as b:
        assert (await asked(b)).endswith(b"ok")
        await asyncio.sleep(0.1)
        assert (await asked(b)).endswith(b"\r\n\r\nok")
        assert b.primary.connections == 2


@protected_by(Mutation(DEADLINES, "if limited.deadline_ns <= now_ns:", "if limited.deadline_ns <= -now_ns:"))
async def test_a_primary_that_never_answers_is_a_504_in_time() -> None:
    async def handle(request: Received, writer: Writer) -> None:
        await asyncio.sleep(10)

    async with bench(handle, primary={"timeout": SHORT}) as b:
        assert (await asked(b)).startswith(b"HTTP/1.1 504 ")


@protected_by(
    Mutation(DEADLINES, "if limited.deadline_ns <= now_ns:", "if limited.deadline_ns <= -now_ns:"),
)
async def test_a_primary_that_stalls_within_its_answer_ends_the_clients_connection_in_time() -> None:
    async def handle(request: Received, writer: Writer) -> None:
        writer.write(OK + b"Content-Length: 100\r\n\r\nonly this")
        await asyncio.sleep(10)

    async with bench(handle, primary={"timeout": SHORT}) as b:
        client = await b.client()
        client.send(POST_CLIENT)
        assert (await everything(client)).endswith(b"\r\n\r\nonly this")


@protected_by(Mutation(CONNECTION, 'self._fail(f"not HTTP: {error}", now_ns)', "pass"))
@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9\r\n", b"\x16\x03\x01\x02\x00", b"<html>no</html>"])
async def test_garbage_from_the_primary_is_a_502(garbage: bytes) -> None:
    async def handle(request: Received, writer: Writer) -> None:
        writer.write(garbage)
        await asyncio.sleep(10)

    async with bench(handle) as b:
        got = await asked(b)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert garbage not in got


@protected_by(Mutation(CONNECTION, "            self._read_last_words()\n", "            pass\n"))
async def test_an_answer_that_came_before_the_whole_request_is_read_although_writing_fails() -> None:
    """The server answers 413, and leaves without reading the rest; our next write fails before the answer is read."""
    with raw_server() as server:
        up = Upstream(server.port, None, 5.0, "127.0.0.1", None)
        leg = Asking(up.pool)
        leg.begin(b"POST / HTTP/1.1\r\nHost: up\r\nContent-Length: 1000000\r\n\r\n", last=False)
        async with asyncio.timeout(5):
            while not server.has_waiting() or leg.leg.connect_ns is None:
                await asyncio.sleep(0)
        connection = server.accept()
        leg.leg.send(b"x" * 1000, last=False)
        # From here on the loop does not turn: everything is in the socket, and nothing read.
        assert connection.recv(10)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge")
        connection.close()  # with bytes unread: a reset follows the answer
        leg.leg.send(b"x" * 1000, last=False)
        await leg.end()
        assert (leg.status, leg.body, leg.outcome) == (413, b"large", Outcome.OK)
        await up.tasks.close()


async def closing_after_one(request: Received, writer: Writer) -> None:
    """A keep-alive connection that the server gives up just when the second request comes."""
    served: list[bool] = writer.__dict__.setdefault("served", [])
    if served:
        writer.transport.abort()
        return
    served.append(True)
    writer.write(ANSWER)


@protected_by(Mutation(LEG, "            if self.repeat():\n", "            if not self.repeat:\n"))
async def test_a_get_into_a_connection_that_the_server_just_closed_is_sent_once_more() -> None:
    async with bench(closing_after_one) as b:
        assert (await asked(b, GET_CLIENT)).endswith(b"ok")
        assert (await asked(b, GET_CLIENT)).endswith(b"ok")
        assert (b.primary.connections, len(b.primary.requests)) == (2, 3)


@protected_by(
    Mutation(UPLOAD, "if self.request.method not in _REPEATABLE or self.body_bytes", "if self.body_bytes < 0")
)
async def test_a_post_that_a_closing_connection_may_have_taken_is_never_sent_twice() -> None:
    async with bench(closing_after_one) as b:
        assert (await asked(b)).endswith(b"ok")
        assert (await asked(b)).startswith(b"HTTP/1.1 502 ")
        assert len(b.primary.requests) == 2


@protected_by(Mutation(LEG, "            self._is_repeated = True\n", ""))
async def test_a_get_is_sent_again_once_and_no_more() -> None:
    """The server gives up every connection at its second request, and there are many idle ones."""
    gate = asyncio.Event()

    async def handle(request: Received, writer: Writer) -> None:
        if not gate.is_set():
            while len(b.primary.requests) < 4:
                await asyncio.sleep(0.001)
            writer.write(ANSWER)
        else:
            writer.transport.abort()

    async with bench(handle) as b:
        await asyncio.gather(*(asked(b, GET_CLIENT) for _ in range(4)))
        assert b.primary.connections == 4
        gate.set()
        assert (await asked(b, GET_CLIENT)).startswith(b"HTTP/1.1 502 ")
        assert (len(b.primary.requests), b.primary.connections) == (6, 5)


@protected_by(Mutation(POOL, " and connection.is_quiet()", ""))
async def test_a_post_is_never_written_to_a_connection_that_the_server_has_closed() -> None:
    """The server's goodbye has arrived, and the loop has not read it yet."""
    with raw_server() as server:
        up = Upstream(server.port, None, 5.0, "127.0.0.1", None)
        await answered(up, server)
        up.pool._idle[0].idle_since_ns -= 1_000_000_000
        server.connections[0].close()
        leg = Asking(up.pool)
        leg.begin(GET.replace(b"GET", b"POST"), last=True)
        await served(leg, server)
        assert (leg.outcome, leg.reused) == (Outcome.OK, False)
        await up.tasks.close()


@protected_by(Mutation(LEG, "elif connection.took_nothing():", "elif not connection:"))
async def test_a_post_that_the_system_refused_to_write_goes_over_another_connection() -> None:
    """The server's reset has arrived, and the loop has not read it yet: no byte of the request can have left."""
    with raw_server() as server:
        up = Upstream(server.port, None, 5.0, "127.0.0.1", None)
        await answered(up, server)
        up.pool._idle[0].idle_since_ns += 1_000_000_000  # too fresh to be looked at
        reset(server.connections[0])
        leg = Asking(up.pool)
        leg.begin(GET.replace(b"GET", b"POST"), last=True)
        await served(leg, server)
        assert (leg.outcome, leg.reused) == (Outcome.OK, False)
        await up.tasks.close()


async def answered(up: Upstream, server: Any) -> None:
    """One exchange, after which a connection is idle."""
    leg = Asking(up.pool)
    leg.begin(GET, last=True)
    await served(leg, server)
    assert up.pool.idle_count() == 1


async def served(leg: Asking, server: Any) -> None:
    """Accepts the leg's connection and answers it."""
    async with asyncio.timeout(5):
        while not server.has_waiting():
            assert leg.outcome is None, leg.failure
            await asyncio.sleep(0.001)
    connection = server.accept()
    async with asyncio.timeout(5):
        while leg.leg.t0_ns is None:
            await asyncio.sleep(0.001)
    assert connection.recv(1000)
    connection.sendall(ANSWER)
    await leg.end()


class Dns:
    """The test's own."""

    def __init__(self) -> None:
        self.answer: list[str] | OSError = ["127.0.0.1"]
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        self.now_s = 1000.0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        self.gate.wait(10)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    def resolver(self) -> Resolver:
        return Resolver("up.example", 1, self, lambda: self.now_s)


async def once(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")


@protected_by(Mutation(RESOLVER, "if not self._good:\n            raise", "if self._failure:\n            raise"))
async def test_when_dns_fails_connections_go_where_they_last_went() -> None:
    dns = Dns()
    async with upstream(once, host="up.example", resolver=dns.resolver()) as up:
        assert (await up.ask()).outcome is Outcome.OK
        dns.answer = OSError(-3, "Temporary failure in name resolution")
        dns.now_s += 10 * TTL_S
        for _ in range(3):
            assert (await up.ask()).outcome is Outcome.OK
        assert dns.asked == 2


@protected_by(
    Mutation(
        RESOLVER,
        "patience_s = None if age_s is None else max(0.0, self._asked_at_s + PATIENCE_S - now_s)",
        "patience_s = None",
    )
)
async def test_when_dns_hangs_connections_go_where_they_last_went() -> None:
    dns = Dns()
    async with upstream(once, host="up.example", resolver=dns.resolver(), timeout_s=1.0) as up:
        try:
            assert (await up.ask()).outcome is Outcome.OK
            dns.gate.clear()
            dns.now_s += 10 * TTL_S
            assert (await up.ask()).outcome is Outcome.OK
        finally:
            dns.gate.set()


@protected_by(Mutation(RESOLVER, "if age_s is None or age_s > REFRESH_AFTER_S:", "if age_s is None:"))
async def test_when_dns_changes_new_connections_go_to_the_new_address_within_the_ttl() -> None:
    dns = Dns()
    async with upstream(once, host="up.example", resolver=dns.resolver()) as up:
        assert (await up.ask()).outcome is Outcome.OK
        dns.answer = ["127.0.0.2"]  # nobody listens there
        dns.now_s += TTL_S + 1
        assert (await up.ask()).outcome is Outcome.CONNECT_ERROR
        dns.answer = ["127.0.0.1"]
        dns.now_s += REFRESH_AFTER_S + 1
        await up.ask()  # asks in the background
        async with asyncio.timeout(5):
            while (await up.ask()).outcome is not Outcome.OK:
                await asyncio.sleep(0.01)


@protected_by(
    Mutation(CONNECTOR, "addresses = await resolver.addresses()", "addresses = [route.origin.host]"),
)
async def test_names_are_looked_up_by_the_upstreams_own_thread_and_never_by_the_loops() -> None:
    """Five look-ups that hang would fill the loop's four threads; the sixth upstream connects all the same."""
    hanging, working = Dns(), Dns()
    hanging.gate.clear()
    stuck = [Upstream(1, None, 5.0, "up.example", hanging.resolver()) for _ in range(5)]
    try:
        legs = [Asking(up.pool) for up in stuck]
        for leg in legs:
            leg.begin(GET, last=True)
        async with upstream(once, host="up.example", resolver=working.resolver()) as up:
            assert (await up.ask()).outcome is Outcome.OK
        assert [leg.outcome for leg in legs] == [None] * 5
    finally:
        hanging.gate.set()
        for up in stuck:
            await up.tasks.close()


@protected_by(Mutation(CONNECTOR, "async with asyncio.timeout(route.timeout_s):", "async with asyncio.timeout(60):"))
async def test_a_name_that_is_never_found_is_a_time_out_of_connecting() -> None:
    dns = Dns()
    dns.gate.clear()
    async with upstream(once, host="up.example", resolver=dns.resolver(), timeout_s=0.1) as up:
        try:
            leg = await up.ask()
        finally:
            dns.gate.set()
        assert (leg.outcome, leg.failure) == (Outcome.TIMEOUT, "no address of up.example within 0.1 s")
