"""Files of the capture directory: which streams there are, and the frames of one segment."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from proxy.shadow.capture.board import SUFFIX as BOARD_SUFFIX
from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES
from proxy.shadow.capture.sealing import BrokenSealError, FileKey, KeyRing
from proxy.shadow.capture.segment import (
    MAX_FRAME_BYTES,
    SegmentHeader,
    SegmentName,
    read_frames,
)

CHECKPOINT_SUFFIX = ".checkpoint"
CLAIM_SUFFIX = ".recorder"
"""Of the lock file that says who follows the stream."""
READ_BYTES = 256 * 2**10
"""How much of a segment is read at once; a longer frame is read whole."""
HEADER_BYTES = 1 * 2**20
"""No header is longer."""
_SUFFIXES = frozenset({BOARD_SUFFIX, CHECKPOINT_SUFFIX, CLAIM_SUFFIX})


class Position(NamedTuple):
    """A place in a stream; compares in the order in which things were written."""

    sequence: int
    offset: int


@dataclass(slots=True)
class StreamFiles:
    """What lies in the directory of one stream."""

    segments: list[int] = field(default_factory=list)
    """Sequence numbers, ascending."""
    has_board: bool = False
    has_checkpoint: bool = False


def list_streams(directory: Path) -> dict[UUID, StreamFiles]:
    """All streams of a capture directory; empty when the directory is not there."""
    found: dict[UUID, StreamFiles] = {}
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return found
    for name in names:
        path = Path(name)
        if (segment := SegmentName.parse(path)) is not None:
            found.setdefault(segment.stream, StreamFiles()).segments.append(segment.sequence)
        elif path.suffix in _SUFFIXES and (stream := _stream_of(path)) is not None:
            files = found.setdefault(stream, StreamFiles())
            files.has_board |= path.suffix == BOARD_SUFFIX
            files.has_checkpoint |= path.suffix == CHECKPOINT_SUFFIX
    for files in found.values():
        files.segments.sort()
    return found


def waiting_bytes(directory: Path) -> int:
    """Of all segments of a capture directory: what was captured and is not yet wholly in the store."""
    total = 0
    for stream, files in list_streams(directory).items():
        for sequence in files.segments:
            with contextlib.suppress(FileNotFoundError):
                total += segment_path(directory, stream, sequence).stat().st_size
    return total


def _stream_of(path: Path) -> UUID | None:
    try:
        return UUID(hex=path.stem) if len(path.stem) == 32 else None
    except ValueError:
        return None


def segment_path(directory: Path, stream: UUID, sequence: int) -> Path:
    """Where a segment lies."""
    return directory / SegmentName(stream, sequence).file_name()


class OpenSegment:
    """One segment, open for reading; it may still grow.

    Memory: one window of `READ_BYTES`, or one frame where that is longer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.header: SegmentHeader | None = None
        self.header_end = 0
        self._key: FileKey | None = None

    def read_header(self) -> bool:
        """Is the header there?

        Raises:
            SegmentError: it is not one.
        """
        if self.header is None and (found := SegmentHeader.unpack(os.pread(self._fd, HEADER_BYTES, 0))) is not None:
            self.header, self.header_end = found
        return self.header is not None

    def unlock(self, keys: KeyRing) -> None:
        """After the header was read: opens what is sealed.

        Raises:
            KeyMissingError: with another key it could be read.
        """
        if self.header is not None and self.header.key_id:
            self._key = keys.opening(self.header.segment, self.header.key_id)

    def size(self) -> int:
        """Bytes now."""
        return os.fstat(self._fd).st_size

    def frames(self, offset: int) -> Iterator[tuple[int, memoryview]]:
        """(offset just behind the frame, payload) of one window's whole, intact frames; none means wait or damage."""
        window = os.pread(self._fd, READ_BYTES, offset)
        if len(window) >= FRAME_OVERHEAD_BYTES:
            needed = FRAME_OVERHEAD_BYTES + int.from_bytes(window[:4], "little")
            if len(window) < needed <= MAX_FRAME_BYTES + FRAME_OVERHEAD_BYTES and len(window) == READ_BYTES:
                window = os.pread(self._fd, needed, offset)
        for end, payload in read_frames(memoryview(window), 0):
            if self._key is not None:
                try:
                    opened = self._key.open(offset + end - len(payload) - FRAME_OVERHEAD_BYTES, payload)
                except BrokenSealError:
                    return
                yield offset + end, memoryview(opened)
            else:
                yield offset + end, payload

    def is_damaged(self, offset: int) -> bool:
        """After `frames` gave none: is a whole frame's worth of bytes there all the same?"""
        size = self.size()
        if size - offset < FRAME_OVERHEAD_BYTES:
            return False
        length = int.from_bytes(os.pread(self._fd, 4, offset), "little")
        return length > MAX_FRAME_BYTES or offset + FRAME_OVERHEAD_BYTES + length <= size

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._fd)
