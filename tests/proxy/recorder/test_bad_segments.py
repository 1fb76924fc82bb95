"""Files of the capture directory that are not what they should be: none stops the recorder, each loss is counted."""

import errno
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Frame, encode
from proxy.shadow.capture.segment import SegmentName, pack_frame
from tests.proxy.recorder.stage import (
    START_NS,
    START_UNIX_US,
    Lines,
    LogWriter,
    Shelf,
    config,
    drain,
    json_answer,
    leftovers,
    record,
    request_id,
    whole_exchange,
)
from tests.proxy.recorder.test_damage import assert_adds_up


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


HEADERS: dict[str, Callable[[bytes], bytes]] = {
    "other magic": lambda data: b"SBSEGMT?" + data[8:],
    "a newer version": lambda data: data[:8] + (99).to_bytes(2, "little") + data[10:],
    "a length beyond the file": lambda data: data[:10] + (2**31).to_bytes(4, "little") + data[14:],
    "a flipped bit": lambda data: flipped(data, 40),
    "a flipped bit in its checksum": lambda data: flipped(data, len(data) - 1),
    "cut": lambda data: data[:30],
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
async def test_a_segment_whose_header_is_wrong_is_passed_over(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """What it held is counted: two were written in full, and cannot be read."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = [whole_exchange(n) for n in range(1, 5)]
    worker.write(*frames[0])
    path = worker.new_segment()
    header = path.read_bytes()
    worker.write(*frames[1], *frames[2])
    path.write_bytes(change(header) + path.read_bytes()[len(header) :])
    worker.new_segment()
    worker.write(*frames[3])
    worker.count([f for exchange in frames for f in exchange])
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (4, "llama")]
    states = shelf.states()
    assert states.get(("llama", "quarantined"), 0) + states.get(("llama", "worker_lost"), 0) == 2
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []


TAILS: dict[str, bytes] = {
    "zeros, as after a power cut": bytes(5000),
    "a length beyond all bounds": (2**31).to_bytes(4, "little") + b"whatever",
    "noise": random.Random(3).randbytes(3000),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
async def test_what_follows_the_last_whole_record_is_set_aside(tmp_path: Path, tail: bytes) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = [*whole_exchange(1), *whole_exchange(2)]
    worker.write(*frames[:4])
    worker.write_raw(tail)
    worker.count(frames)
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    states = shelf.states()
    assert states.get(("llama", "quarantined"), 0) + states.get(("llama", "worker_lost"), 0) == 1
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []


def deep(levels: int) -> bytes:
    """A list in a list in a list, where a record has its last field."""
    whole = msgspec.msgpack.decode(encode(whole_exchange(5)[0]))
    packed = msgspec.msgpack.encode([*whole, None])
    return packed[:-1] + b"\x91" * levels + b"\xc0"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x93\x01",
        msgspec.msgpack.encode({"a": 1}),
        msgspec.msgpack.encode([1, 2, 3]),
        msgspec.msgpack.encode([3, b"id", "arm"]),
        deep(100_000),
        *(random.Random(n).randbytes(200) for n in range(20)),
    ],
    ids=lambda payload: payload[:6].hex() or "empty",
)
async def test_a_whole_record_of_garbage_is_set_aside_alone(tmp_path: Path, payload: bytes) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1))
    worker.write_raw(b"".join(pack_frame(payload)))
    worker.write(*whole_exchange(2))
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]


async def test_values_that_cannot_be_cost_their_exchange_alone(tmp_path: Path) -> None:
    """An instant beyond the calendar, an identifier of another length: records of the right shape."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1))
    for fields in ({"start_unix_us": 2**62}, {"start_unix_us": -(2**62)}, {"id": b"short"}):
        first, *rest = whole_exchange(2)
        same = {name: value for name, value in fields.items() if name == "id"}
        changed: list[Frame] = [msgspec.structs.replace(first, **fields)]
        worker.write(*changed, *(msgspec.structs.replace(f, **same) for f in rest))
    worker.write(*whole_exchange(3))
    worker.die()
    figures = await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (3, "llama")]
    assert figures["shadowbench_recorder_bad_exchanges_total"] == 3


@pytest.mark.parametrize("is_same_stream", [True, False], ids=["under the next number", "as another machine's"])
async def test_a_copy_of_a_segment_is_not_recorded_again(tmp_path: Path, is_same_stream: bool) -> None:
    """Its header says whose it is, and which."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1), *whole_exchange(2))
    name = SegmentName(worker.stream, 7) if is_same_stream else SegmentName(uuid4(), 0)
    (tmp_path / name.file_name()).write_bytes(worker.path.read_bytes())
    os.utime(tmp_path / name.file_name(), (1, 1))
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert any("header" in note.read_text() for note in (tmp_path / "quarantine").glob("*.json"))


async def test_records_of_the_first_release_are_read(tmp_path: Path) -> None:
    """Written out field by field, as msgpack arrays: nothing of today's code makes them."""
    number = request_id(1)
    answer = json_answer("from long ago")
    admitted = [
        1, number, START_UNIX_US, START_NS, "chat/completions", "/v1/chat/completions", [], {"tenant": "acme"}, 1,
        False, 7, [["llama", "open", 0.5, []]], b'{"model":"m-1"}',
    ]  # fmt: skip
    ends = [
        [
            3, number, arm, "ok", 200, [[b"content-type", b"application/json"]], START_NS + 1, None, True,
            START_NS + 1_000_001, len(answer), 0, 0, None, 0, [START_NS + 1_000_001], [len(answer)], answer,
        ]
        for arm in (0, 1)
    ]  # fmt: skip
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.new_segment()
    for record_of_then in (admitted, *ends):
        worker.write_raw(b"".join(pack_frame(msgspec.msgpack.encode(record_of_then))))
    worker.die()
    await record(tmp_path, shelf)
    (row,) = shelf.rows["pairs"]
    assert (row["candidate"], row["primary_total_ms"], row["candidate_outcome"]) == ("llama", 1.0, "ok")
    assert {text["response"] for text in shelf.rows["payloads"]} == {"from long ago"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00" * 300,
        b"[]",
        b'{"version": 2}',
        b'{"version": 1, "done": "x"}',
        b'{"version": 1, "done": [1]}',
    ],
    ids=repr,
)
async def test_a_checkpoint_that_cannot_be_read_leaves_its_stream_alone(tmp_path: Path, content: bytes) -> None:
    """Empty, cut, zeroed, of a newer release: without it rows could be sent twice. The files stay."""
    first, second, shelf, lines = LogWriter(tmp_path), LogWriter(tmp_path), Shelf(), Lines()
    first.write(*whole_exchange(1))
    second.write(*whole_exchange(2))
    (tmp_path / f"{first.stream.hex}.checkpoint").write_bytes(content)
    first.die()
    second.die()
    await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(2, "llama")]
    assert len(lines.warnings) == 1
    assert first.path.exists()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
async def test_a_disk_that_takes_no_checkpoint_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """Nothing is sent without its plan on disk; once there is room, each row goes once."""
    worker, shelf, lines = LogWriter(tmp_path), Shelf(), Lines()
    worker.write(*whole_exchange(1), *whole_exchange(2))
    worker.count([*whole_exchange(1), *whole_exchange(2)])
    recorder = Recorder(config(tmp_path), shelf, lines)

    def full(_: int) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for _ in range(20):
            recorder.look_now()
            await recorder.turn(is_draining=True)
            await recorder.wait(0.001)
        assert shelf.rows["pairs"] == []
        assert len([line for line in lines.warnings if "cannot be used" in line]) == 1
    worker.die()
    await drain(recorder)
    await recorder.close()
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []


async def test_a_directory_that_was_wiped_never_gives_a_token_again(tmp_path: Path) -> None:
    """The same requests, the same places: another stream, another segment, another token."""
    shelf = Shelf()
    for directory in (tmp_path, tmp_path, tmp_path / "replica"):
        worker = LogWriter(directory)
        worker.write(*whole_exchange(1))
        worker.die()
        await record(directory, shelf)
        assert leftovers(directory) in ([], ["replica"])
    tokens = [token for table, token in shelf.tokens if table == "pairs"]
    assert len(tokens) == len(set(tokens)) == 3
    assert shelf.repeats == 0 or set(shelf.repeated) == {"experiments"}


STREAMS = 100


async def test_a_hundred_streams_are_followed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a day on which workers died again and again while no recorder ran."""
    shelf = Shelf()
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # a thousand of them take seconds, and prove nothing here
    for number in range(STREAMS):
        worker = LogWriter(tmp_path, ("llama",))
        worker.write(*whole_exchange(number))
        worker.count(whole_exchange(number))
        worker.die()
    recorder = Recorder(config(tmp_path), shelf, Lines())
    deadline_s = time.monotonic() + 60
    while leftovers(tmp_path):
        assert time.monotonic() < deadline_s
        if not await recorder.turn(is_draining=True):
            await recorder.wait(0.005)
    await recorder.close()
    assert shelf.keys("pairs") == [(n, "llama") for n in range(STREAMS)]
    assert shelf.states()["llama", "received"] == STREAMS
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []
