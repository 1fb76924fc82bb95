"""The files of one stream: where they lie, how much they hold, and their end."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import msgspec

from proxy.recorder.checkpoint import checkpoint_path
from proxy.recorder.claim import claim_path
from proxy.recorder.exchange import Place
from proxy.recorder.sealed_file import Locks
from proxy.recorder.segments import segment_path
from proxy.shadow.capture.board import board_path, remove_board
from proxy.shadow.capture.frames import Frame, decode
from proxy.shadow.capture.sealing import KeyRing, SealError
from proxy.shadow.capture.segment import SegmentError

_CARRY_SUFFIX = ".carry"
_REDUCED_SUFFIX = ".reduced"


class StreamFiles:
    """Paths of one stream; a file that is gone already is no error when it is to be removed."""

    def __init__(self, directory: Path, stream: UUID, keys: KeyRing | None = None) -> None:
        """`keys`: what sealed files are opened with."""
        self._directory = directory
        self._stream = stream
        self.keys = KeyRing() if keys is None else keys
        self._locks = Locks(self.keys)
        self.checkpoint = checkpoint_path(directory, stream)
        self.reduced = directory / f"{stream.hex}{_REDUCED_SUFFIX}"
        """A reduced segment on its way to the place of the whole one."""

    def segment(self, sequence: int) -> Path:
        """A segment."""
        return segment_path(self._directory, self._stream, sequence)

    def carry(self, number: int) -> Path:
        """A carry file; they are counted from 1."""
        return self._directory / f"{self._stream.hex}-{number}{_CARRY_SUFFIX}"

    def load(self, place: Place) -> Frame:
        """Reads one frame again.

        Raises:
            LookupError: it is gone from the disk.
        """
        number = carry_number(place.sequence)
        path = self.segment(place.sequence) if number is None else self.carry(number)
        try:
            return decode(self._locks.payload(path, place.start, place.end))
        except (OSError, msgspec.MsgspecError, SealError, SegmentError) as error:
            raise LookupError(f"{path.name}: {error}") from None

    def size_of(self, sequences: Iterable[int]) -> int:
        """Bytes of segments."""
        total = 0
        for sequence in sequences:
            with contextlib.suppress(FileNotFoundError):
                total += self.segment(sequence).stat().st_size
        return total

    def remove_segments(self, sequences: Iterable[int]) -> None:
        """Removes segments."""
        for sequence in sequences:
            _remove(self.segment(sequence))

    def remove_carries(self, *, but: int) -> None:
        """Removes carry files, except the one that is in force (0: all)."""
        for path in self._directory.glob(f"{self._stream.hex}-*{_CARRY_SUFFIX}"):
            if path != self.carry(but):
                _remove(path)

    def remove_reduced(self) -> None:
        """Removes a reduced segment that has not taken its place."""
        _remove(self.reduced)

    def remove_all(self, sequences: Iterable[int]) -> None:
        """Removes everything: the checkpoint after what it speaks of, and the claim last."""
        self.remove_segments(sequences)
        self.remove_carries(but=0)
        self.remove_reduced()
        remove_board(board_path(self._directory, self._stream))
        _remove(self.checkpoint)
        _remove(claim_path(self._directory, self._stream))


def carry_sequence(number: int) -> int:
    """The sequence number by which a place names a carry file: below those of all segments."""
    return -number - 1


def carry_number(sequence: int) -> int | None:
    """The carry file that a place lies in; None for a segment."""
    return -sequence - 1 if sequence < -1 else None


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
