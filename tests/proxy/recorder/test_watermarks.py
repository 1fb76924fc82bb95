"""What the store is told of how far a stream is complete is never more than is there."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.pairing import instant
from proxy.recorder.recorder import Recorder
from proxy.recorder.shipment import MarkPlan
from proxy.recorder.watermarks import SAY_EVERY_S, SAY_UNCHANGED_EVERY_S, StreamMark, Watermarks
from proxy.shadow.capture.frames import Frame, Watermark
from store.errors import StoreUnavailable
from tests.proxy.recorder.stage import (
    START_UNIX_US,
    Crash,
    Lines,
    LogWriter,
    Shelf,
    config,
    drain,
    record,
    whole_exchange,
)


def at(second: int) -> Watermark:
    return Watermark(START_UNIX_US + second * 1_000_000)


def said(shelf: Shelf) -> list[tuple[Any, bool]]:
    return [(row["watermark"], row["closed"]) for row in shelf.rows["watermarks"]]


async def test_the_store_hears_of_a_watermark_once_everything_before_it_is_there(tmp_path: Path) -> None:
    """While the pairs do not arrive, neither does the word that they have."""
    away = True

    def fail(table: str, _token: str) -> None:
        if away and table == "pairs":
            raise StoreUnavailable("not now")

    worker, shelf = LogWriter(tmp_path), Shelf(fail=fail)
    worker.write(at(1), *whole_exchange(1), at(2))
    recorder = Recorder(config(tmp_path), shelf, Lines())
    for _ in range(20):
        recorder.look_now()
        await recorder.turn(is_draining=True)
        await recorder.wait(0.001)
    before = said(shelf)
    away = False
    await drain(recorder)
    await recorder.close()
    worker.die()
    assert before == []
    assert said(shelf) == [(instant(at(2).unix_us), False)]


async def test_a_stream_is_closed_in_the_store_before_its_files_go(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames: list[Frame] = [*whole_exchange(1), at(5), *whole_exchange(2)]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    await record(tmp_path, shelf)
    row = shelf.rows["watermarks"][-1]
    assert (row["stream"], row["worker"], row["closed"]) == (worker.stream, "proxy-0", True)
    assert row["watermark"] == instant(at(5).unix_us)
    assert not list(tmp_path.glob("*.checkpoint"))


async def test_a_log_of_an_earlier_release_says_nothing_until_it_is_at_its_end(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1))
    recorder = Recorder(config(tmp_path), shelf, Lines())
    await drain(recorder)
    assert said(shelf) == []
    worker.die()
    await drain(recorder)
    await recorder.close()
    assert said(shelf) == [(None, True)]


async def test_a_worker_that_captured_nothing_leaves_no_row(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.rows["watermarks"] == []


async def test_a_recorder_that_dies_before_the_stream_is_closed_closes_it_in_its_next_life(tmp_path: Path) -> None:
    def die(table: str, _token: str) -> None:
        if table == "watermarks":
            raise Crash

    worker, shelf = LogWriter(tmp_path), Shelf(fail_after=die)
    worker.write(*whole_exchange(1), at(3))
    worker.die()
    with contextlib.suppress(Crash, AssertionError):
        await record(tmp_path, shelf)
    shelf.fail_after = lambda table, token: None
    await record(tmp_path, shelf)
    assert shelf.rows["watermarks"][-1]["closed"]
    assert shelf.keys("pairs") == [(1, "llama")]


@given(st.lists(st.sampled_from(["row", "mark", "plan", "stored", "settle"]), max_size=60))
def test_no_order_of_steps_makes_a_mark_hold_before_the_rows_in_front_of_it(steps: list[str]) -> None:
    """A model of the follower: rows in the log, in a draft, in flight, in the store."""
    mark, log, draft, in_flight, stored = StreamMark(), 0, 0, -1, 0
    for step in steps:
        if step == "row":
            log, draft = log + 1, draft + 1
        elif step == "mark":
            mark.read(log)  # says: everything up to the row number `log` comes before me
        elif step == "plan" and draft and in_flight < 0:
            in_flight, draft = draft, 0
            mark.batch_planned()
        elif step == "stored" and in_flight >= 0:
            stored, in_flight = stored + in_flight, -1
            mark.batch_stored()
        elif step == "settle" and not draft and in_flight < 0:
            mark.all_stored()
        assert mark.stored_us is None or mark.stored_us <= stored


@dataclass
class Stream:
    stream: UUID = field(default_factory=uuid4)
    mark: StreamMark = field(default_factory=StreamMark)
    worker: str = "proxy-0"
    is_read: bool = False
    has_begun: bool = True

    def holds(self, unix_us: int) -> None:
        self.mark.read(unix_us)
        self.mark.all_stored()


def rows(watermarks: Watermarks, streams: Iterable[Stream], now_s: float) -> list[tuple[UUID, bool]]:
    shipment = watermarks.plan(streams, now_s, 1_790_000_000 + now_s, flush=False)
    if shipment is None:
        return []
    assert isinstance(shipment.plan, MarkPlan)
    watermarks.acknowledge(shipment.plan)
    return [(row[0], row[3]) for row in shipment.inserts[0].rows]


def test_several_streams_are_one_insert_and_none_speaks_too_often() -> None:
    watermarks, a, b = Watermarks(), Stream(), Stream()
    assert rows(watermarks, [a, b], 0) == []
    a.holds(1)
    b.holds(1)
    assert rows(watermarks, [a, b], 1) == [(a.stream, False), (b.stream, False)]
    a.holds(2)
    assert rows(watermarks, [a, b], 1 + SAY_EVERY_S / 2) == []
    assert rows(watermarks, [a, b], 1 + SAY_EVERY_S) == [(a.stream, False)]


def test_a_stream_that_waits_for_one_exchange_says_that_it_lives_and_one_that_is_silent_does_not() -> None:
    watermarks, waits, silent = Watermarks(), Stream(), Stream()
    for stream in (waits, silent):
        stream.holds(7)
    assert len(rows(watermarks, [waits, silent], 0)) == 2
    waits.holds(7)
    assert rows(watermarks, [waits, silent], SAY_UNCHANGED_EVERY_S - 1) == []
    assert rows(watermarks, [waits, silent], SAY_UNCHANGED_EVERY_S + 1) == [(waits.stream, False)]


def test_the_end_of_a_stream_is_said_once_and_at_once() -> None:
    watermarks, stream = Watermarks(), Stream()
    stream.holds(1)
    assert len(rows(watermarks, [stream], 0)) == 1
    stream.is_read = True
    assert not watermarks.is_closed(stream)
    assert rows(watermarks, [stream], 1) == [(stream.stream, True)]
    assert watermarks.is_closed(stream)
    assert rows(watermarks, [stream], 100) == []
