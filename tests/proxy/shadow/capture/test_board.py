"""Counters that survive their worker."""

import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.shadow.capture.board import (
    COUNTED,
    HOURS,
    RECEIVED,
    Board,
    BoardError,
    board_path,
    is_alive,
    read_board,
    remove_board,
)
from tests.fakes.boards import kept_board


def path_of(board: Board) -> Path:
    assert board.path is not None
    return board.path


def test_what_was_counted_is_read_back_by_hour_candidate_and_state(tmp_path: Path) -> None:
    stream = uuid.uuid4()
    board = kept_board(tmp_path, stream, "proxy-0", ("a", "b"), ("f_total", "g"))
    board.add(500_000, board.cell(0, RECEIVED))
    board.add(500_000, board.cell(0, RECEIVED))
    board.add(500_001, board.cell(1, "unsampled"))
    board.set_figure(1, 7)
    reading = read_board(path_of(board))
    assert reading.hours == {500_000: {("a", RECEIVED): 2}, 500_001: {("b", "unsampled"): 1}}
    assert reading.figures == {"f_total": 0, "g": 7}
    assert (reading.header.worker, reading.header.stream, reading.header.states) == ("proxy-0", stream, COUNTED)
    assert read_board(Path(reading.header.live)) == reading
    board.close()
    assert read_board(path_of(board)).hours == reading.hours


def test_when_hours_run_out_counts_go_to_the_last_page_and_none_is_lost(tmp_path: Path) -> None:
    board = kept_board(tmp_path, uuid.uuid4(), "w", ("a",), ())
    for hour in range(1, HOURS + 6):
        board.add(hour, board.cell(0, RECEIVED))
    assert board.is_full
    hours = read_board(path_of(board)).hours
    assert sum(counts["a", RECEIVED] for counts in hours.values()) == HOURS + 5
    assert hours[HOURS]["a", RECEIVED] == 6


CRASHER = """
import os, sys, uuid
from pathlib import Path
from proxy.shadow.capture.board import RECEIVED
from tests.fakes.boards import kept_board
board = kept_board(Path(sys.argv[1]), uuid.UUID(int=1), "w", ("a",), ())
for _ in range(12345):
    board.add(7, board.cell(0, RECEIVED))
print("counted", flush=True)
sys.stdin.read()
"""


def test_counts_survive_kill_9_and_the_lock_tells_of_the_death(tmp_path: Path) -> None:
    """All of them, though the copy on the disk was made before the first."""
    process = subprocess.Popen(
        [sys.executable, "-c", CRASHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline() == "counted\n"
        path = board_path(tmp_path, uuid.UUID(int=1))
        assert is_alive(path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert not is_alive(path)
    assert read_board(path).hours == {7: {("a", RECEIVED): 12345}}


@pytest.mark.parametrize("end", range(0, 400, 7))
def test_a_board_that_is_just_being_made_is_refused_and_nothing_else(tmp_path: Path, end: int) -> None:
    """Its live file has its whole length before it has its first byte."""
    board = kept_board(tmp_path, uuid.uuid4(), "w", ("a",), ())
    live = Path(board.header.live)
    whole = live.read_bytes()
    assert len(board.header.pack()) > 400
    live.write_bytes(whole[:end] + bytes(len(whole) - end))
    with pytest.raises(BoardError):
        read_board(live)


@pytest.mark.parametrize("damage", [b"", b"SBBOARD", b"x" * 200])
def test_other_bytes_are_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "x.board"
    path.write_bytes(damage)
    with pytest.raises(BoardError):
        read_board(path)


def test_a_copy_cut_short_is_refused(tmp_path: Path) -> None:
    board = Board(uuid.uuid4(), "w", ("a",), ())
    board.add(7, board.cell(0, RECEIVED))
    board.copy(tmp_path)
    os.truncate(path_of(board), path_of(board).stat().st_size - 8)
    with pytest.raises(BoardError):
        read_board(path_of(board))


def test_without_memory_that_outlives_it_the_copy_tells_the_counts(tmp_path: Path) -> None:
    """And counts from before there was a directory are in it."""
    board = Board(uuid.uuid4(), "w", ("a",), ("f",), tmp_path / "absent")
    assert not board.is_live
    board.add(7, board.cell(0, RECEIVED))
    board.set_figure(0, 5)
    with pytest.raises(OSError, match="No such file"):
        board.copy(tmp_path / "absent")
    board.copy(tmp_path)
    board.add(7, board.cell(0, RECEIVED))
    board.add(8, board.cell(0, "unsampled"))
    board.add_figure(0, 1)
    assert read_board(path_of(board)).hours == {7: {("a", RECEIVED): 1}}
    board.copy(tmp_path)
    reading = read_board(path_of(board))
    assert (reading.hours, reading.figures) == ({7: {("a", RECEIVED): 2}, 8: {("a", "unsampled"): 1}}, {"f": 6})


def test_when_the_machine_was_down_the_copy_tells_what_it_knew(tmp_path: Path) -> None:
    board = kept_board(tmp_path, uuid.uuid4(), "w", ("a",), ())
    board.add(7, board.cell(0, RECEIVED))
    board.copy(tmp_path)
    board.add(7, board.cell(0, RECEIVED))
    Path(board.header.live).unlink()
    assert read_board(path_of(board)).hours == {7: {("a", RECEIVED): 1}}


def test_a_board_that_finds_no_room_in_memory_files_counts_in_memory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is taken when the file is made: a hole that cannot be filled later would end the worker."""

    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    live = tmp_path / "live"
    live.mkdir()
    board = Board(uuid.uuid4(), "w", ("a",), (), live)
    assert not board.is_live
    assert list(live.iterdir()) == []
    board.add(7, board.cell(0, RECEIVED))
    board.copy(tmp_path)
    assert read_board(path_of(board)).hours == {7: {("a", RECEIVED): 1}}


def test_a_live_board_holds_real_memory_from_the_start(tmp_path: Path) -> None:
    board = kept_board(tmp_path, uuid.uuid4(), "w", ("a", "b", "c"), ())
    held = Path(board.header.live).stat()
    assert held.st_blocks * 512 >= held.st_size == board.header.size_bytes


def test_removing_a_board_removes_its_live_one_and_the_directory_when_it_was_the_last(tmp_path: Path) -> None:
    first, second = (kept_board(tmp_path, uuid.uuid4(), "w", ("a",), ()) for _ in range(2))
    remove_board(path_of(first))
    live = Path(second.header.live).parent
    assert [p.name for p in live.iterdir()] == [path_of(second).name]
    remove_board(path_of(second))
    remove_board(path_of(second))
    assert not live.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_a_damaged_board_removes_no_other_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    board = Board(uuid.uuid4(), "w", ("a",), ())
    board.header = replace(board.header, live=str(other))
    (tmp_path / "x.board").write_bytes(board.header.pack())
    remove_board(tmp_path / "x.board")
    assert other.read_text() == "precious"
