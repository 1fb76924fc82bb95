"""Totals over the boards of a capture directory: counters that never fall, though boards come and go."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.shadow.capture.board import SUFFIX, BoardError, BoardReading, read_board

StateKey = tuple[str, str, str]
"""worker, candidate, state"""
FigureKey = tuple[str, str]
"""worker, figure"""


@dataclass(frozen=True, slots=True)
class BoardTotals:
    """What the workers of this machine have counted."""

    states: Mapping[StateKey, int] = field(default_factory=dict)
    figures: Mapping[FigureKey, int] = field(default_factory=dict)
    read_at: float = 0.0
    """Unix time, seconds; 0 before the first reading."""
    unreadable: int = 0


class Boards:
    """Reads the boards again and again; blocks on the disk, so it is called in a thread.

    A board that the recorder has put away stays in the totals as it was last seen: a counter that fell would be taken
    for a restart and counted twice. Memory: one number per worker, candidate and state, and one reading per board.
    """

    def __init__(self, directory: Path, live: Path | None = None) -> None:
        """`live`: where the boards of `directory` are counted; while it is there no disk is asked."""
        self._directory = directory
        self._live = live
        self._seen: dict[str, BoardReading] = {}
        self._written_ns: dict[str, int] = {}
        self._gone_states: Counter[StateKey] = Counter()
        self._gone_figures: Counter[FigureKey] = Counter()

    def read(self) -> BoardTotals:
        """As of now."""
        paths = self._listed()
        self._put_away(set(self._seen) - {p.name for p in paths})
        unreadable = sum(not self._read_one(path) for path in paths)
        readings = list(self._seen.values())
        states, figures = self._gone_states.copy(), self._gone_figures.copy()
        states.update(_states(readings))
        figures.update(_counters(readings))  # unlike `+`, this keeps what is 0: a count of none is a fact too
        by_age = [self._seen[name] for name in sorted(self._seen, key=self._written_ns.__getitem__)]
        return BoardTotals(states, {**figures, **_gauges(by_age)}, time.time(), unreadable)

    def _listed(self) -> list[Path]:
        for directory in (self._live, self._directory):
            try:
                if directory is not None:
                    return sorted(p for p in directory.iterdir() if p.suffix == SUFFIX)
            except OSError:  # not there, or gone since: the recorder removes it with the last board
                continue
        return []

    def _read_one(self, path: Path) -> bool:
        try:
            self._written_ns[path.name] = path.stat().st_mtime_ns
            self._seen[path.name] = read_board(path)
        except (BoardError, OSError):  # being made, damaged, or gone since the listing: the last reading stays
            return False
        return True

    def _put_away(self, names: set[str]) -> None:
        gone = [self._seen.pop(name) for name in names]
        for name in names:
            self._written_ns.pop(name, None)
        self._gone_states.update(_states(gone))
        self._gone_figures.update(_counters(gone))


def _states(readings: Iterable[BoardReading]) -> Counter[StateKey]:
    total: Counter[StateKey] = Counter()
    for reading in readings:
        for counts in reading.hours.values():
            for (candidate, state), count in counts.items():
                total[reading.header.worker, candidate, state] += count
    return total


def _is_counter(figure: str) -> bool:
    """Does it only grow? Cells of histograms do."""
    return figure.partition("{")[0].endswith(("_total", "_bucket", "_sum"))


def _counters(readings: Iterable[BoardReading]) -> Counter[FigureKey]:
    total: Counter[FigureKey] = Counter()
    for reading in readings:
        for figure, value in reading.figures.items():
            if _is_counter(figure):
                total[reading.header.worker, figure] += value
    return total


def _gauges(by_age: Iterable[BoardReading]) -> dict[FigureKey, int]:
    """Of each worker's newest board alone: what a dead one last held is no fact. `by_age`: oldest first."""
    newest = {reading.header.worker: reading for reading in by_age}
    return {(w, f): v for w, r in newest.items() for f, v in r.figures.items() if not _is_counter(f)}
