"""The log's writing end: nothing accepted is lost while the disk comes back, and nothing comes in beyond the bound."""

import asyncio
import errno
import os
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from proxy.shadow.capture import disk
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, Setup, read_frames
from proxy.shadow.capture.writer import CaptureLog

SETUP = Setup(config_version=1, block_s=60.0, experiments={})


def make(directory: Path, heard: list[str] | None = None, **settings: Any) -> CaptureLog:
    values: dict[str, Any] = {
        "flush_s": 0.005, "fsync_s": 0.05, "max_queued_bytes": 10_000, "max_disk_bytes": 2**30,
        "on_error": (heard if heard is not None else []).append, "chore": lambda: None,
    }  # fmt: skip
    return CaptureLog(directory, uuid.uuid4(), "w", SETUP, **(values | settings))


def written(directory: Path) -> list[bytes]:
    payloads: list[bytes] = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        data = path.read_bytes()
        unpacked = SegmentHeader.unpack(data)
        assert unpacked is not None
        payloads.extend(bytes(p) for _, p in read_frames(memoryview(data), unpacked[1]))
    return payloads


async def test_frames_are_on_disk_in_order_after_close(tmp_path: Path) -> None:
    log = make(tmp_path, max_queued_bytes=10**7)
    log.start()
    frames = [b"frame %d" % i * (i % 50) for i in range(3000)]
    for frame in frames:
        assert log.append(frame)
        if len(frame) % 100 == 0:
            await asyncio.sleep(0)
    assert await log.close(5)
    assert written(tmp_path) == frames
    assert (tmp_path / os.listdir(tmp_path)[0]).stat().st_mode & 0o777 == 0o600


async def test_a_frame_is_on_disk_soon_without_more_to_come(tmp_path: Path) -> None:
    log = make(tmp_path)
    log.start()
    log.append(b"alone")
    async with asyncio.timeout(5):
        while written(tmp_path) != [b"alone"]:
            await asyncio.sleep(0.005)
    await log.close(5)


async def test_beyond_the_bound_frames_are_refused_and_counted_but_for_those_that_must(tmp_path: Path) -> None:
    log = make(tmp_path)
    assert log.has_room(7_000)
    assert not log.has_room(8_000)
    accepted = sum(log.append(b"x" * 992) for _ in range(20))
    assert accepted == 10
    assert log.refused_frames == 10
    assert log.append(b"must", must=True)
    log.start()
    assert await log.close(5)
    assert len(written(tmp_path)) == 11


async def test_a_disk_that_fails_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of each write fails, some after taking a part; every frame is there in the end, in order."""
    real, calls = os.writev, 0

    def flaky(fd: int, buffers: list[bytes]) -> int:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, [buffers[0][: max(1, len(buffers[0]) // 2)]])

    monkeypatch.setattr(os, "writev", flaky)
    monkeypatch.setattr(disk, "_RETRY_S", 0.0001)
    heard: list[str] = []
    log = make(tmp_path, heard)
    log.start()
    frames = [b"frame number %d" % i for i in range(100)]
    for frame in frames:
        assert log.append(frame)
    assert await log.close(20)
    assert written(tmp_path) == frames
    assert "No space left" in heard[0]
    assert log.write_failures > 100


async def test_segments_end_at_their_size_and_a_frame_never_straddles_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "SEGMENT_BYTES", 2_000)
    log = make(tmp_path, max_queued_bytes=10**6)
    log.start()
    frames = [bytes([i]) * 300 for i in range(100)]
    for number, frame in enumerate(frames):
        log.append(frame)
        if number % 5 == 0:
            log.hand_over()
    assert await log.close(5)
    assert written(tmp_path) == frames
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) > 5


async def test_a_full_share_of_the_disk_turns_new_exchanges_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_DISK_CHECK_S", 0.01)
    log = make(tmp_path, max_disk_bytes=5_000)
    log.start()
    (tmp_path / f"other{SUFFIX}").write_bytes(b"x" * 6_000)
    async with asyncio.timeout(5):
        while log.has_room(1):
            await asyncio.sleep(0.005)
    (tmp_path / f"other{SUFFIX}").unlink()
    async with asyncio.timeout(5):
        while not log.has_room(1):
            await asyncio.sleep(0.005)
    await log.close(5)


async def test_frames_reach_their_file_while_the_disk_is_busy_with_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An fsync that does not end holds up no write: a process that is killed then has lost nothing of them."""
    goes_on, hangs = threading.Event(), threading.Event()
    fsync = os.fsync

    def hanging(fd: int) -> None:
        hangs.set()
        goes_on.wait(20)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", hanging)
    log = make(tmp_path)
    log.start()
    assert log.append(b"the first")
    async with asyncio.timeout(20):
        while not hangs.is_set():
            await asyncio.sleep(0.005)
        assert log.append(b"the second")
        while written(tmp_path) != [b"the first", b"the second"]:
            await asyncio.sleep(0.005)
    goes_on.set()
    assert await log.close(20)


async def test_an_fsync_that_fails_is_told_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    log = make(tmp_path, heard)
    log.start()
    assert log.append(b"a frame")
    async with asyncio.timeout(20):
        while not log.write_failures:
            await asyncio.sleep(0.005)
    assert await log.close(20)
    assert "Input/output error" in heard[0]
    assert written(tmp_path) == [b"a frame"]


async def test_an_fsync_for_which_there_was_no_descriptor_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, duplicate, refusals = threading.Event(), os.dup, iter([True])

    def runs_out_once(fd: int) -> int:
        if next(refusals, False):
            raise OSError(errno.EMFILE, "Too many open files")
        return duplicate(fd)

    monkeypatch.setattr(os, "dup", runs_out_once)
    monkeypatch.setattr(os, "fsync", lambda _: synced.set())
    log = make(tmp_path)
    log.start()
    assert log.append(b"a frame")
    async with asyncio.timeout(20):
        while not synced.is_set():
            await asyncio.sleep(0.005)
    assert log.write_failures == 1
    assert await log.close(20)
