"""A disk that stalls: a small ext4 image on a loop device, frozen by `fsfreeze`. Needs root, Linux and util-linux."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.machine import BenchError

_SIZE_BYTES = 2 * 2**30
"""Sparse: only what is written takes room."""
_COMMAND_TIMEOUT_S = 60.0
_NEEDED = ("mkfs.ext4", "mount", "umount", "fsfreeze")


class NotPermittedError(BenchError):
    """This machine does not let us; the message says what is missing."""


class StallingDisk:
    """A mounted file system that can be made to stall; unfrozen and unmounted at the end, whatever happens."""

    def __init__(self, directory: Path) -> None:
        """`directory`: where the image and the mount point go."""
        self.path = directory / "disk"
        self._image = directory / "disk.ext4"
        self._stall: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        missing = [name for name in _NEEDED if shutil.which(name) is None]
        if missing or os.geteuid() != 0:
            raise NotPermittedError(f"a stalling disk needs root{' and ' + ', '.join(missing) if missing else ''}")
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_SIZE_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        _run("mount", "-o", "loop", str(self._image), str(self.path))
        return self

    def stall(self, seconds: float) -> None:
        """Freezes it now, and unfreezes it later from a process of its own, even if this one dies.

        Raises:
            NotPermittedError: it cannot be frozen.
        """
        _run("fsfreeze", "--freeze", str(self.path))
        later = f"sleep {seconds}; exec fsfreeze --unfreeze {self.path}"
        self._stall = subprocess.Popen(["/bin/sh", "-c", later], start_new_session=True, stderr=subprocess.DEVNULL)

    def wait(self) -> None:
        """Returns when the stall is over."""
        if self._stall is not None:
            self._stall.wait()
            self._stall = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(NotPermittedError):  # it is not frozen any more: all is well
            _run("fsfreeze", "--unfreeze", str(self.path))
        if self._stall is not None:
            self._stall.terminate()
            self.wait()
        with suppress(NotPermittedError):
            _run("umount", str(self.path))
        if self.path.is_mount():
            # Somebody still has it open; it goes when they do.
            _run("umount", "--lazy", str(self.path))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise NotPermittedError(f"{' '.join(command[:2])}: {said or f'exit code {done.returncode}'}")
