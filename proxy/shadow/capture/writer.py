"""Byte-bounded queue -> segment files, by a thread of its own: the event loop never touches the disk.

The loop encodes and counts, the thread only writes: it holds the interpreter's lock for next to nothing, so a slow disk
costs the loop no time. At the bound of the queue new exchanges are turned away (`capture_full`), those under way keep a
reserve, and beyond that a frame is refused and its exchange given up, counted (`disk_dropped`).
"""

import asyncio
import queue
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from proxy.shadow.capture.disk import Batch, LogThread, Segments
from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES, frame_prefix
from proxy.shadow.capture.progress import Progress
from proxy.shadow.capture.sealing import SEAL_BYTES, KeyRing
from proxy.shadow.capture.segment import Setup

RESERVE_SHARE: Final = 0.25
"""Part of the queue's bound that is kept for exchanges under way."""
GIVEN_UP_AFTER_US: Final = 48 * 3_600_000_000
_HAND_OVER_BYTES: Final = 256 * 2**10
_JOINED_BYTES: Final = 16 * 2**10
"""Copying a small frame behind its prefix is cheaper than another buffer for the system call."""


class FrameLog(Protocol):
    """What takes the frames of an exchange."""

    def append(self, payload: bytes, *, must: bool = False) -> bool:
        """Takes a frame; False at the bound. `must`: a small one without which the others mean nothing."""

    def ended(self, exchange_id: bytes) -> None:
        """All frames of an exchange have been appended, or no more will be."""


class CaptureLog(FrameLog):
    """The writing end of a worker's stream.

    Args:
        directory: of the log.
        stream: this life of the worker.
        worker: its name.
        setup: what the recorder must know; written into every segment's header.
        flush_s: how long a frame may wait in the loop's hands.
        fsync_s: how often the file is synchronised.
        max_queued_bytes: bound of the queue.
        max_disk_bytes: bound of all segments in the directory, other workers' included.
        on_error: called from the writing thread, once per change between working and failing.
        chore: called from the writing thread, first of all and then about every `CHORE_EVERY_S`.
        keys: seals what is written, on the writing thread; None writes it as it is.
    """

    def __init__(
        self,
        directory: Path,
        stream: uuid.UUID,
        worker: str,
        setup: Setup,
        *,
        flush_s: float,
        fsync_s: float,
        max_queued_bytes: int,
        max_disk_bytes: int,
        on_error: Callable[[str], None],
        chore: Callable[[], None],
        keys: KeyRing | None = None,
    ) -> None:
        keys = KeyRing() if keys is None else keys
        self._flush_s = flush_s
        self._overhead: int = FRAME_OVERHEAD_BYTES + (SEAL_BYTES if keys.seals else 0)
        """Of a frame on disk, beside its payload."""
        self._bound = max_queued_bytes
        self._bound_of_new = int(max_queued_bytes * (1 - RESERVE_SHARE))
        self._pending: Batch = []
        self._timer: asyncio.TimerHandle | None = None
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._unhanded_bytes = 0
        self.accepted_bytes = 0
        self.frames = 0
        self.refused_frames = 0
        self._open: dict[bytes, int] = {}
        """Exchanges under way, and when each began. Bounded by what may be under way."""
        self._progress = Progress()
        self._writer = LogThread(
            self._queue,
            Segments(directory, stream, worker, setup, keys),
            self._progress,
            fsync_s=fsync_s,
            max_disk_bytes=max_disk_bytes,
            on_error=on_error,
            chore=chore,
        )

    def __repr__(self) -> str:
        return f"<CaptureLog {self.queued_bytes} bytes queued, {self.refused_frames} frames refused>"

    @property
    def queued_bytes(self) -> int:
        """Accepted and not yet written."""
        return self.accepted_bytes - self._progress.written_bytes

    @property
    def written_bytes(self) -> int:
        """Given to the operating system so far."""
        return self._progress.written_bytes

    @property
    def write_failures(self) -> int:
        """Failed system calls so far; each was tried again."""
        return self._progress.failures

    @property
    def has_ended(self) -> bool:
        """Has the writing thread let go of the disk, and of what its chore holds?"""
        return not self._writer.is_alive()

    def has_room(self, size_bytes: int) -> bool:
        """May a new exchange of about this size begin?"""
        room = self._bound_of_new - self.queued_bytes
        return size_bytes <= room and not self._progress.disk_full

    def start(self) -> None:
        """Begins to write."""
        self._writer.start()

    def append(self, payload: bytes, *, must: bool = False) -> bool:
        """See `FrameLog`."""
        size = len(payload) + self._overhead
        if self.accepted_bytes - self._progress.written_bytes + size > self._bound and not must:
            self.refused_frames += 1
            return False
        if size < _JOINED_BYTES:
            self._pending.append(frame_prefix(payload) + payload)
        else:
            self._pending += (frame_prefix(payload), payload)
        self.accepted_bytes += size
        self._unhanded_bytes += size
        self.frames += 1
        if self._unhanded_bytes >= _HAND_OVER_BYTES:
            self.hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._flush_s, self.hand_over)
        return True

    def began(self, exchange_id: bytes, start_unix_us: int) -> None:
        """More frames of an exchange will come; `ended` says when no more do."""
        self._open[exchange_id] = start_unix_us

    def ended(self, exchange_id: bytes) -> None:
        """See `FrameLog`."""
        self._open.pop(exchange_id, None)

    def oldest_us(self, now_us: int) -> int:
        """When the oldest exchange under way began; `now_us` when there is none. Takes time by their number.

        What began two days ago is not waited for: the recorder gives it up as well (`tally.SETTLED_AFTER_HOURS`).
        """
        oldest_us, forgotten_us = now_us, now_us - GIVEN_UP_AFTER_US
        for start_us in self._open.values():
            if forgotten_us < start_us < oldest_us:
                oldest_us = start_us
        return oldest_us

    def hand_over(self) -> None:
        """Gives what waits to the thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            self._queue.put(self._pending)
            self._pending = []
            self._unhanded_bytes = 0

    async def close(self, timeout_s: float) -> bool:
        """Writes what there is and ends the thread. False when the disk did not take all of it in time."""
        self.hand_over()
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join, timeout_s)
        self._writer.give_up.set()
        return self.queued_bytes == 0
