"""A file that is there whole, or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from store.transfer.forms import PairsFileError


class WritingFailed(Exception):  # noqa: N818 - says what happened
    """The disk did not take a file; one line."""


def require_free(path: Path, *, force: bool) -> None:
    """Raises PairsFileError when nothing may be written there."""
    if not path.parent.is_dir():
        raise PairsFileError(f"{path}: the directory {path.parent} is not there")
    if path.is_dir():
        raise PairsFileError(f"{path}: is a directory; name a file")
    if os.path.lexists(path) and not force:
        raise PairsFileError(f"{path}: is there already; --force replaces it")


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool, is_private: bool) -> Iterator[IO[bytes]]:
    """Writes beside `path` and takes its place when the block ends well; else nothing is left.

    Args:
        path: the file.
        force: it may replace another one.
        is_private: only its owner may read it; else whoever the umask lets.

    Raises:
        PairsFileError: something is there already, or nothing may be written there.
        WritingFailed: the disk did not take all of it.
    """
    require_free(path, force=force)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if is_private else 0o666)
    except OSError as error:
        raise PairsFileError(f"{path}: {error.strerror or error}") from None
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        _take_place(draft, path, force=force)
    except FileExistsError:
        raise PairsFileError(f"{path}: is there already; --force replaces it") from None
    except OSError as error:
        raise WritingFailed(f"{path}: {error.strerror or error}; nothing was written") from None
    finally:
        draft.unlink(missing_ok=True)


def _take_place(draft: Path, path: Path, *, force: bool) -> None:
    if force:
        draft.replace(path)
    else:
        os.link(draft, path)  # fails where a rename would replace what somebody wrote meanwhile
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
