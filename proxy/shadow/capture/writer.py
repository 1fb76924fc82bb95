"""Byte-bounded queue -> segment files, by a thread of its own: the event loop never touches the disk.

The loop encodes and counts, the thread only writes: it holds the interpreter's lock for next to nothing, so a slow disk
costs the loop no time. At the bound of the queue new exchanges are turned away (`capture_full`), those under way keep a
reserve, and beyond that a frame is refused and its exchange given up, counted (`disk_dropped`).
"""

import asyncio
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from proxy.shadow.capture.segment import FRAME_OVERHEAD_BYTES, SUFFIX, SegmentHeader, SegmentName, Setup, frame_prefix

SEGMENT_BYTES = 64 * 2**20
SEGMENT_AGE_S = 60.0
"""Segments are deleted whole, so texts should not wait long in one that fills slowly."""
RESERVE_SHARE = 0.25
"""Part of the queue's bound that is kept for exchanges under way."""
_HAND_OVER_BYTES = 256 * 2**10
_JOINED_BYTES = 16 * 2**10
"""Copying a small frame behind its prefix is cheaper than another buffer for the system call."""
_MAX_BUFFERS = 512
"""Buffers per system call; Linux takes 1024."""
_RETRY_S = 0.2
_DISK_CHECK_S = 1.0

Batch = list[bytes]


class CaptureLog:
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
    ) -> None:
        self._flush_s = flush_s
        self._bound = max_queued_bytes
        self._pending: Batch = []
        self._timer: asyncio.TimerHandle | None = None
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._unhanded_bytes = 0
        self.accepted_bytes = 0
        self.frames = 0
        self.refused_frames = 0
        self._thread = _Writer(
            self._queue, _Segments(directory, stream, worker, setup), fsync_s, max_disk_bytes, on_error
        )

    def __repr__(self) -> str:
        return f"<CaptureLog {self.queued_bytes} bytes queued, {self.refused_frames} frames refused>"

    @property
    def queued_bytes(self) -> int:
        """Accepted and not yet written."""
        return self.accepted_bytes - self._thread.written_bytes

    @property
    def written_bytes(self) -> int:
        """Given to the operating system so far."""
        return self._thread.written_bytes

    @property
    def write_failures(self) -> int:
        """Failed system calls so far; each was tried again."""
        return self._thread.failures

    def has_room(self, size_bytes: int) -> bool:
        """May a new exchange of about this size begin?"""
        room = self._bound * (1 - RESERVE_SHARE) - self.queued_bytes
        return size_bytes <= room and not self._thread.disk_full

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def append(self, payload: bytes, *, must: bool = False) -> bool:
        """Takes a frame; False at the bound. `must`: a small one without which the others mean nothing."""
        size = len(payload) + FRAME_OVERHEAD_BYTES
        if self.accepted_bytes - self._thread.written_bytes + size > self._bound and not must:
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
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, timeout_s)
        self._thread.give_up.set()
        return self.queued_bytes == 0


class _Segments:
    """The stream's files, one after the other."""

    def __init__(self, directory: Path, stream: uuid.UUID, worker: str, setup: Setup) -> None:
        self.directory = directory
        self._stream = stream
        self._worker = worker
        self._setup = setup
        self._sequence = 0
        self._fd = -1
        self._size = 0
        self._opened_s = 0.0

    def descriptor(self) -> int:
        """Where the next bytes go; begins a new file when the present one is full or old."""
        if self._fd >= 0 and (
            self._size >= SEGMENT_BYTES or (self._size and time.monotonic() - self._opened_s >= SEGMENT_AGE_S)
        ):
            self.close()
        if self._fd < 0:
            self._open()
        return self._fd

    def grew(self, size_bytes: int) -> None:
        """So much was written."""
        self._size += size_bytes

    def _open(self) -> None:
        header = SegmentHeader(
            uuid.uuid4(), self._stream, self._sequence, self._worker, time.time_ns() // 1000, self._setup
        )
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / SegmentName(self._stream, self._sequence).file_name()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            packed = header.pack()
            if os.write(fd, packed) != len(packed):
                raise OSError("no room for a segment's header")
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        self._fd = fd
        self._sequence += 1
        self._size = 0
        self._opened_s = time.monotonic()

    def sync(self) -> None:
        """Makes what was written safe against power loss."""
        if self._fd >= 0:
            os.fsync(self._fd)

    def close(self) -> None:
        """Ends the present file."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1


class _Writer(threading.Thread):
    """Takes batches off the queue; a batch that cannot be written is tried again until it can."""

    def __init__(
        self,
        batches: "queue.SimpleQueue[Batch | None]",
        segments: _Segments,
        fsync_s: float,
        max_disk_bytes: int,
        on_error: Callable[[str], None],
    ) -> None:
        super().__init__(name="capture-writer", daemon=True)
        self._batches = batches
        self._segments = segments
        self._fsync_s = fsync_s
        self._max_disk_bytes = max_disk_bytes
        self._on_error = on_error
        self.written_bytes = 0
        self.failures = 0
        self.disk_full = False
        self.give_up = threading.Event()
        self._failing = False
        self._checked_s = 0.0

    def run(self) -> None:
        synced_s = time.monotonic()
        dirty = False
        while not self.give_up.is_set():
            try:
                batch = self._batches.get(timeout=self._fsync_s)
            except queue.Empty:
                batch = []
            if batch is None:
                break
            if batch:
                self._write(batch)
                dirty = True
            now_s = time.monotonic()
            if dirty and now_s - synced_s >= self._fsync_s:
                self._attempt(self._segments.sync)
                synced_s, dirty = now_s, False
            self._check_disk(now_s)
        self._attempt(self._segments.close)

    def _write(self, batch: Batch) -> None:
        fd = self._descriptor()
        position = 0
        while position < len(batch) and not self.give_up.is_set():
            try:
                written = os.writev(fd, batch[position : position + _MAX_BUFFERS])
            except OSError as error:
                self._failed(error)
                continue
            self._recovered()
            self.written_bytes += written
            self._segments.grew(written)
            position = _advance(batch, position, written)

    def _descriptor(self) -> int:
        """The file for a whole batch: a frame never straddles two."""
        while not self.give_up.is_set():
            try:
                return self._segments.descriptor()
            except OSError as error:
                self._failed(error)
        return -1

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        if not self._failing:
            self._failing = True
            self._on_error(f"capture log: {error.strerror or error}; trying again, copies stop when the queue is full")
        self.give_up.wait(_RETRY_S)

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            self._on_error("capture log: writing again")

    def _check_disk(self, now_s: float) -> None:
        if now_s - self._checked_s < _DISK_CHECK_S:
            return
        self._checked_s = now_s
        total = 0
        try:
            with os.scandir(self._segments.directory) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX):
                        total += entry.stat().st_size
        except OSError:
            return  # a file vanished while we looked; the next look is a second away
        self.disk_full = total >= self._max_disk_bytes


def _advance(batch: Batch, position: int, written: int) -> int:
    """Index of the first buffer not wholly written; a part of it that remains takes its place."""
    while position < len(batch) and written >= len(batch[position]):
        written -= len(batch[position])
        position += 1
    if written:
        batch[position] = batch[position][written:]
    return position
