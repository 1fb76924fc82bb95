"""What the log's writing thread does for a board: the directory, the boards of the dead, the copy."""

from collections.abc import Callable
from pathlib import Path

from proxy.shadow.capture.board import Board
from proxy.shadow.capture.live import put_away, sweep


class BoardKeeper:
    """Called again and again by the writing thread; it may wait for the disk, and clients are served meanwhile."""

    def __init__(self, board: Board, directory: Path, live: Path | None, on_change: Callable[[str], None]) -> None:
        self._board = board
        self._directory = directory
        self._live = live
        self._on_change = on_change
        self._is_failing = False
        self._has_begun = False
        self._has_put_away = False

    def __call__(self) -> None:
        """Once; a failure is said once, and tried again at the next call."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._board.copy(self._directory)
            # Not at first: frames wait for the first call, and a young worker may be killed like any other.
            if self._has_begun and not self._has_put_away and self._live is not None:
                put_away(self._directory, self._live)
                sweep(self._live.parent, self._live)
                self._has_put_away = True
            self._has_begun = True
        except OSError as error:
            if not self._is_failing:
                self._on_change(f"{self._directory}: {error.strerror}; clients are served, but nothing can be recorded")
            self._is_failing = True
        else:
            if self._is_failing:
                self._on_change(f"{self._directory} can be used again")
            self._is_failing = False
