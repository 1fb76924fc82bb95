"""The counters of a worker: they survive kill -9, and others read them while it runs.

A board belongs to one stream (one life of one worker). It holds

- states: a page per hour of request start, each a counter per (candidate, counted state);
- figures: counters for `/metrics`, by name.

It is counted in memory that outlives the process (`live`, a file in a RAM file system) and never on a mapped file of a
disk: a store to such a page waits for a disk that stalls, and the event loop with it. A copy beside the capture log
names the live one; the log's writing thread brings it up to date about once a second, for the case that the machine
goes down. Only its worker writes a board; an aligned 64-bit store is never seen torn. The worker keeps the copy locked,
so that the recorder can tell a dead stream (lock free) from a living one without looking at process ids.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self
from uuid import UUID

import msgspec

from record.states import SKIPS, UNCAPTURED, State

SUFFIX = ".board"
HOURS = 1024
"""Pages of a board; a worker that outlives them (42 days) starts a new stream."""
_SPARE_PAGES: Final = 8
"""For requests of other hours than the present one, and for the time that the new stream takes to begin."""

RECEIVED: Final = "received"
ADMITTED: Final = "admitted"
"""Sampled, captured and on its way; becomes a pair, or is lost and counted."""
ENDED: Final = "ended"
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
_PREFIX = struct.Struct("<8sHBxI")
_HAS_COPY_AT = 10
"""A byte of the live board: 1 once it has a copy."""
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
    live: str = ""
    """Where the live board lies while the machine is up; empty when there is none."""
    capture: str = ""
    """The capture directory; empty where an earlier release wrote the board."""

    def pack(self) -> bytes:
        """The file's first bytes, padded to a multiple of eight."""
        body = msgspec.json.encode(
            {
                "stream": self.stream.hex,
                "worker": self.worker,
                "candidates": self.candidates,
                "states": self.states,
                "figures": self.figures,
                "live": self.live,
                "capture": self.capture,
            }
        )
        head = _PREFIX.pack(_MAGIC, _VERSION, 0, len(body)) + body
        return head + b"\0" * (-len(head) % 8)

    @classmethod
    def unpack(cls, data: bytes | mmap.mmap) -> tuple[Self, int]:
        """The header and its length in the file.

        Raises:
            BoardError: other bytes, or a newer version.
        """
        if len(data) < _PREFIX.size:
            raise BoardError("too short")
        magic, version, _, length = _PREFIX.unpack_from(data)
        if magic != _MAGIC or len(data) < _PREFIX.size + length:
            raise BoardError("not a board")
        if version != _VERSION:
            raise BoardError(f"board format {version}; this shadowbench reads {_VERSION}")
        try:
            body = msgspec.json.decode(bytes(data[_PREFIX.size : _PREFIX.size + length]))
            header = cls(
                UUID(hex=body["stream"]),
                body["worker"],
                tuple(body["candidates"]),
                tuple(body["states"]),
                tuple(body["figures"]),
                body.get("live", ""),
                body.get("capture", ""),
            )
        except (msgspec.DecodeError, LookupError, TypeError, ValueError):
            raise BoardError("a header that is damaged, or not whole yet") from None
        end = _PREFIX.size + length
        return header, end + (-end % 8)

    @property
    def page_slots(self) -> int:
        """Counters of one hour, its own number before them."""
        return 1 + len(self.candidates) * len(self.states)

    @property
    def size_bytes(self) -> int:
        """Of the whole board."""
        return len(self.pack()) + 8 * (len(self.figures) + HOURS * self.page_slots)


def has_copy(data: bytes) -> bool:
    """Was this live board ever copied? If not, nobody but us knows of it."""
    return bool(data[_HAS_COPY_AT])


def board_path(directory: Path, stream: UUID) -> Path:
    """Where the board of a stream lies."""
    return directory / f"{stream.hex}{SUFFIX}"


class Board:
    """The writing end; owned by one worker's event loop, its copy by one thread.

    Size: 8 bytes * (figures + 1024 * (1 + candidates * states)).
    """

    def __init__(
        self,
        stream: UUID,
        worker: str,
        candidates: Sequence[str],
        figures: Sequence[str],
        live_directory: Path | None = None,
        *,
        capture: str = "",
    ) -> None:
        """Counts in a file of `live_directory` from the start; in memory of its own where that cannot be had.

        `capture`: the path of the capture directory, for whoever finds the board when that is gone.
        """
        if sys.byteorder != "little":
            raise BoardError("boards are little endian; this machine is not")
        self.path: Path | None = None
        """Where the copy lies; None while it has none."""
        self._fd = -1
        self._copied = b""
        self.is_uprooted = False
        """Somebody has removed the copy: nobody can find this stream any more; start a new one."""
        live = board_path(live_directory, stream) if live_directory is not None else None
        header = BoardHeader(stream, worker, tuple(candidates), COUNTED, tuple(figures), str(live or ""), capture)
        self._live_fd = _live_file(live, header.size_bytes) if live is not None else -1
        self.header = header if self._live_fd >= 0 else replace(header, live="")
        packed = self.header.pack()
        self._map = mmap.mmap(self._live_fd, self.header.size_bytes)
        self._map[: len(packed)] = packed
        self._cells_at = len(packed)
        self._cells = memoryview(self._map)[self._cells_at :].cast("Q")
        self._pages_at = len(self.header.figures)
        self._page_of_hour: dict[int, int] = {}
        self._hour = -1
        """Counted in last, and its page."""
        self._page = 0
        self._state_at = {state: i for i, state in enumerate(COUNTED)}

    @property
    def is_live(self) -> bool:
        """Do its counts survive kill -9 to the last one, and not to the last copy?"""
        return bool(self.header.live)

    def copy(self, directory: Path) -> None:
        """Makes the copy, or brings it up to date. Waits for the disk: not for the event loop's thread.

        Raises:
            OSError: there is no room, or no directory.
        """
        if self._fd < 0:
            self._fd = _locked_file(board_path(directory, self.header.stream))
            self.path = board_path(directory, self.header.stream)
        self.is_uprooted = os.fstat(self._fd).st_nlink == 0
        used = self._pages_at + len(self._page_of_hour) * self.header.page_slots
        counted = bytes(self._map[: self._cells_at + 8 * used])
        if counted[_HAS_COPY_AT + 1 :] != self._copied[_HAS_COPY_AT + 1 :]:
            if os.pwrite(self._fd, counted, 0) != len(counted):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._copied = counted
            self._map[_HAS_COPY_AT] = 1

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
        """Few pages are left for other hours; start a new stream."""
        return len(self._page_of_hour) >= HOURS - _SPARE_PAGES

    def cell(self, candidate: int, state: str) -> int:
        """Where a counter lies within a page; look it up once, then call `add`."""
        return 1 + candidate * len(COUNTED) + self._state_at[state]

    def add(self, hour: int, cell: int) -> None:
        """Counts one. `hour`: hours since the epoch of the request's start."""
        if hour != self._hour:
            page = self._page_of_hour.get(hour)
            self._page = self._new_page(hour) if page is None else page
            self._hour = hour
        self._cells[self._page + cell] += 1

    def _new_page(self, hour: int) -> int:
        # When full, the last page takes what comes: an hour is misnamed, nothing is lost.
        index = min(len(self._page_of_hour), HOURS - 1)
        page = self._pages_at + index * self.header.page_slots
        self._page_of_hour[hour] = page
        if self._cells[page] == _NO_HOUR:
            self._cells[page] = hour
        return page

    def close(self) -> None:
        """Frees the lock and the memory; what was counted stays in the live file and in the copy."""
        self._cells.release()
        self._map.close()
        for fd in (self._fd, self._live_fd):
            if fd >= 0:
                os.close(fd)


def _live_file(path: Path, size_bytes: int) -> int:
    """-1 when it cannot be had. Real memory, not a hole: a store to a hole for which there is no room ends the process
    (SIGBUS).
    """
    try:
        fd = _locked_file(path)
    except OSError:
        return -1
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError:
        path.unlink()
        os.close(fd)
        return -1
    return fd


def _locked_file(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What a board said at one moment."""

    header: BoardHeader
    hours: Mapping[int, Mapping[tuple[str, str], int]]
    """Hour since the epoch -> (candidate, state) -> count; zeros are left out."""
    figures: Mapping[str, int]


def read_board(path: Path) -> BoardReading:
    """Reads a board, whether its worker lives or not: the live one where it still is, else its copy.

    Raises:
        BoardError: damaged, or of a newer version.
        OSError: not there.
    """
    data = path.read_bytes()
    live = _live_path(data, path)
    if live is not None:
        with contextlib.suppress(OSError):
            data = live.read_bytes()
    return _reading(data)


def remove_board(path: Path) -> None:
    """Removes a copy and its live board; either may be gone.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        live = _live_path(path.read_bytes(), path)
    except (BoardError, FileNotFoundError):
        live = None
    if live is not None:
        with contextlib.suppress(FileNotFoundError):
            live.unlink()
        with contextlib.suppress(OSError):  # others' boards are in it, or it is gone
            live.parent.rmdir()
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _live_path(data: bytes, path: Path) -> Path | None:
    live = BoardHeader.unpack(data)[0].live
    return Path(live) if live and Path(live).name == path.name and Path(live) != path else None


def _reading(data: bytes) -> BoardReading:
    header, start = BoardHeader.unpack(data)
    slots = min(len(header.figures) + HOURS * header.page_slots, (len(data) - start) // 8)
    pages, torn = divmod(slots - len(header.figures), header.page_slots)
    if pages < 0 or torn:
        raise BoardError("cut short")
    cells = memoryview(data)[start : start + 8 * slots].cast("Q")
    figures = dict(zip(header.figures, cells[: len(header.figures)], strict=True))
    names = [(c, s) for c in header.candidates for s in header.states]
    hours: dict[int, dict[tuple[str, str], int]] = {}
    for index in range(pages):
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
