"""A board as a worker has it: counted live, with a copy where the recorder looks."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from proxy.shadow.capture.board import Board


def kept_board(directory: Path, stream: UUID, worker: str, candidates: Sequence[str], figures: Sequence[str]) -> Board:
    live = directory.with_name(f"{directory.name}-live")
    live.mkdir(exist_ok=True)
    board = Board(stream, worker, candidates, figures, live)
    assert board.is_live
    board.copy(directory)
    return board
