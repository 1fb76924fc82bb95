"""The memory-mapped counters of a worker: they survive kill -9, and others read them while it runs.

A board belongs to one stream (one life of one worker). It holds

- states: a page per hour of request start, each a counter per (candidate, counted state);
- figures: counters for `/metrics`, by name.

Only its worker writes it; an aligned 64-bit store is never seen torn. The worker keeps the file locked, so that the
recorder can tell a dead stream (lock free) from a living one without looking at process ids.
"""

import fcntl
import mmap
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

import msgspec

from record.states import SKIPS, UNCAPTURED, State

SUFFIX = ".board"
HOURS = 1024
"""Pages of a board; a worker that outlives them (42 days) starts a new one."""

RECEIVED = "received"
ADMITTED = "admitted"
"""Sampled, captured and on its way; becomes a pair, or is lost and counted."""
ENDED = "ended"
"""Admitted, and all its frames are in the log's queue."""
COUNTED: tuple[str, ...] = (
    RECEIVED,
    *(s.value for s in State if s in UNCAPTURED),
    *(s.value for s in SKIPS),
    ADMITTED,
    ENDED,
    State.DISK_DROPPED.value,
)
"""What a worker counts, per candidate and hour. received = uncaptured + skips + admitted."""

_MAGIC = b"SBBOARD\n"
_VERSION = 1
_PREFIX = struct.Struct("<8sHxxI")
_NO_HOUR = 0


class BoardError(Exception):
    """Not a board, or one that a newer shadowbench wrote."""


@dataclass(frozen=True, slots=True)
class BoardHeader:
    """What the numbers mean."""

    stream: UUID
    worker: str
    candidates: tuple[str, ...]
    states: tuple[str, ...]
    figures: tuple[str, ...]

    def pack(self) -> bytes:
        """The file's first bytes, padded to a multiple of eight."""
        body = msgspec.json.encode(
            {
                "stream": self.stream.hex,
                "worker": self.worker,
                "candidates": self.candidates,
                "states": self.states,
                "figures": self.figures,
            }
        )
        head = _PREFIX.pack(_MAGIC, _VERSION, len(body)) + body
        return head + b"\0" * (-len(head) % 8)

    @classmethod
    def unpack(cls, data: bytes | mmap.mmap) -> tuple[Self, int]:
        """The header and its length in the file.

        Raises:
            BoardError: other bytes, or a newer version.
        """
        if len(data) < _PREFIX.size:
            raise BoardError("too short")
        magic, version, length = _PREFIX.unpack_from(data)
        if magic != _MAGIC or len(data) < _PREFIX.size + length:
            raise BoardError("not a board")
        if version != _VERSION:
            raise BoardError(f"board format {version}; this shadowbench reads {_VERSION}")
        body = msgspec.json.decode(bytes(data[_PREFIX.size : _PREFIX.size + length]))
        header = cls(
            UUID(hex=body["stream"]),
            body["worker"],
            tuple(body["candidates"]),
            tuple(body["states"]),
            tuple(body["figures"]),
        )
        end = _PREFIX.size + length
        return header, end + (-end % 8)

    @property
    def page_slots(self) -> int:
        """Counters of one hour, its own number before them."""
        return 1 + len(self.candidates) * len(self.states)


def board_path(directory: Path, stream: UUID) -> Path:
    """Where the board of a stream lies."""
    return directory / f"{stream.hex}{SUFFIX}"


class Board:
    """The writing end; owned by one worker's event loop.

    It counts in memory until `settle` gives it a file: a disk that is full or gone must not keep a worker from serving.
    Size: 8 bytes * (figures + 1024 * (1 + candidates * states)).
    """

    def __init__(self, stream: UUID, worker: str, candidates: Sequence[str], figures: Sequence[str]) -> None:
        if sys.byteorder != "little":
            raise BoardError("boards are little endian; this machine is not")
        self.header = BoardHeader(stream, worker, tuple(candidates), COUNTED, tuple(figures))
        self.path: Path | None = None
        """None while it has no file."""
        self._fd = -1
        packed = self.header.pack()
        slots = len(self.header.figures) + HOURS * self.header.page_slots
        self._map = mmap.mmap(-1, len(packed) + 8 * slots)
        self._map[: len(packed)] = packed
        self._cells_at = len(packed)
        self._cells = memoryview(self._map)[self._cells_at :].cast("Q")
        self._pages_at = len(self.header.figures)
        self._page_of_hour: dict[int, int] = {}
        self._state_at = {state: i for i, state in enumerate(COUNTED)}

    @classmethod
    def in_file(
        cls, directory: Path, stream: UUID, worker: str, candidates: Sequence[str], figures: Sequence[str]
    ) -> Self:
        """A board that is settled from the start.

        Raises:
            OSError: as `settle`.
        """
        board = cls(stream, worker, candidates, figures)
        board.settle(directory)
        return board

    def settle(self, directory: Path) -> None:
        """Takes what was counted so far into a file, and counts there from now on.

        Raises:
            OSError: there is no room, or no directory; it goes on in memory.
        """
        path = board_path(directory, self.header.stream)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(fd, len(self._map))
            settled = mmap.mmap(fd, len(self._map))
        except OSError:
            path.unlink()
            os.close(fd)
            raise
        settled[:] = self._map[:]
        self._release()
        self._map, self._fd, self.path = settled, fd, path
        self._cells = memoryview(settled)[self._cells_at :].cast("Q")

    def add_figure(self, index: int, amount: int) -> None:
        """Adds to the figure at an index of `header.figures`; a gauge may be lowered, never below 0."""
        self._cells[index] += amount

    def set_figure(self, index: int, value: int) -> None:
        """Sets a figure."""
        self._cells[index] = value

    def figure(self, index: int) -> int:
        """The present value of a figure."""
        value: int = self._cells[index]
        return value

    @property
    def is_full(self) -> bool:
        """No page is left for another hour; start a new stream."""
        return len(self._page_of_hour) >= HOURS

    def cell(self, candidate: int, state: str) -> int:
        """Where a counter lies within a page; look it up once, then call `add`."""
        return 1 + candidate * len(COUNTED) + self._state_at[state]

    def add(self, hour: int, cell: int) -> None:
        """Counts one. `hour`: hours since the epoch of the request's start."""
        page = self._page_of_hour.get(hour)
        if page is None:
            page = self._new_page(hour)
        self._cells[page + cell] += 1

    def _new_page(self, hour: int) -> int:
        # When full, the last page takes what comes: an hour is misnamed, nothing is lost.
        index = min(len(self._page_of_hour), HOURS - 1)
        page = self._pages_at + index * self.header.page_slots
        self._page_of_hour[hour] = page
        if self._cells[page] == _NO_HOUR:
            self._cells[page] = hour
        return page

    def close(self) -> None:
        """Frees the lock; what was counted stays in the file, if there is one."""
        self._release()
        if self._fd >= 0:
            os.close(self._fd)

    def _release(self) -> None:
        self._cells.release()
        self._map.close()


def _allocate(fd: int, size: int) -> None:
    """Real blocks, not a hole: a write to a mapped hole on a full disk ends the process (SIGBUS)."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        os.pwrite(fd, bytes(size), 0)


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What a board said at one moment."""

    header: BoardHeader
    hours: Mapping[int, Mapping[tuple[str, str], int]]
    """Hour since the epoch -> (candidate, state) -> count; zeros are left out."""
    figures: Mapping[str, int]


def read_board(path: Path) -> BoardReading:
    """Reads a board, whether its worker lives or not.

    Raises:
        BoardError: damaged, or of a newer version.
        OSError: not there.
    """
    data = path.read_bytes()
    header, start = BoardHeader.unpack(data)
    slots = len(header.figures) + HOURS * header.page_slots
    if len(data) < start + 8 * slots:
        raise BoardError("cut short")
    cells = memoryview(data)[start : start + 8 * slots].cast("Q")
    figures = dict(zip(header.figures, cells[: len(header.figures)], strict=True))
    names = [(c, s) for c in header.candidates for s in header.states]
    hours: dict[int, dict[tuple[str, str], int]] = {}
    for index in range(HOURS):
        at = len(header.figures) + index * header.page_slots
        if cells[at] == _NO_HOUR:
            break
        counts = cells[at + 1 : at + header.page_slots]
        hours[cells[at]] = {name: n for name, n in zip(names, counts, strict=True) if n}
    return BoardReading(header, hours, figures)


def is_alive(path: Path) -> bool:
    """Does the board's worker still run? Asked of the file lock, which the kernel frees at death."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
