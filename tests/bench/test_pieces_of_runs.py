"""Small parts of the benchmarks: what they read from the system, from an audit and from other packages."""

import asyncio
import contextlib
import time
from collections import Counter

import pytest

from bench.peers import free_proxy_requirements
from bench.precise import precise_loop
from bench.rounds import content_of
from bench.served import established, states_of
from bench.streams import Plan, affordable

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:C352 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
   4: 0100007F:1F91 0100007F:C353 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1
"""


def test_clients_of_a_worker_are_its_established_connections_on_the_port() -> None:
    """Port 0x1F90 is 8080, 0xC350 is 50000; a listener, another's socket, one that closes, another port."""
    assert established(TCP, 8080, {"11", "12"}) == {50000}
    assert established(TCP, 8080, {"12", "13"}) == {50000, 50001}


def test_states_of_an_audit_add_up_over_hours_for_one_candidate() -> None:
    line = {"candidate": "a", "uncaptured": {"paused": 1}, "skips": {"budget": 2}, "lost": {"worker_lost": 3}}
    lines = [{**line, "pairs": 4, "open": 5, "recording": 6}, {**line, "pairs": 10, "open": 0, "recording": 0}]
    lines.append({**lines[0], "candidate": "b"})
    assert states_of(lines, "a") == Counter({"paused": 2, "budget": 4, "worker_lost": 6, "pairs": 14, "under way": 11})


def test_of_litellm_only_the_free_part_of_the_proxy_is_installed() -> None:
    requirements = [
        "httpx>=0.28",
        "fastapi>=0.1,<1.0 ; extra == 'proxy'",
        "uvloop>=0.2 ; sys_platform != 'win32' and extra == 'proxy'",
        "litellm-enterprise==0.1 ; extra == 'proxy'",
        "litellm-proxy-extras==0.4 ; extra == 'proxy'",
        "prisma>=0.11 ; extra == 'extra-proxy'",
        "ddtrace>=4 ; extra == 'proxy-runtime'",
    ]
    assert free_proxy_requirements(requirements) == ["fastapi>=0.1,<1.0", "uvloop>=0.2"]


def test_the_text_of_an_answer_is_the_same_whole_and_streamed() -> None:
    whole = b'{"choices": [{"message": {"content": "one two"}}]}'
    events = (
        b'data: {"choices": [{"delta": {"content": "one"}}]}\n\ndata: {"choices": [{"delta": {"content": " two"}}]}\n\n'
    )
    assert content_of(whole, streams=False) == "one two"
    assert content_of(events + b'data: {"choices": []}\n\ndata: [DONE]\n\n', streams=True) == "one two"


def test_streams_are_as_many_as_descriptors_allow(capsys: pytest.CaptureFixture[str]) -> None:
    """18,000 sockets and some to spare fit into 20,000."""
    assert affordable(6_000, 20_000) == 6_000
    assert capsys.readouterr().err == ""
    assert affordable(6_000, 1_024) == 174
    assert "174 streams" in capsys.readouterr().err


def test_the_first_stream_outlasts_the_measuring() -> None:
    plan = Plan(streams=6_000, gap_s=0.5, seconds=30.0, rounds=1)
    assert (plan.events - 1) * plan.gap_s > 6_000 / 1_000 + 30.0


def test_timers_of_the_precise_loop_fire_in_order_and_never_early() -> None:
    fired: list[tuple[int, float]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        done = asyncio.Event()

        def fire(number: int) -> None:
            fired.append((number, loop.time() - begin_s))

        for number in (3, 1, 2):
            loop.call_at(begin_s + number * 0.0007, fire, number)
        loop.call_at(begin_s + 0.004, done.set)
        await done.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(run())
    assert [number for number, _ in fired] == [1, 2, 3]
    assert all(taken_s >= number * 0.0007 for number, taken_s in fired)


def test_the_precise_loop_serves_sockets_while_no_timer_runs() -> None:
    async def run() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    began_s = time.monotonic()
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        assert runner.run(run()) == b"hello\n"
    assert time.monotonic() - began_s < 5.0
