"""Files of the recorder's own that are sealed: carry files and what is in quarantine.

    header  as that of a segment, with a magic of its own: the UUID that salts the key, the key's id, the first place
    frames  as in a segment

A stretch of a damaged segment is kept as it was: its header then has the segment's UUID and key, and the place in the
segment at which the stretch begins. In a file that was sealed here that place is that behind the header.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES
from proxy.shadow.capture.sealing import FileKey, KeyRing, sealed_frame
from proxy.shadow.capture.segment import SegmentHeader, pack_header, read_frames, unpack_header

MAGIC = b"SBSEALD\n"
_SEGMENT_MAGIC = b"SBSEGMT\n"
_VERSION = 1
HEADER_BYTES = 1 * 2**20
"""No header is longer."""


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """What is needed to open the frames behind it."""

    file: UUID
    """Salt of the key."""
    key_id: bytes
    first: int | None = None
    """Place for which the first byte behind the header was sealed; None: where it stands."""

    def pack(self) -> bytes:
        """The file's first bytes."""
        return pack_header(MAGIC, _VERSION, {"file": self.file.bytes, "key": self.key_id, "first": self.first})

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Self, int] | None:
        """The header and its length; None when the bytes do not hold all of it.

        Raises:
            SegmentError: other bytes, or a newer version.
        """
        found = unpack_header(MAGIC, (_VERSION,), data)
        if found is None:
            return None
        body, end = found
        return cls(UUID(bytes=body["file"]), body["key"], body["first"]), end


@dataclass(frozen=True, slots=True)
class Lock:
    """How the frames of one file are opened."""

    key: FileKey
    shift: int = 0
    """From a place in the file to the place that its bytes were sealed for."""

    def open(self, place: int, sealed: bytes | memoryview) -> bytes:
        """The payload of the frame that begins at `place`.

        Raises:
            BrokenSealError: it was changed.
        """
        return self.key.open(place + self.shift, sealed)


def lock_of(head: bytes, keys: KeyRing) -> Lock | None:
    """None for a file that is not sealed.

    Args:
        head: the file's beginning, its whole header at least.
        keys: what there is to open it with.

    Raises:
        KeyMissingError: with another key it could be read.
        SegmentError: a header that is damaged.
    """
    if head.startswith(_SEGMENT_MAGIC):
        segment = SegmentHeader.unpack(head)
        is_sealed = segment is not None and bool(segment[0].key_id)
        return Lock(keys.opening(segment[0].segment, segment[0].key_id)) if segment and is_sealed else None
    found = SealedHeader.unpack(head) if head.startswith(MAGIC) else None
    if found is None:
        return None
    header, end = found
    return Lock(keys.opening(header.file, header.key_id), 0 if header.first is None else header.first - end)


class SealingWriter:
    """Frames -> the bytes of a file, sealed if the ring says so. One per file."""

    def __init__(self, keys: KeyRing) -> None:
        file = uuid4()
        self._key = keys.sealing(file)
        self.head = SealedHeader(file, self._key.key_id).pack() if self._key is not None else b""
        """The file's first bytes; none where nothing is sealed."""

    @property
    def seals(self) -> bool:
        """Is what it gives sealed?"""
        return self._key is not None

    def sealed(self, place: int, payload: bytes) -> bytes:
        """A whole frame, which will stand at `place`. Of a file that is sealed only."""
        assert self._key is not None  # noqa: S101 - see above
        return b"".join(sealed_frame(self._key, place, payload))


def opened_frames(data: bytes, lock: Lock | None, start: int) -> Iterator[tuple[int, int, bytes | memoryview]]:
    """(where it begins, where it ends, payload) of every whole frame from `start` on; stops at the first that is not.

    Raises:
        BrokenSealError: one is whole and was changed.
    """
    for end, payload in read_frames(memoryview(data), start):
        yield start, end, payload if lock is None else lock.open(start, payload)
        start = end


class Locks:
    """The locks of files that are read again and again, by path. Memory: a few hundred bytes for each of `_MOST`."""

    _MOST = 64

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self._known: dict[Path, Lock | None] = {}

    def payload(self, path: Path, start: int, end: int) -> bytes:
        """The payload of one frame.

        Raises:
            OSError: the file cannot be read.
            SealError, SegmentError: it cannot be opened.
        """
        with path.open("rb") as file:
            if path not in self._known:
                if len(self._known) >= self._MOST:
                    self._known.clear()
                self._known[path] = lock_of(file.read(HEADER_BYTES), self.keys)
            lock = self._known[path]
            file.seek(start + FRAME_OVERHEAD_BYTES)
            payload = file.read(end - start - FRAME_OVERHEAD_BYTES)
        return payload if lock is None else lock.open(start, payload)
