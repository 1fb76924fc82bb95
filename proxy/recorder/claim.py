"""One recorder per stream: a file lock, which the kernel frees however its holder ends.

Several recorders may work in one capture directory, on different streams. A recorder that finds a stream taken leaves
it alone, and follows it as soon as its holder has ended.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from proxy.recorder.segments import CLAIM_SUFFIX


@dataclass(slots=True)
class Claim:
    """The right to read a stream's checkpoint, to send its rows and to remove its files."""

    _fd: int

    @classmethod
    def take(cls, directory: Path, stream: UUID) -> Self | None:
        """None while somebody else has it, or is just removing the stream.

        Raises:
            OSError: the directory does not take a lock file.
        """
        path = claim_path(directory, stream)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_in_place(fd, path):
                return cls(fd)
        except BlockingIOError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def release(self) -> None:
        """Leaves the stream to others. The file stays: it goes with the stream."""
        os.close(self._fd)


def is_followed(directory: Path, stream: UUID) -> bool:
    """Does a recorder follow the stream now? Takes the lock for a moment when none does.

    Raises:
        OSError: the lock file cannot be read.
    """
    try:
        fd = os.open(claim_path(directory, stream), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def claim_path(directory: Path, stream: UUID) -> Path:
    """Where a stream's lock lies."""
    return directory / f"{stream.hex}{CLAIM_SUFFIX}"


def _is_in_place(fd: int, path: Path) -> bool:
    """Is it still this file that others would lock? Its former holder may have removed it before it let go."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
