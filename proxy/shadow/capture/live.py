"""Where boards are counted: a directory per capture directory in a RAM file system, private to this user."""

import contextlib
import os
import stat
from pathlib import Path

import xxhash

from proxy.shadow.capture.board import SUFFIX, BoardError, BoardHeader, board_path, has_copy, is_alive

_PREFIX = "shadowbench"


def live_directory(capture: Path, root: Path) -> Path:
    """Where the boards of a capture directory are counted; it may not be there yet.

    Args:
        capture: the absolute path of the capture directory; it is not looked at.
        root: of the RAM file system.
    """
    return root / f"{_PREFIX}-{os.getuid()}-{xxhash.xxh3_64_hexdigest(os.fsencode(capture))}"


def made_live_directory(capture: Path, root: Path) -> Path | None:
    """The same, made; None where there is no such file system, or somebody else was there first."""
    path = live_directory(capture, root)
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
    except OSError:
        return None
    return path if _is_private(found) else None


def _is_private(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


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
        if copy.exists():
            _bring_up_to_date(copy, counted)
        elif has_copy(counted):
            path.unlink(missing_ok=True)
        else:
            copy.write_bytes(counted)


def _bring_up_to_date(copy: Path, counted: bytes) -> None:
    """Of a worker that died. A recorder may remove it meanwhile: made anew, it would be counted a second time."""
    with contextlib.suppress(FileNotFoundError):
        if is_alive(copy):
            return
        with copy.open("r+b") as file:
            file.write(counted)
            file.truncate()


def sweep(root: Path, own: Path) -> int:
    """Removes what is left of capture directories that somebody deleted as a whole; says of how many.

    A directory of boards goes when all that is in it are boards of dead workers of this user, and each says that its
    capture directory, which had a copy of it, does not exist. What an earlier release left says nothing and stays.

    Args:
        root: of the RAM file system.
        own: the directory of the caller's own boards; it stays.
    """
    removed = 0
    for path in root.glob(f"{_PREFIX}-{os.getuid()}-*"):
        with contextlib.suppress(OSError):  # another worker sweeps, too, or a new one has just moved in
            if path == own or not _is_private(path.lstat()):
                continue
            boards = list(path.iterdir())
            if all(_is_forsaken(board) for board in boards):
                for board in boards:
                    board.unlink()
                path.rmdir()
                removed += 1
    return removed


def _is_forsaken(path: Path) -> bool:
    """Raises OSError when it cannot be looked at."""
    if path.suffix != SUFFIX or path.is_symlink() or is_alive(path):
        return False
    counted = path.read_bytes()
    try:
        capture = BoardHeader.unpack(counted)[0].capture
    except BoardError:
        return False
    return bool(capture) and has_copy(counted) and not os.path.lexists(capture)
