"""Asks `matching` about texts, and starts it anew when a text was too much for it.

Patterns are the user's, texts a model's: a few characters can keep a backtracking engine busy for ever, and nothing in
its own process can stop it.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from config.judge import TextPatterns

LIMIT_S = 0.25
"""Processor time for one text; plain patterns take a thousandth of it."""
_ANSWER_S = 10.0
"""Until an answer is there, on a machine that hardly runs."""
_END_S = 1.0
_ROOT = Path(__file__).resolve().parents[2]


class PatternsTooSlow(Exception):  # noqa: N818 - says what happened
    """A text kept the patterns busy for longer than it may."""


class Matcher:
    """A process, from the first text on; it ends with `close`, with its owner, or with the interpreter."""

    def __init__(self, patterns: TextPatterns, *, limit_s: float = LIMIT_S) -> None:
        self._asked = {"must": patterns.must, "must_not": patterns.must_not, "limit_s": limit_s}
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._close: Callable[[], object] = lambda: None
        self._one_at_a_time = threading.Lock()
        """Guards the pipes: the next answer is to the last text."""

    def matches(self, text: str) -> bool:
        """Are all of `must` found, and none of `must_not`? Waits for the answer, some tenth of a millisecond.

        Raises:
            PatternsTooSlow: nobody knows.
            OSError: no process can be started.
        """
        with self._one_at_a_time:
            process = self._process or self._start()
            if answer := _answer(process, text):
                return answer == b"1\n"
            self._end()
            said = f"more than {self._limit_s:g} s of processor time for a text of {len(text):,} characters"
            raise PatternsTooSlow(f"the expressions of judge.patterns took {said}; write simpler ones")

    def close(self) -> None:
        """Ends the process, if there is one."""
        with self._one_at_a_time:
            self._end()

    def _start(self) -> "subprocess.Popen[bytes]":
        search = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            # Our own module. -P: a folder called `config` where the user stands must not come before ours.
            [sys.executable, "-P", "-m", "analyzer.text_metrics.matching"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={**os.environ, "PYTHONPATH": search},
        )
        self._process, self._close = process, weakref.finalize(self, _ended, process)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
        _send(process, self._asked, time.monotonic() + _ANSWER_S)
        return process

    def _end(self) -> None:
        self._process = None
        self._close()


def _answer(process: "subprocess.Popen[bytes]", text: str) -> bytes:
    """Empty when it ended, or does not answer."""
    deadline_s = time.monotonic() + _ANSWER_S
    if process.stdout is None or not _send(process, text, deadline_s):
        return b""
    output = process.stdout.fileno()
    return os.read(output, 2) if _is_ready(output, select.POLLIN, deadline_s) else b""


def _send(process: "subprocess.Popen[bytes]", value: object, deadline_s: float) -> bool:
    """False when it ended, or does not read."""
    if process.stdin is None:
        return False
    left, pipe = memoryview(json.dumps(value).encode() + b"\n"), process.stdin.fileno()
    while left:
        if not _is_ready(pipe, select.POLLOUT, deadline_s):
            return False
        try:
            left = left[os.write(pipe, left) :]
        except BlockingIOError:
            continue
        except BrokenPipeError:
            return False
    return True


def _is_ready(pipe: int, event: int, deadline_s: float) -> bool:
    """Within the time; `poll`, since a judge with many calls has file descriptors beyond what `select` takes."""
    waiting = select.poll()
    waiting.register(pipe, event)
    return bool(waiting.poll(max(0.0, deadline_s - time.monotonic()) * 1000))


def _ended(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
    process.kill()
    process.wait()
