"""Reports in a directory: `20261121T020000Z.html`, `.json` and `.md` of each, the oldest making room for the newest.

The JSON form is written last, and a report without it is none: what a crash left half done is written again. One
process at a time writes; it holds a lock, so that the dashboard and a command do not both do it.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\d{8}T\d{6}Z")
_LOCK = ".lock"
MAX_JSON_BYTES = 64 * 2**20
"""A larger one is none of ours."""


class ShelfError(Exception):
    """The directory cannot be used; one line that says why."""


class ShelfBusy(ShelfError):  # noqa: N818 - says what happened
    """Another process writes reports there."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One candidate in one report."""

    name: str
    decision: str
    pairs: int
    reason: str


@dataclass(frozen=True, slots=True)
class Shelved:
    """One report, as far as the index shows it."""

    name: str
    """`20261121T020000Z`: when it was due."""
    due: datetime
    since: str
    until: str
    id: str
    candidates: tuple[Decided, ...]


class Shelf:
    """One directory; it may not be there yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: dict[str, tuple[int, Shelved]] = {}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else writes.

        Raises:
            ShelfBusy: somebody does.
            ShelfError: the directory cannot be used.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ShelfError(f"reports cannot be written to {self.directory}: {error.strerror}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShelfBusy(f"another process writes reports to {self.directory}") from None
        else:
            yield
        finally:
            os.close(fd)

    def put(self, due: datetime, forms: Mapping[str, str], keep: int) -> None:
        """Writes a report, and takes the oldest beyond `keep` away.

        Args:
            due: when it was due, UTC, to the second.
            forms: ending (`html`, `md`, `json`) -> text.
            keep: reports that stay, this one included.

        Raises:
            ShelfError: the disk does not take it.
        """
        name = due.strftime(_STAMP)
        try:
            for ending in sorted(forms, key=lambda ending: ending == "json"):
                self._write(f"{name}.{ending}", forms[ending])
            for old in self._names()[:-keep]:
                self._remove(old)
        except OSError as error:
            raise ShelfError(f"reports cannot be written to {self.directory}: {error.strerror}") from None

    def write_page(self, name: str, text: str) -> None:
        """A page beside the reports, such as their index.

        Raises:
            ShelfError: the disk does not take it.
        """
        try:
            self._write(name, text)
        except OSError as error:
            raise ShelfError(f"reports cannot be written to {self.directory}: {error.strerror}") from None

    def _write(self, name: str, text: str) -> None:
        """Whole or not at all."""
        part = self.directory / f".{name}.part"
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.directory / name)

    def _remove(self, name: str) -> None:
        for path in sorted(self.directory.glob(f"{name}.*"), key=lambda p: p.suffix != ".json"):
            path.unlink(missing_ok=True)
        self._known.pop(name, None)

    def _names(self) -> list[str]:
        """Of whole reports, the oldest first."""
        if not self.directory.is_dir():
            return []
        return sorted(p.stem for p in self.directory.glob("*.json") if _NAME.fullmatch(p.stem))

    def has(self, due: datetime) -> bool:
        """Is the report that was due then there?"""
        return (self.directory / f"{due.strftime(_STAMP)}.json").exists()

    def latest(self) -> datetime | None:
        """When the newest was due; None without any."""
        names = self._names()
        return _due(names[-1]) if names else None

    def reports(self) -> list[Shelved]:
        """All of them, the newest first; what is no report of ours is left out. Each file is read once."""
        return [found for name in reversed(self._names()) if (found := self._read(name)) is not None]

    def text(self, name: str, ending: str) -> str | None:
        """One form of one report; None where it is not there.

        Args:
            name: as `Shelved.name`; anything else is not there.
            ending: `html`, `json` or `md`.
        """
        if not _NAME.fullmatch(name) or ending not in {"html", "json", "md"}:
            return None
        try:
            return (self.directory / f"{name}.{ending}").read_text(encoding="utf-8")
        except OSError:
            return None

    def _read(self, name: str) -> Shelved | None:
        path = self.directory / f"{name}.json"
        try:
            stat = path.stat()
            known = self._known.get(name)
            if known is not None and known[0] == stat.st_mtime_ns:
                return known[1]
            if stat.st_size > MAX_JSON_BYTES:
                return None
            found = _shelved(name, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        self._known[name] = (stat.st_mtime_ns, found)
        return found


def _due(name: str) -> datetime:
    return datetime.strptime(name, _STAMP).replace(tzinfo=UTC)


def _shelved(name: str, report: Mapping[str, Any]) -> Shelved:
    window = report["window"]["asked"]
    return Shelved(
        name,
        _due(name),
        str(window["since"]),
        str(window["until"]),
        str(report["id"]),
        tuple(
            Decided(str(c["name"]), str(c["decision"]), int(c["pairs"]), str((c["reasons"] or [""])[0]))
            for c in report["candidates"]
        ),
    )
