"""Counters that survive their worker."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from proxy.shadow.capture.board import COUNTED, HOURS, RECEIVED, Board, BoardError, board_path, is_alive, read_board


def path_of(board: Board) -> Path:
    assert board.path is not None
    return board.path


def test_what_was_counted_is_read_back_by_hour_candidate_and_state(tmp_path: Path) -> None:
    stream = uuid.uuid4()
    board = Board.in_file(tmp_path, stream, "proxy-0", ("a", "b"), ("f_total", "g"))
    board.add(500_000, board.cell(0, RECEIVED))
    board.add(500_000, board.cell(0, RECEIVED))
    board.add(500_001, board.cell(1, "unsampled"))
    board.set_figure(1, 7)
    reading = read_board(path_of(board))
    assert reading.hours == {500_000: {("a", RECEIVED): 2}, 500_001: {("b", "unsampled"): 1}}
    assert reading.figures == {"f_total": 0, "g": 7}
    assert (reading.header.worker, reading.header.stream, reading.header.states) == ("proxy-0", stream, COUNTED)
    board.close()
    assert read_board(path_of(board)).hours == reading.hours


def test_when_hours_run_out_counts_go_to_the_last_page_and_none_is_lost(tmp_path: Path) -> None:
    board = Board.in_file(tmp_path, uuid.uuid4(), "w", ("a",), ())
    for hour in range(1, HOURS + 6):
        board.add(hour, board.cell(0, RECEIVED))
    assert board.is_full
    hours = read_board(path_of(board)).hours
    assert sum(counts["a", RECEIVED] for counts in hours.values()) == HOURS + 5
    assert hours[HOURS]["a", RECEIVED] == 6


CRASHER = """
import os, sys, uuid
from pathlib import Path
from proxy.shadow.capture.board import RECEIVED, Board
board = Board.in_file(Path(sys.argv[1]), uuid.UUID(int=1), "w", ("a",), ())
for _ in range(12345):
    board.add(7, board.cell(0, RECEIVED))
print("counted", flush=True)
sys.stdin.read()
"""


def test_counts_survive_kill_9_and_the_lock_tells_of_the_death(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("damage", [b"", b"SBBOARD", b"x" * 200])
def test_other_bytes_are_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "x.board"
    path.write_bytes(damage)
    with pytest.raises(BoardError):
        read_board(path)


def test_a_board_cut_short_is_refused(tmp_path: Path) -> None:
    board = Board.in_file(tmp_path, uuid.uuid4(), "w", ("a",), ())
    board.close()
    os.truncate(path_of(board), 4000)
    with pytest.raises(BoardError):
        read_board(path_of(board))


def test_counts_from_before_the_file_are_in_it(tmp_path: Path) -> None:
    """A worker counts while the disk is away, and takes it along when it is back."""
    board = Board(uuid.uuid4(), "w", ("a",), ("f",))
    board.add(7, board.cell(0, RECEIVED))
    board.set_figure(0, 5)
    with pytest.raises(OSError, match="No such file"):
        board.settle(tmp_path / "absent")
    board.add(7, board.cell(0, RECEIVED))
    board.settle(tmp_path)
    board.add(7, board.cell(0, RECEIVED))
    board.add_figure(0, 1)
    reading = read_board(path_of(board))
    assert (reading.hours, reading.figures) == ({7: {("a", RECEIVED): 3}}, {"f": 6})


def test_a_board_that_finds_no_room_goes_on_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is taken when the file is made: a hole that cannot be filled later would end the worker."""

    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    board = Board(uuid.uuid4(), "w", ("a",), ())
    with pytest.raises(OSError, match="No space"):
        board.settle(tmp_path)
    board.add(7, board.cell(0, RECEIVED))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    board.settle(tmp_path)
    assert read_board(path_of(board)).hours == {7: {("a", RECEIVED): 1}}
    assert path_of(board).stat().st_blocks * 512 >= path_of(board).stat().st_size
