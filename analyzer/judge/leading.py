"""Which process judges: the one at work the longest, as the store knows them; the others stand by.

A process may judge while the store has heard of it within `FRESH_S`; it is given up by the others after
`progress.ACTIVE_S`. The first is shorter, so that one that was stopped (a debugger, a sleeping machine) and goes on
later starts no call beside the process that took its place.

On one machine nobody has to wait for that. A process holds a lock on a file while it lives; who gets the lock of a dead
one takes its number over, and goes on in its place at once.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from config.model import Config
from store.errors import StoreError
from store.judging.progress import BEAT_S, Leader

FRESH_S: Final = 20.0
AGAIN_S: Final = 1.0
"""After a beat that the store did not take."""
RUN_PREFIX: Final = "run-"
"""Numbers of processes that judge one closed window begin so."""
_HEX: Final = frozenset("0123456789abcdef")
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_s() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps where there is one."""
    return time.clock_gettime(_CLOCK)


def lock_directory(config: Config) -> Path | None:
    """Where processes of one machine that take turns at one store meet; None: nowhere."""
    here = [Path(config.capture.dir), *([Path(config.store.dir)] if config.store.url is None else [])]
    return next((directory for directory in here if directory.is_dir()), None)


class Identity:
    """The number of this process among those that judge."""

    def __init__(self, directory: Path | None, *, prefix: str = "", name: str = "judge.lock") -> None:
        """`directory`: where the lock lies, of all processes that share it one at a time has it; None: no lock."""
        self.number = prefix + uuid4().hex
        self._fd: int | None = None
        self.has_lock = False
        """Whoever judged here before is dead."""
        self.is_taken = False
        """Somebody else has the lock, and lives."""
        if directory is None:
            return
        try:
            self._lock(directory, name, prefix)
        except BlockingIOError:
            self.is_taken = True
        except OSError:  # no such directory, or not ours: then others wait until we are given up
            return

    def _lock(self, directory: Path, name: str, prefix: str) -> None:
        fd = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = os.pread(fd, 256, 0).decode("ascii", "replace").strip()
            if left.startswith(prefix) and len(left) == len(self.number) and _HEX.issuperset(left[len(prefix) :]):
                self.number = left
            os.ftruncate(fd, 0)
            os.pwrite(fd, self.number.encode(), 0)
        except OSError:
            os.close(fd)
            raise
        self._fd, self.has_lock = fd, True

    def close(self, *, has_resigned: bool) -> None:
        """Lets go of the lock. A number that has resigned is not used again."""
        if self._fd is not None:
            if has_resigned:
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


class Beats(Protocol):
    """Where it is said and heard."""

    async def beat(self, judge: str) -> Leader | None:
        """Says that a process is at work; who judges then. Raises StoreError."""
        ...


class Leading:
    """Says that we are at work, and hears who judges; `keep` does the work."""

    def __init__(self, books: Beats, number: str, now_s: Callable[[], float] = steady_s) -> None:
        self._books = books
        self._number = number
        self._now_s = now_s
        self._beaten_at_s: float | None = None
        self.leader: str | None = None
        """Number of the process that judges, as last heard; None: not heard yet, or nobody does."""
        self.changed = asyncio.Event()
        """Set whenever something was heard."""

    @property
    def is_leader(self) -> bool:
        """Is it us, as last heard?"""
        return self.leader == self._number

    def may_start(self) -> bool:
        """May a call be started now?"""
        return self.is_leader and self._beaten_at_s is not None and self._now_s() - self._beaten_at_s < FRESH_S

    async def beat(self) -> None:
        """Says it once.

        Raises:
            StoreError: it could not be said.
        """
        begun_s = self._now_s()
        leader = await self._books.beat(self._number)
        self._beaten_at_s = begun_s
        self.leader = None if leader is None else leader.judge
        self.changed.set()

    async def keep(self) -> None:
        """Says it again and again; to be run as a task."""
        while True:
            try:
                await self.beat()
            except StoreError:
                await asyncio.sleep(AGAIN_S)
            else:
                await asyncio.sleep(BEAT_S)
