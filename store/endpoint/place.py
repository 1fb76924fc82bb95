"""`endpoint.json`: where the owner listens, and the two passwords of this start."""

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

_FILE = "endpoint.json"
_PASSWORD_BYTES = 24

DATABASE = "shadowbench"
"""The embedded store's only database, and the default on a server. Never `default`: chDB shows files there."""


class Endpoint(msgspec.Struct, frozen=True):
    """What a client needs to reach the owner. Passwords are made at each start and live in this file alone."""

    pid: int
    port: int
    writer: str
    """Password of the user `writer`."""
    reader: str
    """Password of the user `reader`."""
    version: str
    """Of the engine."""
    transient: bool

    def __repr__(self) -> str:
        return f"Endpoint(pid={self.pid}, port={self.port}, version={self.version!r}, transient={self.transient})"


def new_password() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def publish(directory: Path, endpoint: Endpoint) -> None:
    """Writes the file in one step, readable by its owner only."""
    target = directory / _FILE
    draft = directory / f"{_FILE}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, msgspec.json.encode(endpoint))
    finally:
        os.close(fd)
    draft.replace(target)


def withdraw(directory: Path) -> None:
    """The owner is about to end: nobody shall try its port."""
    with contextlib.suppress(FileNotFoundError):
        (directory / _FILE).unlink()


def read_endpoint(directory: Path) -> Endpoint | None:
    """The published endpoint; None when there is none, or the file is damaged.

    Raises:
        PermissionError: another user's.
    """
    try:
        return msgspec.json.decode((directory / _FILE).read_bytes(), type=Endpoint)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None
