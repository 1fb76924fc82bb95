"""Deduplication tokens whose rows a crash took: forgotten before the engine opens, so that a retry stores them.

The engine notes a batch's token in a log of the table just before it moves the batch's part into place, under one lock
per table. A kill between the two leaves, at the end of that log, a token without a part: the same batch, sent again,
would be acknowledged and not stored. The part's number is given out again after the next start, so this can only be
seen before.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_LOGS = "store/*/*/deduplication_logs"
_LOG = re.compile(r"deduplication_log_(\d+)\.txt")
_PART = re.compile(r"([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?")
_ADDED = re.compile(r"1\t([^_]+)_(\d+)_\d+_\d+(?:_\d+)?\t[^\t\n]+\n")
"""Operation, part, token; a part is partition, first and last block, level. Removals (2) have had their part."""


def forget_lost(engine: Path) -> int:
    """Cuts such records off the logs of all tables; to be called by the directory's owner, before it opens the engine.

    Returns:
        How many tokens were forgotten.

    Raises:
        OSError: a log cannot be read or written.
    """
    return sum(_cut(path, _parts(logs.parent)) for logs in engine.glob(_LOGS) if (path := _newest(logs)) is not None)


def _newest(logs: Path) -> Path | None:
    """The last log that holds anything."""
    numbered = [(int(m[1]), path) for path in logs.iterdir() if (m := _LOG.fullmatch(path.name))]
    return next((path for _, path in sorted(numbered, reverse=True) if path.stat().st_size), None)


def _parts(table: Path) -> list[tuple[str, int, int]]:
    """(partition, first block, last block) of every part in its place; before that it is `tmp_...`."""
    names = (_PART.fullmatch(entry.name) for entry in os.scandir(table) if entry.is_dir())
    return [(m[1], int(m[2]), int(m[3])) for m in names if m]


def _cut(path: Path, parts: list[tuple[str, int, int]]) -> int:
    text = path.read_bytes().decode()
    # A line that is cut itself was being written when the crash came.
    kept = text.rfind("\n") + 1
    lost = 0
    for size in _lost_sizes(text[:kept], parts):
        kept -= size
        lost += 1
    if kept < len(text):
        with path.open("r+b") as file:
            file.truncate(len(text[:kept].encode()))
            os.fsync(file.fileno())
    return lost


def _lost_sizes(text: str, parts: list[tuple[str, int, int]]) -> Iterator[int]:
    """Lengths of the last records, from the end, as long as their part is nowhere."""
    for line in reversed(text.splitlines(keepends=True)):
        added = _ADDED.fullmatch(line)
        if added is None or _is_there(added[1], int(added[2]), parts):
            return
        yield len(line)


def _is_there(partition: str, block: int, parts: list[tuple[str, int, int]]) -> bool:
    return any(name == partition and first <= block <= last for name, first, last in parts)
