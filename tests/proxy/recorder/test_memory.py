"""Exchanges that stay open: bounded in memory, bounded on disk, never lost."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from proxy.recorder import recorder as recorder_module
from proxy.recorder import segments as segments_module
from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Admitted, Frame
from tests.proxy.recorder.outage import Outage, at_once, while_away
from tests.proxy.recorder.stage import (
    Lines,
    LogWriter,
    Shelf,
    admitted,
    chunk,
    config,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    record,
    whole_exchange,
)


def slow(number: int) -> tuple[list[Frame], list[Frame]]:
    """An exchange of two candidates whose answers come in two halves, and the frames of its two halves."""
    answers = [json_answer(f"{name} {number}" * 100) for name in ("primary", "llama", "qwen")]
    half = len(answers[0]) // 2
    begin: list[Frame] = [admitted(number, [open_leg("llama"), open_leg("qwen")])]
    end: list[Frame] = []
    for arm, answer in enumerate(answers):
        begin.append(chunk(number, arm, answer[:half], start=0, at_ms=[1], ends=[half]))
        end.append(leg_end(number, arm, answer[half:], body_bytes=len(answer), ends=[len(answer)]))
    return begin, end


async def test_beyond_the_bound_open_exchanges_are_read_again_when_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_MAX_HELD_BYTES", 20_000)
    worker, shelf = LogWriter(tmp_path), Shelf()
    halves = [slow(n) for n in range(1, 31)]
    for begin, _ in halves:
        worker.write(*begin)
    worker.new_segment()
    for _, end in reversed(halves):
        worker.write(*end)
    worker.die()
    figures = await record(tmp_path, shelf, bodies="full")
    assert figures["shadowbench_recorder_evicted_exchanges_total"] > 10
    assert shelf.keys("pairs") == sorted((n, c) for n in range(1, 31) for c in ("llama", "qwen"))
    texts = {row["response"] for row in shelf.rows["payloads"]}
    assert texts == {f"{name} {n}" * 100 for n in range(1, 31) for name in ("primary", "llama", "qwen")}


async def test_a_long_stream_does_not_keep_the_log_on_disk(tmp_path: Path) -> None:
    """Its frames are carried on and old segments go; after restarts in the middle it is recorded once all the same."""

    def settings() -> Any:
        # An eighth of the disk may be kept for what is open: 2 kB here.
        base = config(tmp_path, bodies="full")
        return base.model_copy(update={"capture": base.capture.model_copy(update={"max_disk": 16_000})})

    worker, shelf = LogWriter(tmp_path), Shelf()
    begin, end = slow(1)
    worker.write(*begin, end[0], end[1])  # the first candidate has ended, the second goes on
    most_segments = 0
    for life in range(4):
        recorder = Recorder(settings(), shelf, Lines())
        for n in range(10):
            worker.new_segment()
            worker.write(*whole_exchange(100 + 10 * life + n))
            await drain(recorder)
            most_segments = max(most_segments, len(list(tmp_path.glob("*.seg"))))
        await recorder.close()
        assert len(list(tmp_path.glob("*.carry"))) == 1
    worker.write(end[2])
    worker.die()
    await record(tmp_path, shelf, bodies="full")
    assert most_segments < 10
    assert shelf.keys("pairs") == sorted([(1, "llama"), (1, "qwen"), *((n, "llama") for n in range(100, 140))])
    assert [side for n, side in shelf.keys("payloads") if n == 1] == ["llama", "primary", "qwen"]
    assert leftovers(tmp_path) == []


async def test_segments_go_when_everything_in_them_is_recorded(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    recorder = Recorder(config(tmp_path), shelf, Lines())
    for n in range(1, 6):
        worker.new_segment()
        worker.write(*whole_exchange(n))
        await drain(recorder)
    assert [path.name for path in tmp_path.glob("*.seg")] == [worker.path.name]
    await recorder.close()
    worker.die()


async def test_while_the_store_is_away_the_rows_of_all_streams_together_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stream alone may build a whole batch ahead; hundreds of them may not."""
    at_once(monkeypatch)
    monkeypatch.setattr(recorder_module, "MAX_DRAFT_BYTES", 50_000)
    monkeypatch.setattr(segments_module, "READ_BYTES", 8_192)
    shelf = Outage()
    for number in range(20):
        worker = LogWriter(tmp_path, ("llama",))
        for n in range(10):
            first, *rest = whole_exchange(100 * number + n)
            assert isinstance(first, Admitted)
            worker.write(structs.replace(first, body=b'{"model":"' + b"m" * 4_000 + b'"}'), *rest)
        worker.die()
    recorder = Recorder(config(tmp_path), shelf, Lines())
    await while_away(recorder)
    waiting = sum(f.follower.draft_bytes for f in recorder._streams.followed.values())
    # 200 exchanges of 4 kB are there; a reading is two or three of them.
    assert 50_000 <= waiting < 50_000 + 20 * 3 * 8_192
    shelf.is_back = True
    await drain(recorder)
    await recorder.close()
    assert len(shelf.keys("pairs")) == len(set(shelf.keys("pairs"))) == 200
