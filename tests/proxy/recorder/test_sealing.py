"""While `capture.encrypt` is set nothing that the recorder keeps on disk can be read without the key."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from pydantic import SecretStr

from config.model import Config
from proxy.recorder import locked
from proxy.recorder import recorder as recorder_module
from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Frame, encode
from proxy.shadow.capture.sealing import KeyRing, sealed_frame
from proxy.shadow.capture.segment import SegmentHeader, pack_frame
from store.errors import StoreRefused
from tests.proxy.recorder.stage import (
    START_UNIX_US,
    Lines,
    LogWriter,
    Shelf,
    config,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    whole_exchange,
)
from tests.proxy.recorder.stage import admitted as admitted_frame

KEY = "a-key-of-the-tests-that-is-long-enough-1"
OLD_KEY = "a-key-of-the-tests-that-is-long-enough-0"
TEXTS = (b"primary 1", b"llama 1", b"m-1")


class SealedWriter(LogWriter):
    """A worker that seals what it writes, or stops to."""

    def __init__(self, directory: Path, *keys: str) -> None:
        super().__init__(directory)
        self.ring = KeyRing(keys)

    def new_segment(self) -> Path:
        self.sequence += 1
        segment = uuid4()
        self.key = self.ring.sealing(segment)
        key_id = self.key.key_id if self.key is not None else b""
        header = SegmentHeader(segment, self.stream, self.sequence, "proxy-0", START_UNIX_US, self.setup, key_id)
        self.path.write_bytes(header.pack())
        return self.path

    def packed(self, *frames: Frame) -> bytes:
        """As they will stand behind what there is."""
        data, place = b"", self.path.stat().st_size
        for frame in frames:
            at = place + len(data)
            parts = pack_frame(encode(frame)) if self.key is None else sealed_frame(self.key, at, encode(frame))
            data += b"".join(parts)
        return data

    def write(self, *frames: Frame) -> None:
        if self.sequence < 0:
            self.new_segment()
        self.write_raw(self.packed(*frames))


def sealed_config(directory: Path, *keys: str, **privacy: Any) -> Config:
    base = config(directory, **({"bodies": "full"} | privacy))
    capture = base.capture.model_copy(update={"encrypt": SecretStr("\n".join(keys)) if keys else None})
    return base.model_copy(update={"capture": capture})


async def record(directory: Path, shelf: Shelf, lines: Lines, *keys: str) -> dict[str, float]:
    recorder = Recorder(sealed_config(directory, *keys), shelf, lines)
    try:
        await drain(recorder)
        return recorder.figures()
    finally:
        await recorder.close()


def files_with(directory: Path, *texts: bytes) -> list[str]:
    """Files that hold one of the texts in the clear."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return sorted(p.name for p in files if any(text in p.read_bytes() for text in texts))


def slow(number: int) -> tuple[list[Frame], list[Frame]]:
    """A pair of which the candidate's leg has not ended, and that end."""
    begin: list[Frame] = [admitted_frame(number, [open_leg()]), leg_end(number, 0, json_answer(f"primary {number}"))]
    return begin, [leg_end(number, 1, json_answer(f"llama {number}"))]


async def test_a_sealed_log_gives_the_rows_of_a_plain_one(tmp_path: Path) -> None:
    frames = [f for n in range(1, 6) for f in whole_exchange(n)]
    shelves: list[Shelf] = []
    for keys in ((), (KEY,)):
        worker, shelf = SealedWriter(tmp_path / f"log-{len(keys)}", *keys), Shelf()
        worker.write(*frames)
        worker.count(frames)
        worker.die()
        assert bool(files_with(worker.directory, *TEXTS)) == (not keys)
        await record(worker.directory, shelf, Lines(), *keys)
        assert leftovers(worker.directory) == []
        shelves.append(shelf)
    plain, sealed = shelves
    for table in ("pairs", "payloads", "skips"):
        without_batch = [[{k: v for k, v in r.items() if k != "batch"} for r in s.rows[table]] for s in (plain, sealed)]
        assert without_batch[0] == without_batch[1]
    assert len(sealed.rows["pairs"]) == 5
    assert plain.states() == sealed.states()


async def test_without_its_key_a_stream_is_left_alone_until_the_key_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, nothing lost, nothing called damaged; a reload brings the key."""
    monkeypatch.setattr(locked, "SAY_AFTER_S", 0.0)
    worker, shelf, lines = SealedWriter(tmp_path, OLD_KEY), Shelf(), Lines()
    frames = [*whole_exchange(1), *whole_exchange(2)]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    before = sorted(os.listdir(tmp_path))
    recorder = Recorder(sealed_config(tmp_path, KEY), shelf, lines)
    for _ in range(3):
        await drain(recorder)
    figures = recorder.figures()
    assert figures["shadowbench_recorder_locked_streams"] == 1
    assert figures["shadowbench_recorder_quarantined_total"] == 0
    assert shelf.rows == {}
    assert [name for name in sorted(os.listdir(tmp_path)) if not name.endswith(".recorder")] == before
    (line,) = lines.warnings
    assert "capture.encrypt" in line
    assert OLD_KEY not in line
    recorder.reload(sealed_config(tmp_path, KEY, OLD_KEY))
    await drain(recorder)
    await recorder.close()
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert leftovers(tmp_path) == []
    assert ("llama", "worker_lost") not in shelf.states()
    assert len(lines.infos) == 1


async def test_keys_change_in_the_middle_of_a_stream_of_workers(tmp_path: Path) -> None:
    """Plain, then sealed, then with another key: each is read while its key is still among the others."""
    shelf = Shelf()
    for number, keys in enumerate(((), (OLD_KEY,), (KEY, OLD_KEY)), start=1):
        worker = SealedWriter(tmp_path, *keys)
        frames = whole_exchange(number)
        worker.write(*frames)
        worker.count(frames)
        worker.die()
    await record(tmp_path, shelf, Lines(), KEY, OLD_KEY)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama"), (3, "llama")]


@pytest.mark.parametrize("cut", [1, 8, 100])
async def test_a_torn_tail_is_cut_and_counted_as_in_a_plain_log(tmp_path: Path, cut: int) -> None:
    worker, shelf = SealedWriter(tmp_path, KEY), Shelf()
    frames = [*whole_exchange(1), *whole_exchange(2)]
    worker.new_segment()
    worker.write_raw(worker.packed(*frames)[:-cut])
    worker.count(frames)
    worker.die()
    figures = await record(tmp_path, shelf, Lines(), KEY)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_torn_tails_total"] == 1
    assert figures["shadowbench_recorder_quarantined_total"] == 0
    assert shelf.states()["llama", "worker_lost"] == 1


async def damaged_log(directory: Path) -> tuple[Shelf, Path]:
    """Four exchanges, the second of them damaged, recorded; and what was set aside."""
    worker, shelf = SealedWriter(directory, KEY), Shelf()
    frames = [f for n in (1, 2, 3) for f in whole_exchange(n)]
    worker.write(*frames[:3])
    data = bytearray(worker.packed(*frames[3:]))
    data[20] ^= 1
    worker.write_raw(bytes(data))
    worker.new_segment()
    last = whole_exchange(4)
    worker.write(*last)
    worker.count([*frames, *last])
    worker.die()
    await record(directory, shelf, Lines(), KEY)
    (aside,) = (directory / "quarantine").glob("*.sealed")
    return shelf, aside


async def test_what_is_damaged_goes_aside_as_it_was_and_stays_sealed(tmp_path: Path) -> None:
    shelf, aside = await damaged_log(tmp_path)
    assert shelf.keys("pairs") == [(1, "llama"), (4, "llama")]
    assert shelf.states()["llama", "quarantined"] == 2
    assert files_with(tmp_path, *TEXTS) == []
    assert aside.stat().st_mode & 0o777 == 0o600
    assert aside.parent.stat().st_mode & 0o777 == 0o700


def unseal(path: Path, *keys: str) -> "subprocess.CompletedProcess[bytes]":
    settings = path.parent / "settings.yaml"
    settings.write_text(f"primary: {{url: 'http://p:1'}}\ncapture: {{encrypt: '{' '.join(keys)}'}}\n")
    command = [sys.executable, "-m", "proxy.recorder.unseal", "-c", str(settings), str(path)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


async def test_what_is_whole_of_a_damaged_stretch_can_be_taken_out_with_the_key(tmp_path: Path) -> None:
    _, aside = await damaged_log(tmp_path)
    done = unseal(aside, OLD_KEY, KEY)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record[0] for record in records] == [3, 3, 1, 3, 3]  # of exchange 2 the admission is damaged
    assert b"1 damaged" in done.stderr
    refused = unseal(aside, OLD_KEY)
    assert refused.returncode != 0
    assert b"capture.encrypt" in refused.stderr


async def test_rows_that_the_store_refuses_are_set_aside_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.recorder.sender.FIRST_PAUSE_S", 0.0001)
    monkeypatch.setattr("proxy.recorder.sender.LONGEST_PAUSE_S", 0.0001)

    def refuse(table: str, _token: str) -> None:
        if table == "payloads":
            raise StoreRefused("no")

    worker, shelf = SealedWriter(tmp_path, KEY), Shelf(fail=refuse)
    frames = whole_exchange(1)
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    await record(tmp_path, shelf, Lines(), KEY)
    (aside,) = (tmp_path / "quarantine").glob("*.sealed")
    assert files_with(tmp_path, *TEXTS) == []
    rows = msgspec.json.decode(unseal(aside, KEY).stdout)
    assert {row[4] for row in rows} == {"primary 1", "llama 1"}


def carrying(directory: Path, keys: Sequence[str]) -> Config:
    base = sealed_config(directory, *keys)
    return base.model_copy(update={"capture": base.capture.model_copy(update={"max_disk": 16_000})})


async def test_what_is_carried_on_is_sealed_and_waits_for_its_key(tmp_path: Path) -> None:
    """An open exchange is carried out of old segments, under one key, then waits for a recorder that has it."""
    worker, shelf = SealedWriter(tmp_path, KEY), Shelf()
    begin, end = slow(1)
    worker.write(*begin)
    recorder = Recorder(carrying(tmp_path, [KEY]), shelf, Lines())
    for n in range(10):
        worker.new_segment()
        worker.write(*whole_exchange(100 + n))
        await drain(recorder)
    await recorder.close()
    assert len(list(tmp_path.glob("*.carry"))) == 1
    assert files_with(tmp_path, *TEXTS) == []
    worker.write(*end)
    worker.die()
    await record(tmp_path, shelf, Lines(), OLD_KEY)
    assert (1, "llama") not in shelf.keys("pairs")
    await record(tmp_path, shelf, Lines(), OLD_KEY, KEY)
    assert shelf.keys("pairs") == [(1, "llama"), *((100 + n, "llama") for n in range(10))]
    assert leftovers(tmp_path) == []


async def test_what_memory_let_go_of_is_read_and_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_MAX_HELD_BYTES", 3_000)
    worker, shelf = SealedWriter(tmp_path, KEY), Shelf()
    halves = [slow(n) for n in range(1, 31)]
    for begin, _ in halves:
        worker.write(*begin)
    worker.new_segment()
    for _, end in reversed(halves):
        worker.write(*end)
    worker.die()
    figures = await record(tmp_path, shelf, Lines(), KEY)
    assert figures["shadowbench_recorder_evicted_exchanges_total"] > 10
    assert shelf.keys("pairs") == [(n, "llama") for n in range(1, 31)]
