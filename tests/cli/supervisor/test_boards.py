"""Totals over boards never fall, though boards come and go."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import UUID

import pytest

from cli.supervisor.boards import Boards
from proxy.shadow.capture.board import ADMITTED, RECEIVED, Board, board_path
from tests.fakes.boards import kept_board

FIGURES = ("shadowbench_events_total", "shadowbench_open")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def board(stack: ExitStack, directory: Path, number: int, worker: str = "proxy-0") -> Board:
    return stack.enter_context(closing(kept_board(directory, UUID(int=number), worker, ("llama",), FIGURES)))


def count(board: Board, state: str, times: int, hour: int = 490_000) -> None:
    for _ in range(times):
        board.add(hour, board.cell(0, state))


def test_hours_and_lives_of_a_worker_add_up(tmp_path: Path, stack: ExitStack) -> None:
    first, second = board(stack, tmp_path, 1), board(stack, tmp_path, 2)
    count(first, RECEIVED, 2)
    count(first, RECEIVED, 3, hour=490_001)
    count(second, RECEIVED, 4)
    count(second, ADMITTED, 1)
    count(board(stack, tmp_path, 3, "proxy-1"), RECEIVED, 10)
    assert Boards(tmp_path).read().states == {
        ("proxy-0", "llama", RECEIVED): 2 + 3 + 4,
        ("proxy-0", "llama", ADMITTED): 1,
        ("proxy-1", "llama", RECEIVED): 10,
    }


def test_a_board_that_was_put_away_still_counts(tmp_path: Path, stack: ExitStack) -> None:
    boards = Boards(tmp_path)
    old = board(stack, tmp_path, 1)
    count(old, RECEIVED, 5)
    old.set_figure(0, 7)
    boards.read()
    board_path(tmp_path, old.header.stream).unlink()
    count(board(stack, tmp_path, 2), RECEIVED, 1)
    for _ in range(3):
        totals = boards.read()
        assert totals.states["proxy-0", "llama", RECEIVED] == 5 + 1
        assert totals.figures["proxy-0", FIGURES[0]] == 7


def test_a_gauge_is_the_newest_lifes_and_a_counter_everybodys(tmp_path: Path, stack: ExitStack) -> None:
    old, new = board(stack, tmp_path, 2), board(stack, tmp_path, 1)
    old.set_figure(0, 3)
    old.set_figure(1, 9)
    new.set_figure(0, 4)
    new.set_figure(1, 1)
    os.utime(board_path(tmp_path, old.header.stream), (1, 1))
    assert Boards(tmp_path).read().figures == {("proxy-0", FIGURES[0]): 3 + 4, ("proxy-0", FIGURES[1]): 1}


def test_a_count_of_none_is_shown(tmp_path: Path, stack: ExitStack) -> None:
    board(stack, tmp_path, 1)
    assert Boards(tmp_path).read().figures == {("proxy-0", FIGURES[0]): 0, ("proxy-0", FIGURES[1]): 0}


def test_damage_is_counted_and_the_last_reading_stays(tmp_path: Path, stack: ExitStack) -> None:
    boards = Boards(tmp_path)
    damaged = board(stack, tmp_path, 1)
    count(damaged, RECEIVED, 5)
    boards.read()
    content = board_path(tmp_path, damaged.header.stream).read_bytes()
    board_path(tmp_path, damaged.header.stream).unlink()
    board_path(tmp_path, damaged.header.stream).write_bytes(b"?" + content[1:])
    totals = boards.read()
    assert totals.unreadable == 1
    assert totals.states["proxy-0", "llama", RECEIVED] == 5


def test_a_directory_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    totals = Boards(tmp_path / "later").read()
    assert (totals.states, totals.figures, totals.unreadable) == ({}, {}, 0)
    assert totals.read_at > 0
