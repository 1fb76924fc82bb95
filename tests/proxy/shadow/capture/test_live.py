"""The memory in which boards are counted, and what becomes of the boards of the dead."""

import os
import shutil
import uuid
from pathlib import Path

import pytest

from proxy.shadow.capture import live as boards
from proxy.shadow.capture.board import RECEIVED, Board, board_path, read_board, remove_board
from proxy.shadow.capture.keeping import BoardKeeper
from proxy.shadow.capture.live import live_directory, made_live_directory, put_away, sweep


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


def test_a_copy_that_a_recorder_removes_meanwhile_is_not_made_anew(
    capture: Path, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for a stream of which nothing was ever reported."""
    board = counted(live)
    board.copy(capture)
    board.close()
    copy = board_path(capture, board.header.stream)

    def asked_just_before(path: Path) -> bool:
        if path == copy:
            remove_board(copy)
        return False

    monkeypatch.setattr(boards, "is_alive", asked_just_before)
    put_away(capture, live)
    assert not copy.exists()


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


class Place:
    """A capture directory, its boards in memory, and one board of a worker that has copied it once."""

    def __init__(self, root: Path, name: str, **board: str) -> None:
        self.capture = root / "disk" / name
        self.capture.mkdir(parents=True)
        made = made_live_directory(self.capture, root)
        assert made is not None
        self.live = made
        self.board = Board(uuid.uuid4(), "w", ("a",), (), made, **({"capture": str(self.capture)} | board))
        self.board.copy(self.capture)


def test_what_a_deleted_capture_directory_left_in_memory_goes(tmp_path: Path) -> None:
    gone, there, own = (Place(tmp_path, name) for name in ("gone", "there", "own"))
    for place in (gone, there, own):
        place.board.close()
    shutil.rmtree(gone.capture)
    shutil.rmtree(own.capture)
    assert sweep(tmp_path, own.live) == 1
    assert [place.live.exists() for place in (gone, there, own)] == [False, True, True]


def test_boards_of_the_living_and_of_earlier_releases_and_what_is_no_board_stay(tmp_path: Path) -> None:
    """A worker whose directory was deleted under it still counts; a board that names no directory may be wanted."""
    living, silent, strange, uncopied = (Place(tmp_path, n) for n in ("living", "silent", "strange", "uncopied"))
    old = Board(uuid.uuid4(), "w", ("a",), (), silent.live)
    old.copy(silent.capture)
    (strange.live / "notes.txt").write_text("somebody's")
    never = Board(uuid.uuid4(), "w", ("a",), (), uncopied.live, capture=str(uncopied.capture))
    for board in (old, never, silent.board, strange.board, uncopied.board):
        board.close()
    shutil.rmtree(tmp_path / "disk")
    assert sweep(tmp_path, tmp_path / "none") == 0
    assert all(place.live.exists() for place in (living, silent, strange, uncopied))
    living.board.close()
    assert sweep(tmp_path, tmp_path / "none") == 1


def test_a_starting_worker_sweeps(tmp_path: Path) -> None:
    """At the second call: its first frames wait for the first."""
    gone, own = Place(tmp_path, "gone"), Place(tmp_path, "own")
    gone.board.close()
    shutil.rmtree(gone.capture)
    keeper = BoardKeeper(own.board, own.capture, own.live, lambda _: None)
    keeper()
    assert gone.live.exists()
    keeper()
    assert not gone.live.exists()
    own.board.close()


def test_a_worker_notices_that_its_copy_was_removed(tmp_path: Path) -> None:
    place = Place(tmp_path, "capture")
    place.board.copy(place.capture)
    before = place.board.is_uprooted
    shutil.rmtree(place.capture)
    place.board.copy(place.capture)
    assert (before, place.board.is_uprooted) == (False, True)
    place.board.close()
