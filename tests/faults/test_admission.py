"""Copies yield to everything else: to a failing candidate, a primary short of room, a late loop, an operator."""

import asyncio
import contextlib
import json
import time
from collections import UserDict
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.figures import OPEN_REQUESTS
from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from record.states import State
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, Handler, Received, answering, bench, chat, ok, raw_upstream

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
ANSWER = b'{"choices":[]}'
OK = answering(ok(ANSWER))


async def ask(b: Bench, times: int = 1) -> None:
    """One after the other; each must be served as if there were no shadow side."""
    client = await b.client()
    for _ in range(times):
        client.send(chat(BODY))
        head, body = await client.response()
        assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", ANSWER)


async def settled(b: Bench, name: str) -> dict[str, int]:
    """Counts, once every admitted copy has ended."""
    async with asyncio.timeout(5):
        while (counts := b.counts(name)).get(ENDED, 0) < counts.get(ADMITTED, 0):
            await asyncio.sleep(0.005)
    return counts


def refused(status: int) -> Handler:
    return answering(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % status)


async def cut_off(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def hang(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


@pytest.mark.parametrize(
    "candidate", [refused(500), refused(429), cut_off, hang], ids=["500", "429", "cut off", "hangs"]
)
@protected_by(
    Mutation("proxy/shadow/admission.py", "    if candidate.breaker_open:\n", "    if False:\n"),
    Mutation(
        "proxy/shadow/breaker.py", "        elif failed and self._failures", "        elif False and self._failures"
    ),
    Mutation("proxy/shadow/sending.py", "        arm.breaker.end(copy.term, now_ns, failed=failed)\n", ""),
)
async def test_a_candidate_that_fails_repeatedly_is_left_alone(candidate: Handler) -> None:
    settings = {
        "breaker": {"failures": 3, "window": "30s", "open_for": "30s"},
        "timeout": {"first_byte": "50ms"},
    }
    async with bench(OK, {"cand": candidate}, candidate_settings=settings) as b:
        for _ in range(3):
            await ask(b)
            await settled(b, "cand")
        await ask(b, 5)
        counts = await settled(b, "cand")
        assert counts[ADMITTED] == len(b.candidates["cand"].requests) == 3
        assert counts.get(State.BREAKER_OPEN.value, 0) == 5


@protected_by(Mutation("proxy/shadow/breaker.py", "or now_ns >= self._open_until_ns", "or False"))
async def test_a_candidate_that_works_again_gets_copies_again() -> None:
    settings = {"breaker": {"failures": 2, "window": "30s", "open_for": "100ms"}}
    async with bench(OK, {"cand": refused(503)}, candidate_settings=settings) as b:
        for _ in range(2):
            await ask(b)
            await settled(b, "cand")
        b.candidates["cand"].handler = OK
        await asyncio.sleep(0.15)
        await ask(b)
        await settled(b, "cand")
        await ask(b, 3)
        counts = await settled(b, "cand")
        assert counts[ADMITTED] == 6
        assert State.BREAKER_OPEN.value not in counts


@pytest.mark.parametrize("status", [429, 503, 529])
@protected_by(
    Mutation("proxy/shadow/admission.py", "    if candidate.yields:\n", "    if False:\n"),
    Mutation("proxy/shadow/pressure.py", "        if status in _SHORT_OF_ROOM:\n", "        if False:\n"),
    Mutation(
        "proxy/serve/relay.py",
        "        self._context.shadow.primary_answered(self.endpoint, response, self.t0_ns, now_ns)\n",
        "",
    ),
)
async def test_when_the_primary_is_short_of_room_copies_to_its_host_stop_at_once(status: int) -> None:
    """And go on to the candidate that shares nothing with it."""
    async with bench(OK, {"cand": OK}, control={"sample": "100%"}) as b:
        await ask(b)
        await settled(b, "control")
        b.primary.handler = refused(status)
        client = await b.client()
        # A call that is not copied at all, by way of example: what it is told counts for all.
        client.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" %d " % status in (await client.response())[0]
        b.primary.handler = OK
        seen = len(b.primary.requests)
        await ask(b, 4)
        assert len(b.primary.requests) == seen + 4
        assert (await settled(b, "control"))[State.PRIMARY_PRESSURE.value] == 4
        assert (await settled(b, "cand"))[ADMITTED] == 5


@protected_by(Mutation("proxy/shadow/offer.py", "outcome in _NOT_REACHED", "False"))
async def test_a_primary_that_cannot_be_reached_is_not_asked_by_the_control_leg_besides() -> None:
    async with bench(OK, control={"sample": "100%"}) as b:
        await b.primary.stop()
        client = await b.client()
        for _ in range(3):
            client.send(chat(BODY))
            assert (await client.response())[0].startswith(b"HTTP/1.1 502")
        counts = await b.counted("control", RECEIVED, 3)
        assert counts.get(State.PRIMARY_PRESSURE.value, 0) >= 2


@protected_by(
    Mutation("proxy/shadow/admission.py", "    if room.overloaded:\n", "    if False:\n"),
    Mutation("proxy/shadow/offer.py", "> self._settings.loop_lag_ns", "> 2**62"),
)
async def test_while_the_loop_is_late_nothing_is_copied() -> None:
    async with bench(OK, {"cand": OK}, limits={"loop_lag": "1h"}) as b:
        assert b.worker is not None
        await ask(b)
        await settled(b, "cand")
        shadow = b.worker.newest.shadow
        shadow._lag.note(time.monotonic_ns(), 7_200 * 10**9)
        await ask(b, 5)
        counts = await settled(b, "cand")
        assert counts.get(State.OVERLOAD.value, 0) == 5
        assert len(b.candidates["cand"].requests) == 1


@protected_by(
    Mutation("proxy/shadow/admission.py", "    if is_loop:\n", "    if False:\n"),
    Mutation("proxy/wire/copy_heads.py", "%b: 1\\r\\nContent-Length", "x-%b: 1\\r\\nContent-Length"),
)
async def test_two_proxies_that_copy_to_each_other_do_not_amplify() -> None:
    """Each has the other as its candidate. One request makes one copy, and that copy makes none."""
    async with bench(OK, {"cand": OK}) as first, bench(OK, {"cand": OK}) as second:
        first.candidates["cand"].handler = through(second)
        second.candidates["cand"].handler = through(first)
        await ask(first)
        await settled(first, "cand")
        assert await second.counted("cand", RECEIVED) == {RECEIVED: 1, State.LOOP.value: 1}
        assert len(first.candidates["cand"].requests) == 1
        assert second.candidates["cand"].requests == []


def through(proxy: Bench) -> Handler:
    """A candidate that is another proxy: hands every byte on."""

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        client = await proxy.client()
        client.send(request.head + request.body)
        head, body = await client.response()
        writer.write(head + body)

    return handle


@protected_by(
    Mutation("proxy/shadow/admission.py", "    if paused:\n", "    if False:\n"),
    Mutation("proxy/shadow/offer.py", "arm.paused = ALL in candidates or", "arm.paused = False and"),
)
async def test_a_pause_takes_effect_with_the_next_request_and_lets_copies_under_way_end() -> None:
    release = asyncio.Event()

    async def late(request: Received, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(ok(ANSWER))

    async with bench(OK, {"cand": late, "other": OK}) as b:
        assert b.worker is not None
        await ask(b)
        async with asyncio.timeout(5):
            while not b.candidates["cand"].requests:
                await asyncio.sleep(0.005)
        b.worker.newest.shadow.pause(("cand",))
        await ask(b, 3)
        release.set()
        counts = await settled(b, "cand")
        assert counts == {RECEIVED: 4, ADMITTED: 1, ENDED: 1, State.PAUSED.value: 3}
        assert len(b.candidates["cand"].requests) == 1
        assert (await settled(b, "other"))[ADMITTED] == 4


class BrokenError(Exception):
    """A fault of ours."""


def fail(*args: object) -> Any:
    raise BrokenError(args)


class FailsToList(UserDict[str, Any]):
    """What a candidate asks for, and cannot be read."""

    keys = fail


@contextlib.asynccontextmanager
async def broken_inside(part: str) -> AsyncIterator[Bench]:
    async with bench(OK, {"cand": OK}, control={"sample": "100%"}) as b:
        assert b.worker is not None
        shadow = b.worker.newest.shadow
        if part == "sampling":
            shadow._key._places = [(b"x", fail)]
            shadow._key._leading_headers = 0
        elif part == "pressure":
            shadow._pressure._bands["chat/completions", False] = object()  # type: ignore[assignment]
        else:
            shadow._arms[0].params = FailsToList(temperature=None)
        yield b


@pytest.mark.parametrize("part", ["sampling", "pressure", "sending"])
@protected_by(
    Mutation(
        "proxy/shadow/offer.py",
        "        except Exception as error:  # noqa: BLE001 - the primary must not feel a fault of the shadow side\n"
        '            self._on_internal_error("offer", error)\n',
        "        except ZeroDivisionError:\n            raise\n",
    ),
)
async def test_a_fault_inside_admission_is_counted_and_never_reaches_the_client(
    part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with broken_inside(part) as b:
        assert b.worker is not None
        try:
            await ask(b, 3)
        except (asyncio.IncompleteReadError, ConnectionError):
            pytest.fail("the fault reached the client")
        assert b.worker._internal_errors == 3
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"internal_error"' in line]
    operation = "primary_answered" if part == "pressure" else "offer"
    assert [line["operation"] for line in said] == [operation] * 3


HALF = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
ENDLESS = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + b"a" * 2**20
)


async def answers_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ok(b"{}"))
    await reader.read()


@pytest.mark.parametrize("end", ["the client leaves", "the primary answers early", "the body is too long"])
@protected_by(
    Mutation(
        "proxy/serve/relay.py", "            self._context.shadow.incomplete(self.start_unix_us)", "            pass"
    ),
)
async def test_a_request_that_never_arrived_whole_is_counted_once(end: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        settings: dict[str, Any] = {"limits": {"request_body": "1KiB"}}
        if end == "the primary answers early":
            settings["primary"] = await stack.enter_async_context(raw_upstream(answers_early))
        b = await stack.enter_async_context(bench(OK, {"cand": OK}, **settings))
        client = await b.client()
        client.send(ENDLESS if end == "the body is too long" else HALF)
        if end == "the client leaves":
            await b.figured(OPEN_REQUESTS, 1)
            client.close()
        else:
            await client.response()
        assert await b.counted("cand", State.INCOMPLETE.value) == {RECEIVED: 1, State.INCOMPLETE.value: 1}
