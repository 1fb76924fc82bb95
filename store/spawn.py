"""Starts an owner of the embedded store as a process of its own, and hears whether it works."""

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from store.errors import StoreUnavailable

_IDLE_S = 60
"""An owner started for one question stays this long for the next."""
_LOG_BYTES = 2**20
_ROOT = Path(__file__).resolve().parent.parent


class Report(msgspec.Struct, frozen=True):
    """What a starting owner says, in one line on its standard output."""

    error: str | None = None
    """None: it works, and the endpoint file is there."""
    is_beaten: bool = False
    """Somebody else owns the directory."""


def start_owner_process(directory: Path, limit_s: float) -> None:
    """Starts an owner that quits when idle, and waits until it works, or another has been faster.

    Raises:
        StoreUnavailable: it does not start; its own line says why.
    """
    process = _spawn(directory)
    # Reaps it whenever it ends, long after this call.
    threading.Thread(target=process.wait, name="store owner", daemon=True).start()
    report = _report(process, limit_s)
    if report.error is not None and not report.is_beaten:
        raise StoreUnavailable(report.error)


def _spawn(directory: Path) -> "subprocess.Popen[bytes]":
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(directory / "owner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"the embedded store {directory} cannot be opened: {error.strerror}") from None
    try:
        if os.fstat(log).st_size > _LOG_BYTES:
            os.ftruncate(log, 0)
        search = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.Popen(  # noqa: S603 - our own module
            # -P: a folder called `store` or `config` where the user stands must not come before ours.
            [sys.executable, "-P", "-m", "store.endpoint", str(directory), "--idle", str(_IDLE_S)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env={**os.environ, "TZ": "UTC", "PYTHONPATH": search},
            start_new_session=True,
        )
    finally:
        os.close(log)


def _report(process: "subprocess.Popen[bytes]", limit_s: float) -> Report:
    assert process.stdout is not None  # noqa: S101 - asked for above
    with process.stdout as output:
        os.set_blocking(output.fileno(), False)
        deadline = time.monotonic() + limit_s
        line = b""
        while (left_s := deadline - time.monotonic()) > 0 and not line.endswith(b"\n"):
            if not select.select([output], [], [], left_s)[0]:
                break
            piece = os.read(output.fileno(), 65536)
            if not piece:
                break
            line += piece
    try:
        return msgspec.json.decode(line, type=Report)
    except msgspec.MsgspecError:
        return Report(f"the embedded store's owner (process {process.pid}) said nothing; see owner.log beside it")
