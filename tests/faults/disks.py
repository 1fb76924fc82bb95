"""Disks of our own that can be stalled or filled; they need the right to mount."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_FREEZE_AT_MOST_S = 30


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def mounted(place: Path, *arguments: str) -> Iterator[Path]:
    """Mounts something on `place` for a while, or skips the test."""
    place.mkdir()
    made = _run("mount", *arguments, str(place))
    if made.returncode != 0:
        pytest.skip(f"nothing may be mounted here ({made.stderr.strip()})")
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))


@contextlib.contextmanager
def disk(directory: Path) -> Iterator[Path]:
    """A small ext4 file system."""
    if shutil.which("mkfs.ext4") is None or shutil.which("fsfreeze") is None:
        pytest.skip("mkfs.ext4 and fsfreeze are not here")
    image = directory / "disk.img"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    assert _run("mkfs.ext4", "-q", str(image)).returncode == 0
    with mounted(directory / "disk", "-o", "loop", str(image)) as place:
        yield place


class Stall:
    """Nothing can be written to the disk, not even to a mapped page, until `end` or half a minute has passed."""

    def __init__(self, place: Path) -> None:
        assert _run("fsfreeze", "--freeze", str(place)).returncode == 0
        # A process of its own ends it: whoever hangs on the disk could not.
        script = f'read -t {_FREEZE_AT_MOST_S} end; exec fsfreeze --unfreeze "$0"'
        self._warden = subprocess.Popen(["bash", "-c", script, str(place)], stdin=subprocess.PIPE)

    @property
    def is_on(self) -> bool:
        return self._warden.poll() is None

    def end(self) -> None:
        if self._warden.stdin is not None:
            self._warden.stdin.close()
        self._warden.wait(_FREEZE_AT_MOST_S)


@contextlib.contextmanager
def stalled(place: Path) -> Iterator[Stall]:
    stall = Stall(place)
    try:
        yield stall
    finally:
        stall.end()
