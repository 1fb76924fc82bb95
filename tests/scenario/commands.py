"""`shadowbench` as a user runs it: a process of its own, in a folder of its own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 240
"""Far more than anything here takes, so that a busy machine fails no test."""


async def shadowbench(*arguments: str, directory: Path) -> Process:
    """Starts a command."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "cli.main",
        *arguments,
        cwd=directory,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "160"},
    )


async def output_of(*arguments: str, directory: Path) -> str:
    """What a command that has to succeed says."""
    process = await shadowbench(*arguments, directory=directory)
    output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def wait_for_line(process: Process, text: str) -> None:
    """Reads standard output up to a line with `text`."""
    assert process.stdout is not None
    while text not in (line := (await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S)).decode()):
        assert line, f"it ended before it said {text!r}"


def processes_below(directory: Path) -> list[int]:
    """Ids of processes whose command line names a file below the directory, or that stand in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(directory) in command or place.startswith(str(directory)):
            found.append(int(entry.name))
    return found


def end_processes_below(directory: Path) -> None:
    """Ends what is left, such as a store that a report started for its question."""
    for pid in processes_below(directory):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
