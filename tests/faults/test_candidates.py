"""A candidate breaks in every way it can: the client's answer is what it always was, and the copy ends with a name."""

import asyncio
import contextlib
import select
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.shadow.capture.board import ENDED
from proxy.shadow.capture.frames import Chunk, LegEnd
from proxy.upstream.budget import COPIES_BYTES, SMALL_READ_BYTES, Budgets
from proxy.upstream.connector import Route
from proxy.upstream.pool import Pool, PoolCounts
from proxy.upstream.resolver import Resolver
from proxy.wire.heads import Origin
from record.outcome import Outcome
from runtime.tasks import Tasks
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, Received, bench, chat
from tests.proxy.upstream.asking import GET, Asking
from tests.proxy.upstream.raw import raw_server

CONNECTION = "proxy/upstream/connection.py"
LEG = "proxy/upstream/leg.py"
DEADLINES = "proxy/upstream/deadlines.py"

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
EVENTS = [b"data: %d\n\n" % n for n in range(8)]
Handler = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
SETTINGS: dict[str, Any] = {
    "timeout": {"connect": "300ms", "first_byte": "300ms", "idle": "300ms", "total": "600ms"},
    "max_response": "1MiB",
}


async def primary(request: Received, writer: asyncio.StreamWriter) -> None:
    """A stream of events, spread over the time in which the candidate misbehaves."""
    writer.write(OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for event in EVENTS:
        writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        await asyncio.sleep(0.02)
    writer.write(b"0\r\n\r\n")


async def copied(b: Bench, body: bytes = BODY) -> LegEnd:
    """Asks once, looks that the client got all of the primary's answer, and gives back how the copy ended."""
    client = await b.client()
    client.send(chat(body))
    head, got = await client.response()
    assert head == OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert got == b"".join(EVENTS)
    counts = await b.counted("cand", ENDED)
    assert counts["admitted"] == 1
    assert b.worker is not None
    assert b.worker.newest.shadow.open_copies == 0
    frames = await b.recorded(2)
    (end,) = (f for f in frames if isinstance(f, LegEnd) and f.arm == 1)
    kept = sum(len(f.data) for f in frames if isinstance(f, Chunk | LegEnd) and f.arm == 1)
    assert kept + end.gap_bytes <= end.body_bytes
    assert kept <= 2 * 2**20
    return end


def sending(*pieces: bytes, pause_s: float = 0.0, then: str = "hangs") -> Handler:
    """Sends these, and then hangs, closes or resets."""

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if then == "hangs":
            await asyncio.sleep(10)
        elif then == "resets":
            await asyncio.sleep(0.02)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif then == "closes":
            writer.close()

    return handle


LIMITS_EXPIRE = Mutation(DEADLINES, "if limited.deadline_ns <= now_ns:", "if limited.deadline_ns <= -now_ns:")
LOSS_IS_TOLD = Mutation(CONNECTION, "exchange.response_broken(reason, now_ns, seen_any=self._seen_any)", "return")


@protected_by(
    Mutation("proxy/upstream/connector.py", "except (OSError, UnicodeError) as error:", "except UnicodeError as error:")
)
async def test_a_candidate_that_refuses_is_a_connect_error() -> None:
    async with bench(primary, {"cand": sending()}, candidate_settings=SETTINGS) as b:
        await b.candidates["cand"].stop()
        end = await copied(b)
        assert (end.outcome, end.status, end.t0_ns) == ("connect_error", None, None)


@protected_by(
    Mutation(
        "proxy/upstream/connector.py", "async with asyncio.timeout(route.timeout_s):", "async with asyncio.timeout(60):"
    )
)
async def test_a_candidate_that_hangs_while_connecting_is_a_timeout() -> None:
    with raw_server() as server:  # takes the connection, and says nothing of TLS
        settings = {**SETTINGS, "url": f"https://127.0.0.1:{server.port}"}
        async with bench(primary, {"cand": sending()}, candidate_settings=settings) as b:
            end = await copied(b)
            assert (end.outcome, end.status, end.t0_ns) == ("timeout", None, None)


@protected_by(LIMITS_EXPIRE)
@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-"], ids=["nothing", "1xx", "half"]
)
async def test_a_candidate_that_hangs_before_its_answer_is_a_timeout(sent: bytes) -> None:
    async with bench(primary, {"cand": sending(sent)}, candidate_settings=SETTINGS) as b:
        end = await copied(b)
        assert (end.outcome, end.status, end.body_bytes) == ("timeout", None, 0)


@protected_by(LIMITS_EXPIRE)
@pytest.mark.parametrize("head", [b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n", b""])
async def test_a_candidate_that_hangs_within_its_answer_is_a_timeout(head: bytes) -> None:
    piece = b"4\r\nsome\r\n" if b"chunked" in head else b"some"
    async with bench(primary, {"cand": sending(OK + head + b"\r\n" + piece)}, candidate_settings=SETTINGS) as b:
        end = await copied(b)
        assert (end.outcome, end.status, end.body_bytes) == ("timeout", 200, 4)


@protected_by(
    Mutation(LEG, "if self.t0_ns is not None and self.t0_ns + self.limits.total_ns < at_ns:", "if at_ns < 0:")
)
async def test_a_candidate_that_drips_is_cut_at_the_total_limit() -> None:
    drips = [OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 1000]
    async with bench(primary, {"cand": sending(*drips, pause_s=0.02)}, candidate_settings=SETTINGS) as b:
        end = await copied(b)
        assert (end.outcome, end.status) == ("timeout", 200)
        assert 0 < end.body_bytes < 100


@protected_by(Mutation(LEG, "if self.tape.size > self.limits.max_response_bytes:", "if self.tape.size < 0:"))
async def test_a_candidate_that_floods_is_cut_at_the_largest_answer() -> None:
    flood = [OK + b"\r\n", *[b"x" * 2**16] * 2**10]
    async with bench(primary, {"cand": sending(*flood)}, candidate_settings=SETTINGS) as b:
        end = await copied(b)
        assert (end.outcome, end.status) == ("too_large", 200)
        assert 2**20 < end.body_bytes < 2**21


@protected_by(
    Mutation(CONNECTION, "if self._barren > MAX_BARREN_BYTES:", "if self._barren < 0:"),
)
@pytest.mark.parametrize("endless", [b"4;", b"0\r\nX: "], ids=["an extension of a chunk", "a trailer"])
async def test_a_candidate_that_sends_everything_but_a_body_is_cut(endless: bytes) -> None:
    flood = [OK + b"Transfer-Encoding: chunked\r\n\r\n" + endless, *[b"a" * 2**16] * 2**8]
    settings = {**SETTINGS, "timeout": {"first_byte": "3s", "idle": "3s", "total": "3s"}}
    async with bench(primary, {"cand": sending(*flood)}, candidate_settings=settings) as b:
        end = await copied(b)
        assert (end.outcome, end.status, end.body_bytes) == ("truncated", 200, 0)


@protected_by(Mutation(CONNECTION, "elif not self._head_done and self._head_bytes > MAX_HEAD_BYTES:", "elif False:"))
@pytest.mark.parametrize(
    "endless", [OK + b"X: " + b"a" * 2**16, b"HTTP/1.1 100 Continue\r\n\r\n" * 2**11], ids=["a header", "interim heads"]
)
async def test_a_candidate_whose_head_never_ends_is_cut(endless: bytes) -> None:
    piece = endless if endless.endswith(b"\n") else b"a" * 2**16
    settings = {**SETTINGS, "timeout": {"first_byte": "3s", "idle": "3s", "total": "3s"}}
    async with bench(primary, {"cand": sending(endless, *[piece] * 2**8)}, candidate_settings=settings) as b:
        end = await copied(b)
        assert (end.outcome, end.status) == ("truncated", None)


@protected_by(LOSS_IS_TOLD)
@pytest.mark.parametrize("then", ["closes", "resets"])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        OK + b"Content-",
        OK + b"Content-Length: 100\r\n\r\nsome",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome",
    ],
    ids=["before the head", "within the head", "short of its length", "within a chunk"],
)
async def test_a_candidate_that_leaves_early_is_truncated(sent: bytes, then: str) -> None:
    async with bench(primary, {"cand": sending(sent, then=then)}, candidate_settings=SETTINGS) as b:
        assert (await copied(b)).outcome == "truncated"


@protected_by(Mutation(CONNECTION, 'self._fail(f"not HTTP: {error}", now_ns)', "pass"))
@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH_9\r\n", b"\x16\x03\x01\x02\x00", OK + b"Transfer-Encoding: chunked\r\n\r\nsome"],
    ids=["another protocol", "TLS", "no chunk"],
)
async def test_garbage_from_a_candidate_is_truncated(garbage: bytes) -> None:
    settings = {**SETTINGS, "timeout": {"first_byte": "3s", "idle": "3s", "total": "3s"}}
    async with bench(primary, {"cand": sending(garbage)}, candidate_settings=settings) as b:
        assert (await copied(b)).outcome == "truncated"


@protected_by(Mutation(CONNECTION, "keep = self._reusable and ", "keep = "))
async def test_a_candidate_that_sends_more_than_it_said_is_cut_there_and_not_asked_over_that_connection_again() -> None:
    answer = OK + b"Content-Length: 4\r\n\r\nsome" + OK + b"Content-Length: 4\r\n\r\nevil"
    async with bench(primary, {"cand": sending(answer, then="stays")}, candidate_settings=SETTINGS) as b:
        end = await copied(b)
        assert (end.outcome, end.body_bytes, end.data) == ("ok", 4, b"some")
        client = await b.client()
        client.send(chat(BODY))
        assert (await client.response())[1] == b"".join(EVENTS)
        await b.recorded(4)
        assert b.candidates["cand"].connections == 2


@protected_by(
    Mutation(
        LEG,
        "self.deadline_ns = now_ns + self.limits.first_byte_ns",
        "self.deadline_ns = now_ns + _NEVER_NS // 2",
    )
)
async def test_a_candidate_that_never_reads_the_request_is_a_timeout_and_holds_no_memory() -> None:
    with raw_server() as server:
        settings = {**SETTINGS, "url": f"http://127.0.0.1:{server.port}"}
        async with bench(primary, {"cand": sending()}, candidate_settings=settings) as b:
            end = await copied(b, BODY[:-1] + b',"padding":"' + b"x" * 12 * 2**20 + b'"}')
            assert (end.outcome, end.t0_ns, end.status) == ("timeout", None, None)


@protected_by(
    Mutation(CONNECTION, "budget.over(self.reading, len(data))", "pass"),
    Mutation("proxy/upstream/reading.py", "            self.transport.pause_reading()", "            pass"),
)
async def test_copies_that_flood_leave_most_of_every_turn_of_the_loop_to_others() -> None:
    """Counted in bytes read per turn, once the first flood has been noticed."""
    budgets, tasks = Budgets(), Tasks(lambda name, error: None)
    with raw_server() as server:
        origin = Origin.parse(f"http://127.0.0.1:{server.port}")
        route = Route("c", origin, 5.0, None, Resolver("127.0.0.1", 1), budgets.of_copies, lambda name, why: None)
        legs = [Asking(Pool(route, tasks, PoolCounts())) for _ in range(8)]
        for leg in legs:
            leg.begin(GET, last=True)
        async with asyncio.timeout(5):
            while any(leg.leg.t0_ns is None for leg in legs):
                await asyncio.sleep(0)
        sinks = [server.accept() for _ in legs]
        stop = threading.Event()
        flood = tasks.start("flood", asyncio.to_thread(blast, sinks, stop))
        read: list[int] = []
        before = 0
        try:
            async with asyncio.timeout(10):
                while before < 2**26:
                    await asyncio.sleep(0)
                    total = sum(leg.body_bytes for leg in legs)
                    read.append(total - before)
                    before = total
        finally:
            stop.set()
            for leg in legs:
                leg.leg.cut(Outcome.TOO_LARGE, "enough")
            await flood
        assert max(read[len(read) // 2 :]) <= 2 * COPIES_BYTES + 256_000 + len(legs) * SMALL_READ_BYTES
        assert budgets.copies_paused.count > 0


def blast(sinks: list[socket.socket], stop: threading.Event) -> None:
    """Sends to all of them as fast as they take it. Run by a thread."""
    for sink in sinks:
        sink.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sink.sendall(OK + b"\r\n")
    data = b"x" * 2**18
    while not stop.is_set():
        for sink in sinks:
            with contextlib.suppress(OSError):
                sink.send(data)
        select.select([], sinks, [], 0.01)
