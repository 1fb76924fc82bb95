"""The way through the segments of one stream, in order: whole frames, torn tails, damage."""

import contextlib
import os
from collections.abc import Callable, Sequence
from enum import Enum, auto
from pathlib import Path
from uuid import UUID

from proxy.recorder.exchange import Place
from proxy.recorder.segments import OpenSegment, Position, segment_path
from proxy.recorder.surroundings import Surroundings
from proxy.shadow.capture.sealing import KeyMissingError
from proxy.shadow.capture.segment import SegmentError, SegmentHeader

BEFORE_ALL = Position(-1, 0)
_DAMAGED = "a frame that is cut or fails its checksum"


class Step(Enum):
    """What a step led to."""

    WAITS = auto()
    """There is nothing to read now."""
    BEGAN = auto()
    """A segment was opened; `header` is its own."""
    READ = auto()
    """Frames were read, or a segment was passed over."""
    ENDED = auto()
    """The segment has been read to its end, and will not grow."""


Take = Callable[[memoryview, Place], bool]
"""Gets a frame's payload; False: no more for now."""


class Walk:
    """Reads on where it stands. What a step finds unreadable goes into quarantine, and the way goes on behind it."""

    def __init__(self, shared: Surroundings, stream: UUID, at: Position) -> None:
        self._shared = shared
        self._directory = shared.directory
        self._losses = shared.losses
        self._stream = stream
        self._segment: OpenSegment | None = None
        self._next_sequence = at.sequence
        self.at = at
        """Everything before this place has been read."""
        self.header: SegmentHeader | None = None
        """Of the segment that was opened last."""
        self.header_end = 0
        self.segments: Sequence[int] = ()
        """Sequence numbers on disk when the directory was last read."""
        self.is_dead = False
        """The worker had ended before the directory was last read."""
        self.is_damaged = False
        """Something was unreadable."""
        self.missing_key: bytes | None = None
        """Id of the key that the next segment wants and nobody has; it is waited for."""
        self._tried_keys = -1

    @property
    def is_at_end(self) -> bool:
        """All has been read, and no more will come."""
        return self.is_dead and self._segment is None and not self._later()

    @property
    def is_in_newest(self) -> bool:
        """No segment lies behind the present one."""
        return not self._later()

    def _later(self) -> list[int]:
        return [sequence for sequence in self.segments if sequence >= self._next_sequence]

    def _waits_for_key(self) -> bool:
        """Nothing has changed since the next segment could not be opened."""
        return self.missing_key is not None and self._tried_keys == self._shared.keys.version

    def unread_bytes(self) -> int:
        """Bytes on disk behind this place."""
        unread = 0
        for sequence in self._later() + ([self.at.sequence] if self._segment is not None else []):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                size = os.stat(segment_path(self._directory, self._stream, sequence)).st_size
                unread += size - (self.at.offset if sequence == self.at.sequence else 0)
        return max(0, unread)

    def step(self, take: Take) -> Step:
        """Opens the next segment, or reads a window of the present one, or ends it.

        Raises:
            OSError: the disk refuses.
        """
        segment = self._segment
        if segment is None:
            return self._open_next()
        # Asked before the last read: what is written afterwards belongs to a later segment, or to nobody.
        is_last_word = self.is_dead or bool(self._later())
        sequence, start = self.at
        for end, payload in segment.frames(start):
            goes_on = take(payload, Place(sequence, self.at.offset, end))
            self.at = Position(sequence, end)
            if not goes_on:
                break
        if self.at.offset > start:
            return Step.READ
        if not is_last_word:
            return Step.WAITS
        self._end(segment)
        return Step.ENDED

    def _open_next(self) -> Step:
        later = self._later()
        if not later:
            self.missing_key = None
            return Step.WAITS
        sequence = later[0]
        if self._waits_for_key():
            return Step.WAITS
        path = segment_path(self._directory, self._stream, sequence)
        try:
            segment = OpenSegment(path)
        except FileNotFoundError:
            self._losses.vanished += 1
            return self._pass_over(sequence)
        try:
            has_header = segment.read_header()
            self._check_name(segment.header, sequence)
        except SegmentError as error:
            segment.close()
            self._set_aside(path, 0, str(error))
            return self._pass_over(sequence)
        if not has_header or segment.header is None:
            segment.close()
            return self._without_header(sequence, path)
        try:
            segment.unlock(self._shared.keys)
        except KeyMissingError as error:
            segment.close()
            self.missing_key, self._tried_keys = error.key_id, self._shared.keys.version
            return Step.WAITS
        self.missing_key = None
        self._segment, self.header, self.header_end = segment, segment.header, segment.header_end
        self._next_sequence = sequence + 1
        begin = self.at.offset if sequence == self.at.sequence else 0
        self.at = Position(sequence, max(begin, segment.header_end))
        return Step.BEGAN

    def _check_name(self, header: SegmentHeader | None, sequence: int) -> None:
        """A copy under another name would be recorded twice.

        Raises:
            SegmentError: it is one.
        """
        if header is not None and (header.stream, header.sequence) != (self._stream, sequence):
            raise SegmentError(f"its header says that it is segment {header.sequence} of stream {header.stream.hex}")

    def _without_header(self, sequence: int, path: Path) -> Step:
        """A file whose header is cut is being begun, or its writer died over it."""
        if not self.is_dead and self._later() == [sequence]:
            return Step.WAITS
        if path.stat().st_size:
            self._losses.torn_tails += 1
        return self._pass_over(sequence)

    def _pass_over(self, sequence: int) -> Step:
        self.at = Position(sequence, 0)
        self._next_sequence = sequence + 1
        return Step.READ

    def _end(self, segment: OpenSegment) -> None:
        """Nothing more will come in this segment: looks at what is left of it, then lets go of it."""
        if segment.size() > self.at.offset:
            if self._later() or segment.is_damaged(self.at.offset):
                self._set_aside(segment.path, self.at.offset, _DAMAGED, segment.header)
            else:
                self._losses.torn_tails += 1
        self.close()

    def _set_aside(self, path: Path, offset: int, reason: str, header: SegmentHeader | None = None) -> None:
        self.is_damaged = True
        try:
            self._shared.quarantine.take_file(path, offset, reason, header)
        except OSError as error:
            self._shared.on_fault(f"setting aside {path.name}", error)

    def close(self) -> None:
        """Lets go of the open file."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
