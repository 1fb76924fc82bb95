"""Where unreadable stretches of the log go, with the reason beside them; sealed while `capture.encrypt` says so."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from proxy.recorder.sealed_file import SealedHeader, SealingWriter
from proxy.shadow.capture.sealing import KeyRing
from proxy.shadow.capture.segment import SegmentHeader

MAX_QUARANTINE_BYTES = 256 * 2**20
"""Beyond this only the reasons are kept, not the bytes."""
PLAIN_SUFFIX = ".part"
SEALED_SUFFIX = ".sealed"
_MAX_NOTES = 10_000
_COPY_BYTES = 1 * 2**20


class Quarantine:
    """A directory beside the segments; never read by us again."""

    def __init__(self, capture_dir: Path, keys: KeyRing | None = None, now_s: Callable[[], float] = time.time) -> None:
        """`keys`: seals what is kept; None keeps it as it is. `now_s`: seconds since the epoch."""
        self.directory = capture_dir / "quarantine"
        self._keys = KeyRing() if keys is None else keys
        self._now_s = now_s
        self.keeps_texts = True
        """Are stretches of the log kept, which hold bodies as they came? If not, only the reason is."""
        self.items = 0
        """Stretches and exchanges set aside by this process."""
        self.expired = 0
        """Files that were removed because they were too old."""

    def take_file(self, source: Path, offset: int, reason: str, header: SegmentHeader | None = None) -> None:
        """Copies a file's bytes from `offset` on. `header`: of a segment, if it could be read.

        Raises:
            OSError: the disk refuses.
        """
        name = f"{source.stem}-{offset}"
        if not self._note(name, reason, {"file": source.name, "offset": offset}) or not self.keeps_texts:
            return
        with source.open("rb") as log:
            log.seek(offset)
            if header is not None and header.key_id:
                head = SealedHeader(header.segment, header.key_id, offset).pack()
                self._keep(name + SEALED_SUFFIX, head, _pieces(log.read))
            else:
                self._keep_sealed(name, _pieces(log.read))

    def take_frame(self, name: str, payload: bytes, reason: str) -> None:
        """Keeps a record of the log.

        Raises:
            OSError: the disk refuses.
        """
        if self.keeps_texts:
            self.take_bytes(name, payload, reason)
        else:
            self._note(name, reason, {})

    def take_bytes(self, name: str, data: bytes, reason: str) -> None:
        """Keeps bytes that have no file of their own, and no text that may not be kept.

        Raises:
            OSError: the disk refuses.
        """
        if self._note(name, reason, {}) and self._size() + len(data) <= MAX_QUARANTINE_BYTES:
            view = memoryview(data)
            pieces = (bytes(view[at : at + _COPY_BYTES]) for at in range(0, len(data), _COPY_BYTES))
            self._keep_sealed(name, pieces)

    def _keep_sealed(self, name: str, pieces: Iterator[bytes]) -> None:
        """Sealed if the configuration says so."""
        writer = SealingWriter(self._keys)
        if writer.seals:
            self._keep(name + SEALED_SUFFIX, writer.head, _sealed(writer, pieces))
        else:
            self._keep(name + PLAIN_SUFFIX, b"", pieces)

    def _keep(self, name: str, head: bytes, pieces: Iterator[bytes]) -> None:
        """Whole pieces as long as there is room."""
        room = MAX_QUARANTINE_BYTES - self._size()
        with open(self.directory / name, "wb", opener=_private) as copy:
            copy.write(head)
            for piece in pieces:
                if (room := room - len(piece)) < 0:
                    break
                copy.write(piece)

    def _note(self, name: str, reason: str, place: dict[str, object]) -> bool:
        self.items += 1
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(os.listdir(self.directory)) >= _MAX_NOTES:
            return False
        note = {"reason": reason, "at": int(self._now_s()), **place}
        with open(self.directory / f"{name}.json", "wb", opener=_private) as file:
            file.write(msgspec.json.encode(note))
        return True

    def _size(self) -> int:
        return sum(entry.stat().st_size for entry in os.scandir(self.directory))

    def expire(self, older_than_s: float) -> int:
        """Removes what was set aside longer ago than that; says how many files.

        Raises:
            OSError: the disk refuses.
        """
        removed, oldest_s = 0, self._now_s() - older_than_s
        with contextlib.suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another recorder of this directory was first
                    if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < oldest_s:
                        os.unlink(entry.path)
                        removed += 1
        self.expired += removed
        return removed


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(_COPY_BYTES):
        yield piece


def _sealed(writer: SealingWriter, pieces: Iterator[bytes]) -> Iterator[bytes]:
    place = len(writer.head)
    for piece in pieces:
        frame = writer.sealed(place, piece)
        yield frame
        place += len(frame)
