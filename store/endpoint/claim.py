"""One owner per directory: a file lock, which the kernel frees however the owner ends."""

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

_FILE = "owner.lock"
_READABLE_S = 2.0
_POLL_S = 0.02


class Holder(msgspec.Struct, frozen=True):
    """Who owns a directory."""

    pid: int
    is_transient: bool
    """It quits when nobody asks any more, or when a permanent owner comes."""


class Held(Exception):  # noqa: N818 - says what happened
    """Somebody else owns the directory."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"process {holder.pid} owns the directory")
        self.holder = holder


@dataclass(slots=True)
class Claim:
    """The right to open the engine in a directory."""

    _fd: int

    @classmethod
    def acquire(cls, directory: Path, *, is_transient: bool) -> Self:
        """Takes the directory, making it if needed (private to the user).

        Raises:
            Held: another process owns it.
            OSError: it cannot be made or written.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(directory / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd)
        except BaseException:
            os.close(fd)
            raise
        note = msgspec.json.encode(Holder(os.getpid(), is_transient))
        os.ftruncate(fd, 0)
        os.pwrite(fd, note, 0)
        return cls(fd)

    def release(self) -> None:
        """Frees the directory."""
        os.close(self._fd)


def _lock(fd: int) -> None:
    """Locks, or says who has: a holder writes its name just after locking, so what is read may be one owner old."""
    deadline = time.monotonic() + _READABLE_S
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        holder = _read(fd)
        if holder is not None and is_alive(holder.pid):
            raise Held(holder)
        if time.monotonic() > deadline:
            raise Held(holder or Holder(0, is_transient=False))
        time.sleep(_POLL_S)


def _read(fd: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(fd, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return None


def is_alive(pid: int) -> bool:
    """Does a process of this number run? It may be another one since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
