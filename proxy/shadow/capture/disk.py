"""The capture log's files, and the thread that writes them: no other but `syncing` touches the disk."""

import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from proxy.shadow.capture.progress import Progress
from proxy.shadow.capture.sealing import FileKey, KeyRing, sealed_batch
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, SegmentName, Setup
from proxy.shadow.capture.syncing import Syncer

SEGMENT_BYTES = 64 * 2**20
SEGMENTS_AT_LEAST = 32
"""So many of them fit into `capture.max_disk`: the recorder drops whole ones, and not those that are written."""
_SMALLEST_BYTES = 1 * 2**20
SEGMENT_AGE_S = 60.0
"""Segments are deleted whole, so texts should not wait long in one that fills slowly."""
_MAX_BUFFERS = 512
"""Buffers per system call; Linux takes 1024."""
_RETRY_S = 0.2
_DISK_CHECK_S = 1.0
CHORE_EVERY_S = 1.0

Batch = list[bytes]


class Segments:
    """The stream's files, one after the other."""

    def __init__(self, directory: Path, stream: uuid.UUID, worker: str, setup: Setup, keys: KeyRing) -> None:
        self.directory = directory
        self._keys = keys
        self._key: FileKey | None = None
        self._stream = stream
        self._worker = worker
        self._setup = setup
        self._sequence = 0
        self._fd = -1
        self.syncer = Syncer()
        self.max_bytes = SEGMENT_BYTES
        """A file that has reached it is ended."""
        self._begin = 0
        self._size = 0
        self._opened_s = 0.0

    def descriptor(self) -> int:
        """Where the next bytes go; begins a new file when the present one is full or old."""
        if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
            self.close()  # somebody has removed it: what comes now is not lost with it
        if self._fd >= 0 and (
            self._size >= self.max_bytes or (self._size and time.monotonic() - self._opened_s >= SEGMENT_AGE_S)
        ):
            self.close()
        if self._fd < 0:
            self._open()
        return self._fd

    def grew(self, size_bytes: int) -> None:
        """So much was written."""
        self._size += size_bytes

    def sealed(self, batch: Batch) -> Batch:
        """What of a batch goes into the present file, where it stands now."""
        if not self._keys.seals:
            return batch
        return sealed_batch(batch, self._key, self._begin + self._size) if self._key is not None else []

    def _open(self) -> None:
        segment = uuid.uuid4()
        key = self._keys.sealing(segment)
        header = SegmentHeader(
            segment,
            self._stream,
            self._sequence,
            self._worker,
            time.time_ns() // 1000,
            self._setup,
            key.key_id if key is not None else b"",
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
        self._fd, self._key = fd, key
        self._sequence += 1
        self._begin, self._size = len(packed), 0
        self._opened_s = time.monotonic()

    def sync(self) -> None:
        """Has what was written made safe against power loss."""
        if self._fd >= 0:
            self.syncer.sync(self._fd)

    def close(self) -> None:
        """Ends the present file."""
        if self._fd >= 0:
            self.syncer.finish(self._fd)
            self._fd = -1


class LogThread(threading.Thread):
    """Takes batches off the queue; a batch that cannot be written is tried again until it can."""

    def __init__(
        self,
        batches: "queue.SimpleQueue[Batch | None]",
        segments: Segments,
        progress: Progress,
        *,
        fsync_s: float,
        max_disk_bytes: int,
        on_error: Callable[[str], None],
        chore: Callable[[], None],
    ) -> None:
        super().__init__(name="capture-writer", daemon=True)
        self._batches = batches
        self._segments = segments
        self._progress = progress
        self._fsync_s = fsync_s
        self._max_disk_bytes = max_disk_bytes
        segments.max_bytes = min(SEGMENT_BYTES, max(_SMALLEST_BYTES, max_disk_bytes // SEGMENTS_AT_LEAST))
        self._on_error = on_error
        self._chore = chore
        self.give_up = threading.Event()
        self._failing = False
        self._checked_s = 0.0

    def run(self) -> None:
        """See `Thread`."""
        self._segments.syncer.start()
        self._chore()
        synced_s = chore_s = time.monotonic()
        dirty = False
        while not self.give_up.is_set():
            try:
                batch = self._batches.get(timeout=min(self._fsync_s, CHORE_EVERY_S))
            except queue.Empty:
                batch = []
            if batch is None:
                break
            if batch:
                self._write(batch)
                dirty = True
            now_s = time.monotonic()
            if dirty and now_s - synced_s >= self._fsync_s and not self._segments.syncer.is_busy:
                synced_s, dirty = now_s, not self._attempt(self._segments.sync)
            self._hear_syncer()
            if now_s - chore_s >= CHORE_EVERY_S:
                self._chore()
                chore_s = now_s
            self._check_disk(now_s)
        self._segments.close()
        self._segments.syncer.end()
        self._chore()
        while self._segments.syncer.is_alive() and not self.give_up.is_set():
            self._segments.syncer.join(_RETRY_S)
        self._hear_syncer()

    def _write(self, batch: Batch) -> None:
        fd = self._descriptor()
        batch = self._segments.sealed(batch)
        position = 0
        while position < len(batch) and not self.give_up.is_set():
            try:
                written = os.writev(fd, batch[position : position + _MAX_BUFFERS])
            except OSError as error:
                self._failed(error)
                continue
            self._recovered()
            self._progress.written_bytes += written
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

    def _attempt(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except OSError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: OSError) -> None:
        self._note(error)
        self.give_up.wait(_RETRY_S)

    def _note(self, error: OSError) -> None:
        self._progress.failures += 1
        if not self._failing:
            self._failing = True
            self._on_error(f"capture log: {error.strerror or error}; trying again, copies stop when the queue is full")

    def _hear_syncer(self) -> None:
        if (error := self._segments.syncer.take_failure()) is not None:
            self._note(error)

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
        self._progress.disk_full = total >= self._max_disk_bytes


def _advance(batch: Batch, position: int, written: int) -> int:
    """Index of the first buffer not wholly written; a part of it that remains takes its place."""
    while position < len(batch) and written >= len(batch[position]):
        written -= len(batch[position])
        position += 1
    if written:
        batch[position] = batch[position][written:]
    return position
