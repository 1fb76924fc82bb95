"""Tunnels: only who asked for one gets one, and its two ends wait for each other."""

import asyncio
import contextlib

from tests.faults.mutation import Mutation, protected_by
from tests.faults.watching import Watched, connected, reset, until, watched
from tests.proxy.harness import answering, bench, raw_upstream

RELAY = "proxy/serve/relay.py"


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
