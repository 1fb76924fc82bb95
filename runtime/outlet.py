"""Lines to a descriptor, written by a thread of its own: whoever says something never waits for the reader.

A pipe that nobody empties, or a stalled disk under a log file, would otherwise keep an event loop from its clients.
"""

import atexit
import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable

MAX_WAITING_BYTES = 2**20
"""A few thousand lines; what comes while so much waits is left out, and counted."""
FLUSH_S = 1.0
"""How long the end of the process waits for the reader."""
_STEP_S = 0.005

LeftOut = Callable[[int], bytes]
"""The line that says how many lines were left out."""


class Outlet:
    """One per descriptor and process."""

    def __init__(self, fd: int, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._fd = fd
        self._bound = max_waiting_bytes
        self._lines: queue.SimpleQueue[tuple[bytes, LeftOut]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        """Guards the counts below; never held while anything waits."""
        self._accepted_bytes = 0
        self._done_bytes = 0
        self._left_out = 0

    @property
    def left_out(self) -> int:
        """Lines left out since that was last said."""
        return self._left_out

    def say(self, line: bytes, left_out: LeftOut) -> None:
        """Takes a line; never waits, never raises. `left_out` words the line about those that had no room."""
        with self._lock:
            if self._accepted_bytes - self._done_bytes + len(line) > self._bound:
                self._left_out += 1
                return
            self._accepted_bytes += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name=f"outlet {self._fd}", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
        self._lines.put((line, left_out))

    def flush(self, at_most_s: float = FLUSH_S) -> bool:
        """Waits until everything is written, but not for long; blocks. Was it?"""
        deadline_s = time.monotonic() + at_most_s
        while self._done_bytes < self._accepted_bytes and time.monotonic() < deadline_s:
            time.sleep(_STEP_S)
        return self._done_bytes >= self._accepted_bytes

    def _write_all(self) -> None:
        while True:
            line, left_out = self._lines.get()
            self._write(line)
            with self._lock:
                missing, self._left_out = self._left_out, 0
            if missing:
                self._write(left_out(missing))
            with self._lock:
                self._done_bytes += len(line)

    def _write(self, line: bytes) -> None:
        """All of it; a reader that went away does not stop the service."""
        rest = memoryview(line)
        with contextlib.suppress(OSError, ValueError):
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:  # somebody who shares the descriptor made it so
                    select.select([], [self._fd], [])


STDOUT = Outlet(1)
STDERR = Outlet(2)
"""One for the process, as the descriptors are."""
