"""`python -m store.endpoint DIR --idle 60`: an owner for commands that read while `serve` does not run.

It says on standard output, in one JSON line, whether it works, and quits when nobody asked for `--idle` seconds or a
permanent owner wants the directory.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from store.endpoint.claim import Claim, Held
from store.endpoint.owner import held_text, serving
from store.errors import StoreError
from store.spawn import Report

_EXIT_LOST_RACE = 3
_EXIT_FAILED = 70
_CHECK_S = 0.25


async def _own(directory: Path, claim: Claim, idle_s: float, say: int) -> None:
    quit_asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, quit_asked.set)
    async with serving(directory, claim, retention_s=None, on_quit=quit_asked.set) as owner:
        _say(say, Report())
        while not quit_asked.is_set() and owner.server.idle_s() < idle_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(quit_asked.wait(), _CHECK_S)


def _say(fd: int, report: Report) -> None:
    """Who asked may have gone; the owner works for the next one all the same."""
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, msgspec.json.encode(report) + b"\n")
    os.close(fd)


def main() -> int:
    """Runs until idle; 0, 3 when another owner was faster, 70 when the store does not open."""
    parser = argparse.ArgumentParser(prog="python -m store.endpoint", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--idle", type=float, default=60.0, metavar="SECONDS")
    options = parser.parse_args()
    # The engine prints as it likes; standard output is kept for the one line.
    say = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.umask(0o077)  # the engine's files hold texts of clients
    directory = options.directory.resolve()
    try:
        claim = Claim.acquire(directory, is_transient=True)
        asyncio.run(_own(directory, claim, options.idle, say))
    except Held as held:
        _say(say, Report(held_text(directory, held.holder), is_beaten=True))
        return _EXIT_LOST_RACE
    except (StoreError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        _say(say, Report(str(error)))
        return _EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
