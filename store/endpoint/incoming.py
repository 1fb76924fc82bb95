"""Rows of one insert, gathered until all are there, where the engine can read them as a file.

The engine's own way to take them piece by piece forgets errors of the last step (a full disk, a view that fails) and
reports success, so rows would be lost that were acknowledged. From a file it runs as any other statement does.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

_IN_MEMORY_BYTES = 32 * 2**20
"""A larger insert waits on the store's disk."""


class Incoming:
    """One insert's bytes, in memory where the system can show them as a file, else in a directory of the store."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: BinaryIO | None = None
        self._size_bytes = 0
        self.path = ""
        """What the engine reads; valid until `close`."""
        if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
            self._file = os.fdopen(os.memfd_create("rows", os.MFD_CLOEXEC), "w+b")
            self.path = f"/proc/self/fd/{self._file.fileno()}"
        self._is_in_memory = self._file is not None

    def add(self, data: bytes) -> None:
        """More of it.

        Raises:
            OSError: there is no room for it.
        """
        self._size_bytes += len(data)
        if self._file is None or (self._is_in_memory and self._size_bytes > _IN_MEMORY_BYTES):
            self._go_to_disk()
        assert self._file is not None  # noqa: S101 - made above
        self._file.write(data)

    def _go_to_disk(self) -> None:
        before, path = self._file, self._directory / uuid4().hex
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file, self.path, self._is_in_memory = os.fdopen(fd, "w+b"), str(path), False
        if before is not None:
            with before:
                before.seek(0)
                shutil.copyfileobj(before, self._file)

    def complete(self) -> None:
        """All is there: the engine may read it.

        Raises:
            OSError: there is no room for it.
        """
        if self._file is None:
            self._go_to_disk()
        assert self._file is not None  # noqa: S101 - made above
        self._file.flush()

    def close(self) -> None:
        """Gives its place back."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what was not written yet has no room
                self._file.close()
            if not self._is_in_memory:
                Path(self.path).unlink(missing_ok=True)


def emptied(directory: Path) -> Path:
    """A directory for `Incoming`, without what a crash may have left in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    return directory
