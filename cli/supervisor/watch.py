"""Files whose change is taken up without being asked to: secrets, certificates, keys."""

from collections.abc import Iterable
from pathlib import Path

Look = dict[Path, tuple[int, int, int] | None]
"""What is known of each file: time of change, inode, size; None where there is none to be seen."""


def look(files: Iterable[Path]) -> Look:
    """As of now; blocks on the disk, so it is called in a thread.

    Links are followed: Kubernetes changes a secret by pointing a link to another directory.
    """
    return {file: _seen(file) for file in files}


def changed(before: Look, now: Look) -> list[Path]:
    """Files that are not what they were; one that has come or gone is among them."""
    return [file for file, seen in now.items() if file in before and before[file] != seen]


def _seen(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
