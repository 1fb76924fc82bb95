"""From the capture log to the rows: each exchange once, whatever happens on the way."""

from pathlib import Path

from proxy.shadow.capture.board import board_path
from record.states import State
from tests.proxy.recorder.stage import Lines, LogWriter, Shelf, leftovers, record, whole_exchange


async def test_a_whole_exchange_becomes_a_pair_and_the_texts_of_both_sides(tmp_path: Path) -> None:
    """Primary and candidate ended: one pair, two texts; the stream of a dead worker leaves nothing behind."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = whole_exchange(1)
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    await record(tmp_path, shelf, bodies="full")
    assert shelf.keys("pairs") == [(1, "llama")]
    assert shelf.keys("payloads") == [(1, "llama"), (1, "primary")]
    assert [row["id"] for row in shelf.rows["experiments"]] == ["e-llama", "e-qwen"]
    assert shelf.states() == {("llama", "received"): 1, ("llama", "admitted"): 1, ("llama", "ended"): 1}
    assert leftovers(tmp_path) == []


async def test_a_living_worker_is_followed_and_its_files_stay(tmp_path: Path) -> None:
    worker, shelf, lines = LogWriter(tmp_path), Shelf(), Lines()
    worker.write(*whole_exchange(1))
    figures = await record(tmp_path, shelf, lines)
    worker.write(*whole_exchange(2))
    await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert worker.path.exists()
    assert board_path(tmp_path, worker.stream).exists()
    assert lines.warnings == []
    assert figures["shadowbench_recorder_backlog_bytes"] == 0
    assert State.WORKER_LOST not in {state for _, state in shelf.states()}
    worker.die()
