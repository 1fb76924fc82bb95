"""Torn, damaged, vanished: the recorder goes on, and what is missing is counted."""

import os
from pathlib import Path

import msgspec
import pytest

from proxy.recorder import shipment
from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Dropped, Frame, LegPlan, encode
from proxy.shadow.capture.segment import pack_frame
from record.states import State
from tests.proxy.recorder.stage import (
    HOUR,
    Lines,
    LogWriter,
    Shelf,
    admitted,
    config,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    record,
    request_id,
    whole_exchange,
)


def packed(*frames: Frame) -> bytes:
    return b"".join(part for frame in frames for part in pack_frame(encode(frame)))


def assert_adds_up(shelf: Shelf, candidate: str) -> None:
    """received = never captured + skipped + pairs + lost, for a stream that has ended."""
    states = {state: count for (name, state), count in shelf.states().items() if name == candidate}
    pairs = sum(1 for _, name in shelf.keys("pairs") if name == candidate)
    lost = sum(states.get(s, 0) for s in ("worker_lost", "disk_dropped", "quarantined"))
    others = sum(
        count
        for state, count in states.items()
        if state not in {"received", "admitted", "ended", "worker_lost", "disk_dropped", "quarantined"}
    )
    assert states["received"] == others + pairs + lost


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 100])
async def test_a_torn_tail_is_waited_for_while_its_worker_lives(tmp_path: Path, cut: int) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    data = packed(*whole_exchange(1))
    worker.new_segment()
    worker.write_raw(data[:-cut])
    recorder = Recorder(config(tmp_path), shelf, Lines())
    for _ in range(20):
        recorder.look_now()
        await recorder.turn(is_draining=False)
    assert shelf.keys("pairs") == []
    worker.write_raw(data[-cut:])
    await drain(recorder)
    figures = recorder.figures()
    await recorder.close()
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_torn_tails_total"] == 0
    worker.die()


@pytest.mark.parametrize("cut", [1, 8, 100])
async def test_a_torn_tail_of_a_dead_worker_is_cut_and_its_exchange_counted_as_lost(tmp_path: Path, cut: int) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = [*whole_exchange(1), *whole_exchange(2)]
    worker.new_segment()
    worker.write_raw(packed(*frames)[:-cut])
    worker.count(frames)
    worker.die()
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_torn_tails_total"] == 1
    assert shelf.states()["llama", "worker_lost"] == 1
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []


async def test_the_rest_of_a_damaged_segment_goes_aside_with_the_reason_and_the_next_is_read(tmp_path: Path) -> None:
    """One flipped bit in the second of three exchanges; the third segment is whole."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = [f for n in (1, 2, 3, 4) for f in whole_exchange(n)]
    worker.write(*frames[:3])
    damaged_at = worker.path.stat().st_size
    data = bytearray(packed(*frames[3:9]))
    data[len(data) // 3] ^= 1
    worker.write_raw(bytes(data))
    worker.new_segment()
    worker.write(*frames[9:])
    worker.count(frames)
    worker.die()
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (4, "llama")]
    states = shelf.states()
    assert states["llama", "quarantined"] == 2
    assert ("llama", "worker_lost") not in states
    assert_adds_up(shelf, "llama")
    assert figures["shadowbench_recorder_quarantined_total"] == 1
    aside = sorted(os.listdir(tmp_path / "quarantine"))
    assert [Path(name).suffix for name in aside] == [".json", ".part"]
    note = msgspec.json.decode((tmp_path / "quarantine" / aside[0]).read_bytes())
    assert "checksum" in note["reason"]
    assert note["offset"] >= damaged_at


async def test_a_file_that_is_no_segment_goes_aside_and_the_next_is_read(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.new_segment().write_bytes(b"something else entirely, and long enough")
    worker.new_segment()
    worker.write(*whole_exchange(2))
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(2, "llama")]
    assert len(os.listdir(tmp_path / "quarantine")) == 2
    assert leftovers(tmp_path) == []


async def test_an_empty_segment_of_a_dead_worker_is_passed_over(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1))
    worker.new_segment().write_bytes(b"")
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert leftovers(tmp_path) == []


async def test_a_record_of_another_version_is_set_aside_alone(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1))
    worker.write_raw(b"".join(pack_frame(msgspec.msgpack.encode([99, "from the future"]))))
    worker.write(*whole_exchange(2))
    worker.die()
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert figures["shadowbench_recorder_bad_frames_total"] == 1


async def test_one_bad_exchange_is_counted_and_the_others_are_recorded(tmp_path: Path) -> None:
    """An outcome that nobody knows: a fault of ours, not of the log."""
    worker, shelf, lines = LogWriter(tmp_path), Shelf(), Lines()
    bad: list[Frame] = [
        admitted(2, [open_leg()]),
        leg_end(2, 0, b"", outcome="from the future"),
        leg_end(2, 1, json_answer("x")),
    ]
    frames: list[Frame] = [*whole_exchange(1), *bad, *whole_exchange(3)]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(1, "llama"), (3, "llama")]
    assert shelf.states()["llama", "quarantined"] == 1
    assert_adds_up(shelf, "llama")
    assert len(lines.warnings) == 1


async def test_an_exchange_with_a_hole_is_left_out_and_missed_in_the_end(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames: list[Frame] = [
        admitted(1, [open_leg()]),
        leg_end(1, 0, json_answer("x")),
        leg_end(1, 1, b"the end of something longer", body_bytes=9999),
    ]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == []
    assert figures["shadowbench_recorder_holes_total"] == 1
    assert shelf.states()["llama", "worker_lost"] == 1


async def test_an_exchange_that_was_given_up_for_want_of_disk_is_forgotten(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames: list[Frame] = [admitted(1, [open_leg()]), leg_end(1, 0, json_answer("x"))]
    worker.write(*frames, Dropped(request_id(1)))
    worker.count(frames, ended=False)
    worker.add("llama", State.DISK_DROPPED.value)
    worker.die()
    figures = await record(tmp_path, shelf)
    assert figures["shadowbench_recorder_open_exchanges"] == 0
    states = shelf.states()
    assert states["llama", "disk_dropped"] == 1
    assert ("llama", "worker_lost") not in states
    assert_adds_up(shelf, "llama")


async def test_frames_whose_beginning_was_lost_are_counted_and_ignored(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(leg_end(9, 0, b""), *whole_exchange(1))
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_orphan_frames_total"] == 1
    worker.die()


async def test_a_capture_directory_that_somebody_empties_costs_what_was_in_it(tmp_path: Path) -> None:
    """While the recorder runs: what it has open it reads to the end; a new worker is recorded as ever."""
    worker, shelf, lines = LogWriter(tmp_path), Shelf(), Lines()
    recorder = Recorder(config(tmp_path), shelf, lines)
    worker.write(*whole_exchange(1))
    await drain(recorder)
    for name in os.listdir(tmp_path):
        (tmp_path / name).unlink()
    worker.die()
    await drain(recorder)
    second = LogWriter(tmp_path)
    second.write(*whole_exchange(2))
    second.die()
    await drain(recorder)
    await recorder.close()
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert leftovers(tmp_path) == []


async def test_without_the_directory_the_recorder_waits_for_it(tmp_path: Path) -> None:
    directory, shelf = tmp_path / "later", Shelf()
    recorder = Recorder(config(directory), shelf, Lines())
    await drain(recorder)
    worker = LogWriter(directory)
    worker.write(*whole_exchange(1))
    worker.die()
    await drain(recorder)
    await recorder.close()
    assert shelf.keys("pairs") == [(1, "llama")]


async def test_a_checkpoint_that_cannot_be_used_leaves_its_stream_alone(tmp_path: Path) -> None:
    """Reading without it could record twice; the others go on, and the operator hears of it."""
    first, second, shelf, lines = LogWriter(tmp_path), LogWriter(tmp_path), Shelf(), Lines()
    first.write(*whole_exchange(1))
    second.write(*whole_exchange(2))
    (tmp_path / f"{first.stream.hex}.checkpoint").write_bytes(b'{"version": 2}')
    await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(2, "llama")]
    assert len(lines.warnings) == 1
    assert first.path.exists()
    first.die()
    second.die()


async def test_every_state_of_a_worker_that_ended_adds_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours, two candidates: skips, pairs, lost ones and uncaptured ones; counted again and again as they come."""
    monkeypatch.setattr(shipment, "MAX_ROWS", 2)
    worker, shelf = LogWriter(tmp_path), Shelf()
    skipping: list[Frame] = [admitted(50, [LegPlan("llama", "budget", 0.5, []), open_leg("qwen")])]
    skipping += [leg_end(50, 0, json_answer("p")), leg_end(50, 2, json_answer("q"))]
    whole = [f for n in range(1, 8) for f in whole_exchange(n, ("llama", "qwen"))]
    lost: list[Frame] = [admitted(60, [open_leg("llama"), open_leg("qwen")]), leg_end(60, 1, json_answer("x"))]
    recorder = Recorder(config(tmp_path), shelf, Lines())
    for part in (skipping, whole[:13], whole[13:], lost):
        worker.write(*part)
        worker.count(part, ended=part is not lost)
        worker.add("llama", "received", hour=HOUR + 1)
        worker.add("llama", "unsampled", hour=HOUR + 1)
        await drain(recorder)
    worker.die()
    await drain(recorder)
    await recorder.close()
    assert shelf.keys("skips") == [(50, "llama")]
    states = shelf.states()
    assert (states["llama", "received"], states["qwen", "received"]) == (13, 9)
    assert (states["llama", "budget"], states["llama", "unsampled"]) == (1, 4)
    assert (states["llama", "worker_lost"], states["qwen", "worker_lost"]) == (1, 1)
    assert len(shelf.keys("pairs")) == 15
    assert_adds_up(shelf, "llama")
    assert_adds_up(shelf, "qwen")
    seconds = {row["ts"].timestamp() // 3600 for row in shelf.rows["counters"]}
    assert seconds == {HOUR, HOUR + 1}
    assert leftovers(tmp_path) == []
