"""Where a worker's CPU goes under one load: `python -m bench.profile saturated`.

With `perf` (Linux tools) by function and library of the whole process, compiled code and system calls included;
without it by Python function, with cProfile's own cost inside (it sees nothing inside compiled modules). Prints only.
"""

import argparse
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.machine import BenchError, raise_descriptor_limit, say
from bench.measured import build
from bench.mirror import KINDS
from bench.rounds import WARM_UP_S, Kind, Stand
from bench.worker import Worker

_FREQUENCY = 997
"""Samples per second; a prime, so that it does not beat with timers."""
_TOP = 40
_EMPTY_COLUMNS = re.compile(r"(\s+-)*\s*$")
"""For hardware counters that are not there."""


def profile_with_perf(stand: Stand, worker: Worker, seconds: float, directory: Path) -> str:
    """The functions that samples fell into.

    Raises:
        BenchError: perf is not permitted.
    """
    data = directory / "perf.data"
    # cpu-clock: virtual machines often have no hardware counters.
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(_FREQUENCY), "-p", str(worker.pid), "-o", str(data)]
    recording = subprocess.Popen(record, stderr=subprocess.PIPE, text=True)
    counted = stand.run(worker.port, seconds)
    recording.terminate()
    _, errors = recording.communicate(timeout=30)
    try:
        by_library = _perf_report(data, "dso", top=10)
        by_function = _perf_report(data, "symbol,dso", top=_TOP)
    except BenchError as error:
        raise BenchError(f"{error} {errors.strip()}") from None
    return f"{counted.requests_per_s:,.0f} requests/s while perf looked\n\n{by_library}\n\n{by_function}"


def _perf_report(data: Path, sort: str, *, top: int) -> str:
    command = ["perf", "report", "-i", str(data), "--stdio", "--sort", sort, "--percent-limit", "0.3"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [text for text in shown.stdout.split("\n") if text.strip() and not text.startswith("#")]
    if shown.returncode != 0 or not lines:
        raise BenchError(f"perf: {shown.stderr.strip().rpartition(chr(10))[2]}")
    return "\n".join(_EMPTY_COLUMNS.sub("", text) for text in lines[:top])


def profile_with_cprofile(stand: Stand, seconds: float, directory: Path) -> str:
    """The Python functions by their own time; the worker runs under cProfile."""
    result = directory / "worker.prof"
    worker = stand.worker(directory, prefix=("-m", "cProfile", "-o", str(result)))
    try:
        counted = stand.run(worker.port, seconds)
    finally:
        worker.stop()
    deadline = time.monotonic() + 5.0
    while not result.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    text = directory / "worker.txt"
    with text.open("w") as output:
        pstats.Stats(str(result), stream=output).strip_dirs().sort_stats("tottime").print_stats(_TOP)
    return f"{counted.requests_per_s:,.0f} requests/s under cProfile\n{text.read_text()}"


def profile(kind: Kind, seconds: float, *, with_perf: bool) -> str:
    """Runs one load through one worker.

    Raises:
        BenchError: something did not start.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shadowbench-profile-")))
        stand = Stand(kind, directory, stack)
        if not with_perf:
            return profile_with_cprofile(stand, seconds, directory)
        worker = stand.worker(directory)
        stack.callback(worker.stop)
        stand.run(worker.port, WARM_UP_S)
        return f"{build()} worker; {profile_with_perf(stand, worker, seconds, directory)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the top of the profile."""
    kinds = {kind.key: kind for kind in KINDS}
    # The saturated form of the streams: as many as it takes to keep the worker busy.
    kinds["streams"] = replace(kinds["streams"], connections=512)
    parser = argparse.ArgumentParser(description="Where the CPU of a worker goes.")
    parser.add_argument("kind", choices=sorted(kinds))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--cprofile", action="store_true", help="by Python function, even where perf is there")
    options = parser.parse_args(arguments)
    raise_descriptor_limit()
    try:
        with_perf = not options.cprofile and shutil.which("perf") is not None
        print(profile(kinds[options.kind], options.seconds, with_perf=with_perf))
    except BenchError as error:
        say(f"bench.profile: {error}; --cprofile needs no permission")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
