"""Connections are kept, found dead in time, and given up with those who wait for them."""

import asyncio

from proxy.upstream.idle import UNSAID_NS
from proxy.upstream.pool import MAX_IDLE
from proxy.upstream.resolver import Resolver
from record.outcome import Outcome
from tests.proxy.upstream.asking import GET, Asking, Upstream, upstream
from tests.proxy.upstream.raw import raw_server

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)


async def test_a_connection_is_used_again_and_counted() -> None:
    async with upstream(answer) as up:
        legs = [await up.ask() for _ in range(3)]
        assert [leg.reused for leg in legs] == [False, True, True]
        assert [leg.leg.connect_ns is None for leg in legs] == [False, True, True]
        pool = up.pool
        assert (
            pool.counts.made,
            pool.counts.reused,
            pool.idle_count(),
            pool.open_count(),
            pool.connecting_count(),
        ) == (
            1,
            2,
            1,
            1,
            0,
        )


async def test_an_old_connection_is_not_used() -> None:
    async with upstream(answer) as up:
        await up.ask()
        up.pool._idle[0].idle_since_ns -= UNSAID_NS + 1
        assert not (await up.ask()).reused


async def test_a_connection_that_the_server_promised_to_keep_is_used_for_longer() -> None:
    async def promise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=30\r\nContent-Length: 2\r\n\r\nok")

    async with upstream(promise) as up:
        await up.ask()
        up.pool._idle[0].idle_since_ns -= 20_000_000_000
        assert (await up.ask()).reused
        up.pool._idle[0].idle_since_ns -= 30_000_000_000
        assert not (await up.ask()).reused


async def test_no_more_than_the_bound_are_kept_idle() -> None:
    async with upstream(answer) as up:
        await up.ask()
        (kept,) = up.pool._idle
        up.pool._idle.extend([kept] * (MAX_IDLE - 1))
        up.pool._idle.remove(kept)
        for _ in range(3):
            up.pool.idle(kept)
        assert up.pool.idle_count() == MAX_IDLE
        up.pool._idle.clear()


async def test_a_leg_that_is_cut_gives_up_the_connection_that_it_waits_for() -> None:
    with raw_server() as server:
        up = Upstream(server.port, None, 5.0, "127.0.0.1", None)
        leg = Asking(up.pool)
        leg.begin(GET, last=True)
        assert up.pool.connecting_count() == 1
        leg.leg.cut(Outcome.CLIENT_ABORT, "gone")
        assert up.pool.connecting_count() == 0
        async with asyncio.timeout(5):
            while up.tasks.names():
                await asyncio.sleep(0)
        assert (up.pool.open_count(), up.pool.counts.made) == (0, 0)
        assert up.told == []


async def test_a_refused_connection_is_told_in_words_and_once() -> None:
    with raw_server() as server:
        up = Upstream(server.port, None, 5.0, "127.0.0.1", None)
    legs = [await up.ask() for _ in range(3)]
    assert {(leg.outcome, leg.failure) for leg in legs} == {(Outcome.CONNECT_ERROR, "connection refused")}
    assert up.told == ["connection refused"]


async def test_several_addresses_are_tried_and_the_bad_one_is_not_tried_first_again() -> None:
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.2", "127.0.0.1"]

    async with upstream(answer, host="up.example", resolver=Resolver("up.example", 1, lookup)) as up:
        first = await up.ask()
        assert (first.outcome, first.body) == (Outcome.OK, b"ok")
        assert await up.pool._connector._route.resolver.addresses() == ["127.0.0.1", "127.0.0.2"]
        assert asked == ["up.example"]


async def test_a_closed_pool_serves_who_still_asks_and_keeps_nothing() -> None:
    async with upstream(answer) as up:
        await up.ask()
        up.pool.close()
        async with asyncio.timeout(5):
            while up.pool.open_count():
                await asyncio.sleep(0)
        leg = await up.ask()
        assert leg.outcome is Outcome.OK
        assert up.pool.idle_count() == 0
