"""fsync on a thread of its own: frames reach their file while the disk is still busy with those before them.

A killed process loses what it had not given to the system, and nothing else. So the thread that writes must not wait
for the disk, which may take hundreds of milliseconds for one fsync while it is busy with others' data.
"""

import os
import queue
import threading

Job = tuple[int, bool]
"""A descriptor, and whether it is to be closed afterwards."""


class Syncer(threading.Thread):
    """Owned by the writing thread. Bounded by its owner, who asks for no second fsync of a file before the first."""

    def __init__(self) -> None:
        super().__init__(name="capture-sync", daemon=True)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._failure: OSError | None = None
        self.is_busy = False
        """An fsync was asked for and has not ended."""

    def sync(self, fd: int) -> None:
        """Makes safe what was written so far; the file stays open.

        Raises:
            OSError: there is no descriptor left; ask again later.
        """
        copy = os.dup(fd)
        self.is_busy = True
        self._jobs.put((copy, False))

    def finish(self, fd: int) -> None:
        """Makes a file safe to which nothing is added any more, and closes it."""
        self._jobs.put((fd, True))

    def take_failure(self) -> OSError | None:
        """The last fsync that failed since this was asked."""
        failure, self._failure = self._failure, None
        return failure

    def end(self) -> None:
        """After what was asked for."""
        self._jobs.put(None)

    def run(self) -> None:
        """See `Thread`."""
        while (job := self._jobs.get()) is not None:
            fd, is_last = job
            try:
                os.fsync(fd)
            except OSError as error:
                self._failure = error
            finally:
                os.close(fd)
                if not is_last:
                    self.is_busy = False
