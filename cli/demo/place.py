"""The demonstration's folder: one run at a time, each run with data of its own."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cli.demo.processes import DemoError
from store.endpoint.place import read_endpoint

CONFIGURATION = "shadowbench.yaml"
"""Name of the configuration file: commands that read find it when no other is named."""


@contextmanager
def claimed(directory: Path) -> Iterator[Path]:
    """Holds the folder for one run, and removes what earlier runs left.

    Yields:
        The folder of this run's data.

    Raises:
        DemoError: another demonstration runs here.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"a demonstration already runs in {directory}; end it with Ctrl-C first") from None
        runs = directory / "runs"
        _remove_old(runs)
        run = runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        run.mkdir(parents=True)
        yield run
    finally:
        os.close(lock)


def _remove_old(runs: Path) -> None:
    """Removes data of earlier runs, except where a store still serves them."""
    for old in runs.iterdir() if runs.is_dir() else ():
        endpoint = read_endpoint(old / "store")
        if endpoint is None or not _is_running(endpoint.pid):
            shutil.rmtree(old, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
