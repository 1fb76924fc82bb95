"""Where boards are counted: a directory per capture directory in a RAM file system, private to this user."""

import contextlib
import os
import stat
from pathlib import Path

import xxhash

from proxy.shadow.capture.board import SUFFIX, BoardError, BoardHeader, board_path, has_copy, is_alive


def live_directory(capture: Path, root: Path) -> Path:
    """Where the boards of a capture directory are counted; it may not be there yet.

    Args:
        capture: the absolute path of the capture directory; it is not looked at.
        root: of the RAM file system.
    """
    return root / f"shadowbench-{os.getuid()}-{xxhash.xxh3_64_hexdigest(os.fsencode(capture))}"


def made_live_directory(capture: Path, root: Path) -> Path | None:
    """The same, made; None where there is no such file system, or somebody else was there first."""
    path = live_directory(capture, root)
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return path if is_ours else None


def put_away(capture: Path, live: Path) -> None:
    """Looks after the boards of workers that died: those whose copy is gone were recorded and go, too. The others get
    their last copy, for a recorder that cannot see this memory because it runs in another container.

    Raises:
        OSError: the disk does not take it.
    """
    for path in live.glob(f"*{SUFFIX}"):
        try:
            if is_alive(path):
                continue
            counted = path.read_bytes()
            copy = board_path(capture, BoardHeader.unpack(counted)[0].stream)
        except (BoardError, FileNotFoundError):
            continue
        if has_copy(counted) and not copy.exists():
            path.unlink(missing_ok=True)
        elif not copy.exists() or not is_alive(copy):
            copy.write_bytes(counted)
