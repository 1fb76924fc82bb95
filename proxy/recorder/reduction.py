"""What is left of a segment whose exchanges are given up: those that are still open at its end, and nothing else.

While the store is away for long the oldest exchanges must go, and the order of the log must not suffer. So a segment
is replaced by a reduced one under the same name: of an exchange that is complete in it nothing stays, and its rows are
counted as `disk_dropped`; an exchange that goes on in a later segment keeps all its frames, and becomes a pair. An
exchange that began earlier and is complete in it leaves a `Dropped`, so that whoever has read its beginning forgets it.

Reading goes by the disk alone, from where a restart would begin: nothing that a follower has in memory matters.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from proxy.recorder.carry import take_up
from proxy.recorder.checkpoint import Checkpoint, Tallies
from proxy.recorder.exchange import Assembler, Place, Ready
from proxy.recorder.losses import Losses
from proxy.recorder.segments import HEADER_BYTES, OpenSegment, Position
from proxy.recorder.shipment import add_tally, hour_of
from proxy.recorder.stream_files import StreamFiles
from proxy.recorder.surroundings import Surroundings
from proxy.shadow.capture.frames import Dropped, Frame, Watermark, decode, encode
from proxy.shadow.capture.sealing import FileKey, sealed_frame
from proxy.shadow.capture.segment import SegmentError, SegmentHeader, pack_frame
from record.states import State

_HELD_BYTES = 1 * 2**20
"""Frames are looked at, not kept; a little room spares looking for the next to let go of."""
_BEFORE_ALL = Position(-1, 0)


class ReductionError(Exception):
    """This segment cannot be reduced: it is left as it is."""


@dataclass(slots=True)
class Reduced:
    """A reduced segment that waits to take the place of the whole one."""

    path: Path
    """Where it lies meanwhile."""
    sequence: int
    segment: UUID
    """Its own identifier: tokens of the whole one never fit it."""
    done: tuple[int, int] | None
    replay: tuple[int, int] | None
    """The two places of the checkpoint, as they are once it has taken its place."""
    tallies: Tallies
    """Rows of pairs that will not be, by hour and candidate."""
    skips: int
    """Rows of skips that will not be; their count stands."""
    freed_bytes: int
    is_damaged: bool
    """Part of it could not be read; what that held is missing, and counted when the stream is settled."""


@dataclass(slots=True)
class _Survey:
    """What reading on to the end of the segment has shown."""

    kept: frozenset[bytes] = frozenset()
    """Exchanges that go on behind it."""
    forgotten: list[bytes] = field(default_factory=list)
    """Those that began before it, and end in it."""
    due: list[tuple[bytes, int, str | None]] = field(default_factory=list)
    """(exchange, hour, candidate or None for a skip) of every row that it makes due."""
    is_damaged: bool = False


class Reduction:
    """Of one segment. `steps` is the work, a window of the log at a time; afterwards `result` is there."""

    def __init__(
        self, shared: Surroundings, files: StreamFiles, checkpoint: Checkpoint, sequences: list[int], *, ends_here: bool
    ) -> None:
        """Args:
        shared: keys, and who hears of faults.
        files: of the stream.
        checkpoint: of the stream; must not change meanwhile.
        sequences: of the stream's segments on disk, up to the one that is to be reduced.
        ends_here: nothing of the stream comes behind it.
        """
        self._shared = shared
        self._files = files
        self._sequences = sequences
        self._sequence = sequences[-1]
        self._ends_here = ends_here
        self._done = Position(*(checkpoint.done or _BEFORE_ALL))
        self._replay = Position(*checkpoint.needed_from())
        self._has_places = checkpoint.done is not None, checkpoint.replay is not None
        self._carry = checkpoint.carry
        self._assembler = Assembler(_no_frame, Losses(), max_held_bytes=_HELD_BYTES)
        self._survey = _Survey()
        self.result: Reduced | None = None

    def steps(self) -> Iterator[None]:
        """Reads and writes; may be left at any step.

        Raises:
            OSError: the disk refuses.
            SegmentError, SealError, ReductionError: a segment cannot be read.
        """
        take_up(self._files, self._carry, self._assembler, self._replay, self._shared.on_fault)
        for sequence in self._sequences[:-1]:
            if sequence >= self._replay.sequence:
                for frame, _, _ in self._read(sequence):
                    if frame is None:
                        yield
        yield from self._look()
        yield from self._write()

    def _look(self) -> Iterator[None]:
        survey, begun_before = self._survey, {identifier for identifier, _ in self._assembler.exchanges()}
        touched: set[bytes] = set()
        for frame, place, due in self._read(self._sequence):
            if frame is None:
                yield
                continue
            if not isinstance(frame, Watermark) and frame.id in begun_before:
                touched.add(frame.id)
            if (place.sequence, place.end) > self._done:
                survey.due += (_row(one) for one in due)
        if not self._ends_here:
            survey.kept = frozenset(identifier for identifier, _ in self._assembler.exchanges())
        survey.forgotten = sorted(touched - survey.kept)

    def _read(self, sequence: int) -> Iterator[tuple[Frame | None, Place, list[Ready]]]:
        """The frames of a segment; one that is None says that a window has been read."""
        segment = self._open(sequence)
        try:
            offset = max(segment.header_end, self._replay.offset if sequence == self._replay.sequence else 0)
            while True:
                start = offset
                for end, payload in segment.frames(offset):
                    place, offset = Place(sequence, offset, end), end
                    try:
                        frame = decode(payload)
                    except msgspec.MsgspecError:
                        self._survey.is_damaged |= sequence == self._sequence
                        continue
                    yield frame, place, self._assembler.feed(frame, place)
                yield None, Place(sequence, start, offset), []
                if offset == start:
                    break
            self._survey.is_damaged |= sequence == self._sequence and segment.is_damaged(offset)
        finally:
            segment.close()

    def _open(self, sequence: int) -> OpenSegment:
        segment = OpenSegment(self._files.segment(sequence))
        try:
            if not segment.read_header():
                raise ReductionError("its header is not whole")
            segment.unlock(self._shared.keys)
        except BaseException:
            segment.close()
            raise
        return segment

    # The reduced segment

    def _write(self) -> Iterator[None]:
        source = self._open(self._sequence)
        whole = source.header
        assert whole is not None  # noqa: S101 - read when it was opened
        path = self._files.reduced
        try:
            header, key = self._header(whole)
            with open(path, "wb", opener=_private) as file:
                file.write(header.pack())
                begin = file.tell()
                done = begin
                offset = max(source.header_end, self._replay.offset if self._is_at(self._replay) else 0)
                while True:
                    start = offset
                    for end, payload in source.frames(offset):
                        offset = end
                        if self._stays(payload):
                            file.write(_framed(key, file.tell(), bytes(payload)))
                        if (self._sequence, end) <= self._done:
                            done = file.tell()
                    yield
                    if offset == start:
                        break
                for identifier in self._survey.forgotten:
                    file.write(_framed(key, file.tell(), encode(Dropped(identifier))))
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            freed = source.size() - size
        finally:
            source.close()
        self.result = self._reduced(path, header.segment, begin, done, freed)

    def _header(self, whole: SegmentHeader) -> tuple[SegmentHeader, FileKey | None]:
        """All that the whole one says, with an identifier and so a key of its own."""
        segment = uuid4()
        key = self._shared.keys.sealing(segment)
        key_id = key.key_id if key is not None else b""
        header = SegmentHeader(
            segment, whole.stream, whole.sequence, whole.worker, whole.created_unix_us, whole.setup, key_id
        )
        return header, key

    def _stays(self, payload: memoryview) -> bool:
        try:
            frame = decode(payload)
        except msgspec.MsgspecError:
            return False
        return isinstance(frame, Watermark) or frame.id in self._survey.kept

    def _is_at(self, place: Position) -> bool:
        return place.sequence == self._sequence

    def _moved(self, place: Position, offset: int) -> tuple[int, int]:
        return (self._sequence, offset) if self._is_at(place) else (place.sequence, place.offset)

    def _reduced(self, path: Path, segment: UUID, begin: int, done: int, freed_bytes: int) -> Reduced:
        tallies: Tallies = {}
        skips = 0
        for identifier, hour, candidate in self._survey.due:
            if identifier in self._survey.kept:
                continue
            if candidate is None:
                skips += 1
            else:
                add_tally(tallies, hour, candidate, State.DISK_DROPPED.value)
        has_done, has_replay = self._has_places
        return Reduced(
            path,
            self._sequence,
            segment,
            done=self._moved(self._done, done) if has_done else None,
            replay=self._moved(self._replay, begin) if has_replay else None,
            tallies=tallies,
            skips=skips,
            freed_bytes=freed_bytes,
            is_damaged=self._survey.is_damaged,
        )


def _row(due: Ready) -> tuple[bytes, int, str | None]:
    plan = due.exchange.plans[due.arm - 1]
    return due.exchange_id, hour_of(due.exchange.start_unix_us), plan.candidate if plan.state == State.OPEN else None


def _no_frame(place: Place) -> Frame:
    raise LookupError(f"nothing is read again here ({place})")


def _framed(key: FileKey | None, place: int, payload: bytes) -> bytes:
    return b"".join(sealed_frame(key, place, payload) if key is not None else pack_frame(payload))


def header_of(path: Path) -> SegmentHeader | None:
    """Of a segment; None where it is damaged, or not whole.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            found = SegmentHeader.unpack(file.read(HEADER_BYTES))
        except SegmentError:
            return None
    return found[0] if found is not None else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
