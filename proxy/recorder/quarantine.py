"""Where unreadable stretches of the log go, with the reason beside them."""

import os
import time
from pathlib import Path

import msgspec

MAX_QUARANTINE_BYTES = 256 * 2**20
"""Beyond this only the reasons are kept, not the bytes."""
_MAX_NOTES = 10_000
_COPY_BYTES = 1 * 2**20


class Quarantine:
    """A directory beside the segments; never read by us again."""

    def __init__(self, capture_dir: Path) -> None:
        self.directory = capture_dir / "quarantine"
        self.items = 0
        """Stretches and exchanges set aside by this process."""

    def take_file(self, source: Path, offset: int, reason: str) -> None:
        """Copies a file's bytes from `offset` on.

        Raises:
            OSError: the disk refuses.
        """
        name = f"{source.stem}-{offset}"
        if self._note(name, reason, {"file": source.name, "offset": offset}):
            with source.open("rb") as log, (self.directory / f"{name}.part").open("wb") as copy:
                log.seek(offset)
                room = MAX_QUARANTINE_BYTES - self._size()
                while room > 0 and (piece := log.read(min(_COPY_BYTES, room))):
                    copy.write(piece)
                    room -= len(piece)

    def take_bytes(self, name: str, data: bytes, reason: str) -> None:
        """Keeps bytes that have no file of their own.

        Raises:
            OSError: the disk refuses.
        """
        if self._note(name, reason, {}) and self._size() + len(data) <= MAX_QUARANTINE_BYTES:
            (self.directory / f"{name}.part").write_bytes(data)

    def _note(self, name: str, reason: str, place: dict[str, object]) -> bool:
        self.items += 1
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(os.listdir(self.directory)) >= _MAX_NOTES:
            return False
        note = {"reason": reason, "at": int(time.time()), **place}
        (self.directory / f"{name}.json").write_bytes(msgspec.json.encode(note))
        return True

    def _size(self) -> int:
        return sum(entry.stat().st_size for entry in os.scandir(self.directory))
