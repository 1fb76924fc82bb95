"""The memory in which boards are counted, and what becomes of the boards of the dead."""

import os
import uuid
from pathlib import Path

import pytest

from proxy.shadow.capture.board import RECEIVED, Board, board_path, read_board
from proxy.shadow.capture.keeping import BoardKeeper
from proxy.shadow.capture.live import live_directory, made_live_directory, put_away


@pytest.fixture
def live(tmp_path: Path) -> Path:
    made = made_live_directory(tmp_path / "capture", tmp_path)
    assert made is not None
    return made


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    (tmp_path / "capture").mkdir()
    return tmp_path / "capture"


def counted(live: Path | None) -> Board:
    board = Board(uuid.uuid4(), "w", ("a",), (), live)
    board.add(7, board.cell(0, RECEIVED))
    return board


def test_each_capture_directory_has_a_private_one_of_its_own(tmp_path: Path) -> None:
    one, other = (made_live_directory(tmp_path / name, tmp_path) for name in ("one", "other"))
    assert one is not None
    assert other is not None
    assert one != other
    assert one == live_directory(tmp_path / "one", tmp_path) == made_live_directory(tmp_path / "one", tmp_path)
    assert one.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file", "no file system"])
def test_memory_that_others_could_reach_is_not_used(tmp_path: Path, kind: str) -> None:
    """Whoever makes a directory in a place that all may write, before we do, would see or change our counts."""
    path = live_directory(tmp_path / "capture", tmp_path)
    match kind:
        case "open to others":
            path.mkdir()
            path.chmod(0o777)
        case "a link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            path.symlink_to(tmp_path / "elsewhere")
        case "a file":
            path.touch(mode=0o600)
        case _:
            assert made_live_directory(tmp_path / "capture", tmp_path / "absent") is None
            return
    assert made_live_directory(tmp_path / "capture", tmp_path) is None


def test_a_dead_workers_last_counts_reach_a_recorder_that_cannot_see_the_memory(capture: Path, live: Path) -> None:
    board = counted(live)
    board.copy(capture)
    board.add(7, board.cell(0, RECEIVED))
    board.close()
    put_away(capture, live)
    Path(board.header.live).unlink()
    assert read_board(board_path(capture, board.header.stream)).hours == {7: {("a", RECEIVED): 2}}


def test_counts_of_a_worker_that_never_had_a_disk_reach_it_later(capture: Path, live: Path) -> None:
    board = counted(live)
    board.close()
    put_away(capture, live)
    assert read_board(board_path(capture, board.header.stream)).hours == {7: {("a", RECEIVED): 1}}


def test_what_was_recorded_and_removed_is_forgotten(capture: Path, live: Path) -> None:
    board = counted(live)
    board.copy(capture)
    board.close()
    board_path(capture, board.header.stream).unlink()
    put_away(capture, live)
    assert list(live.iterdir()) == []


def test_boards_of_living_workers_are_left_alone(capture: Path, live: Path) -> None:
    """Also one that has not had its first copy yet, or whose copy somebody removed."""
    boards = [counted(live) for _ in range(3)]
    for board in boards[:2]:
        board.copy(capture)
    board_path(capture, boards[0].header.stream).unlink()
    put_away(capture, live)
    assert len(list(live.iterdir())) == 3
    assert [p.name for p in capture.iterdir()] == [board_path(capture, boards[1].header.stream).name]
    for board in boards:
        board.close()


def test_bytes_that_are_no_board_are_passed_over(capture: Path, live: Path) -> None:
    (live / f"{uuid.uuid4().hex}.board").write_bytes(b"something else")
    counted(live).close()
    put_away(capture, live)
    assert len(list(capture.iterdir())) == 1


def test_a_directory_that_cannot_be_used_is_said_once_and_used_when_it_can(tmp_path: Path) -> None:
    place = tmp_path / "data" / "capture"
    place.parent.mkdir()
    place.write_text("a file where a directory should be")
    said: list[str] = []
    board = counted(None)
    keeper = BoardKeeper(board, place, None, said.append)
    keeper()
    keeper()
    assert said == [f"{place}: {os.strerror(17)}; clients are served, but nothing can be recorded"]
    place.unlink()
    keeper()
    keeper()
    assert said[1:] == [f"{place} can be used again"]
    assert read_board(board_path(place, board.header.stream)).hours == {7: {("a", RECEIVED): 1}}
