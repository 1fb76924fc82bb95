"""What a worker says in its log: every exchange that began before a watermark stands whole in front of it."""

import asyncio
import time
from typing import Any

import pytest

from proxy import generation, worker
from proxy.shadow.capture.frames import Admitted, Dropped, Frame, LegEnd, Watermark, decode
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, read_frames
from tests.proxy.harness import TIMEOUT_S, Bench, Received, answering, bench, chat, ok

ANSWER = ok(b'{"choices":[]}')
BODY = b'{"model":"m","messages":[]}'
REQUEST = chat(BODY)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_FIGURES_EVERY_S", 0.01)
    monkeypatch.setattr(generation, "MARK_IDLE_EVERY_S", 0.02)


def streams(b: Bench) -> list[list[Frame]]:
    """The frames of each stream, watermarks and all."""
    found: dict[str, list[Frame]] = {}
    for path in sorted(b.capture_dir.glob(f"*{SUFFIX}")):
        data = path.read_bytes()
        unpacked = SegmentHeader.unpack(data)
        assert unpacked is not None
        payloads = (decode(payload) for _, payload in read_frames(memoryview(data), unpacked[1]))
        found.setdefault(unpacked[0].stream.hex, []).extend(payloads)
    return list(found.values())


def assert_complete(frames: list[Frame]) -> None:
    """Decided from the frames alone: whatever began before a mark has all its legs' ends in front of it."""
    for place, mark in enumerate(frames):
        if not isinstance(mark, Watermark):
            continue
        ended = {f.id for f in frames[:place] if isinstance(f, Dropped)}
        legs = [f.id for f in frames[:place] if isinstance(f, LegEnd)]
        for frame in frames:
            if isinstance(frame, Admitted) and frame.start_unix_us < mark.unix_us and frame.id not in ended:
                assert legs.count(frame.id) == 1 + sum(plan.state == "open" for plan in frame.legs)


def marks(b: Bench) -> list[int]:
    return [f.unix_us for frames in streams(b) for f in frames if isinstance(f, Watermark)]


async def newer(b: Bench, than_us: int) -> None:
    """Until a watermark is younger than that."""
    async with asyncio.timeout(TIMEOUT_S):
        while max(marks(b), default=0) <= than_us:
            await asyncio.sleep(0.01)


def now_us() -> int:
    return time.time_ns() // 1000


async def several(b: Bench, count: int = 5) -> None:
    """Until so many more watermarks are there."""
    wanted = len(marks(b)) + count
    async with asyncio.timeout(TIMEOUT_S):
        while len(marks(b)) < wanted:
            await asyncio.sleep(0.01)


async def test_an_exchange_holds_the_watermark_until_both_its_legs_have_ended() -> None:
    go_on = asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(answering(ANSWER), {"twin": slow}) as b:
        await newer(b, now_us())
        client = await b.client()
        began_us = now_us()
        client.send(REQUEST)
        await client.response()
        await b.recorded(1)
        await several(b)
        assert max(marks(b)) < now_us() - 20_000
        (start_us,) = (f.start_unix_us for f in b.frames() if isinstance(f, Admitted))
        assert start_us >= began_us
        assert marks(b)[-1] == start_us
        go_on.set()
        await newer(b, now_us())
        for frames in streams(b):
            assert_complete(frames)


async def test_a_request_that_is_still_being_sent_holds_it_too() -> None:
    """Nothing of it is in the log yet, and it will come with a start from before."""
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        client = await b.client()
        began_us = now_us()
        client.send(REQUEST[:-5])
        await several(b, 10)
        assert marks(b)[-1] < began_us + 20_000
        assert now_us() - marks(b)[-1] > 50_000
        client.send(REQUEST[-5:])
        await client.response()
        await newer(b, now_us())
        for frames in streams(b):
            assert_complete(frames)


async def test_a_skip_holds_it_until_the_primary_has_answered() -> None:
    go_on = asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(slow, {"twin": answering(ANSWER)}, candidate_settings={"max_in_flight": 1}) as b:
        clients = [await b.client() for _ in range(3)]
        for client in clients:
            client.send(REQUEST)
        await b.counted("twin", "max_in_flight")
        await several(b, 2)
        before = marks(b)[-1]
        await several(b)
        assert marks(b)[-1] - before < 50_000
        go_on.set()
        for client in clients:
            await client.response()
        await newer(b, now_us())
        for frames in streams(b):
            assert_complete(frames)


async def test_each_generation_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one is held by what began with it; the new one is not."""
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(answering(ANSWER), {"twin": slow}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await begun.wait()
        assert b.worker.reload(b.worker.config.model_copy(update={"drain": 31.0}), 2) is None
        await several(b, 10)
        newest = sorted(max(f.unix_us for f in s if isinstance(f, Watermark)) for s in streams(b))
        assert len(newest) == 2
        assert newest[1] - newest[0] > 20_000
        go_on.set()
        await client.response()
        await several(b, 5)
        for frames in streams(b):
            assert_complete(frames)


async def test_under_load_no_watermark_ever_says_too_much() -> None:
    """Answers of many lengths, clients that leave, a full log: every mark is true of what lies in the log."""

    async def uneven(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(len(request.body) % 7 / 100)
        writer.write(ANSWER)

    settings: dict[str, Any] = {"limits": {"shadow_memory": "64KiB", "loop_lag": "1h"}}
    async with bench(uneven, {"a": uneven, "b": answering(ANSWER)}, **settings) as b:

        async def one(number: int) -> None:
            client = await b.client()
            for turn in range(8):
                client.send(chat(b'{"model":"m","messages":[],"user":"%s"}' % (b"x" * (number * 5 + turn))))
                if number % 5 == 4 and turn == 6:
                    client.close()
                    return
                await client.response()

        await asyncio.gather(*(one(n) for n in range(12)))
        await newer(b, now_us())
        assert len(marks(b)) > 10
        for frames in streams(b):
            assert_complete(frames)


async def test_a_log_that_nothing_is_added_to_speaks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "MARK_IDLE_EVERY_S", 3600.0)
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        await newer(b, 0)
        await asyncio.sleep(0.2)
        assert len(marks(b)) == 1
        client = await b.client()
        client.send(REQUEST)
        await client.response()
        await several(b, 1)
