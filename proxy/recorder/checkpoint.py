"""What the recorder knows of a stream across its own death: what is planned, and what is done.

One small JSON file per stream, replaced as a whole and made safe before anything that it announces is sent.
"""

import os
from pathlib import Path
from uuid import UUID

import msgspec

from proxy.recorder.segments import CHECKPOINT_SUFFIX

Tallies = dict[int, dict[str, dict[str, int]]]
"""Hour since the epoch -> candidate -> state -> count."""


class BatchPlan(msgspec.Struct, frozen=True):
    """A stretch of one segment whose rows are being sent under one token."""

    segment: str
    """Its UUID, 32 hex digits."""
    sequence: int
    first: int
    last: int
    replay: tuple[int, int]
    """Where to begin reading again once this batch is in the store."""

    @property
    def token(self) -> str:
        """The deduplication token."""
        return f"{UUID(hex=self.segment)}:{self.first}:{self.last}"


class CounterRow(msgspec.Struct, frozen=True, array_like=True):
    """One row of `counters`, before it is one."""

    unix_s: int
    candidate: str
    state: str
    count: int


class CounterPlan(msgspec.Struct, frozen=True):
    """Counter rows that are being sent; `sequence` makes their token."""

    sequence: int
    worker: str
    rows: list[CounterRow]
    after: Tallies
    """What will have been reported once they are in the store."""
    closes_through: int
    """Hours up to this one are settled for good by these rows; 0 settles none."""
    closes: list[int] = []
    """Those hours; older releases meant every one up to that."""
    pages: int = 0
    """Hours that the board had by then."""

    def is_end_of(self, hour: int) -> bool:
        """Is this hour settled by these rows?"""
        return hour in self.closes if self.closes else hour <= self.closes_through


class Swap(msgspec.Struct, frozen=True):
    """A reduced segment that takes the place of the whole one: places and counts are already those of the reduced."""

    sequence: int
    segment: str
    """UUID of the reduced one, 32 hex digits."""


class Checkpoint(msgspec.Struct):
    """The state of one stream."""

    version: int = 1
    done: tuple[int, int] | None = None
    """Sequence and offset up to which everything is in the store; None before the first batch."""
    replay: tuple[int, int] | None = None
    """Where to begin reading again: what is open at `done` starts here."""
    carry: int = 0
    """Number of the carry file that holds what was open at `replay`; 0 for none."""
    plan: BatchPlan | None = None
    recorded: Tallies = {}
    """Pairs in the store, exchanges set aside and those given up for want of disk, by hour; what is missing from the
    board's count is lost.
    """
    reported: Tallies = {}
    """Board counts that are in the store."""
    counters_sent: int = 0
    counter_plan: CounterPlan | None = None
    closed_through: int = 0
    """Hours up to this one are settled: nothing of them is reported again."""
    closed_pages: int | None = None
    """Hours that the board had when these were settled; None before the first, and in what older releases wrote."""
    damaged: bool = False
    """Part of the stream was set aside as unreadable."""
    swap: Swap | None = None
    """The last segment that was reduced; where its file is not in place yet, it is put there first of all."""
    finished: bool = False
    """Everything of the stream is in the store; only files are left to remove."""

    def is_closed(self, hour: int, page: int) -> bool:
        """Is an hour of the board settled? One that a clock which was set back began since, is not."""
        return hour <= self.closed_through and (self.closed_pages is None or page < self.closed_pages)

    def needed_from(self) -> tuple[int, int]:
        """Where a restart would begin to read."""
        return self.replay or self.done or (-1, 0)


def checkpoint_path(directory: Path, stream: UUID) -> Path:
    """Where a stream's checkpoint lies."""
    return directory / f"{stream.hex}{CHECKPOINT_SUFFIX}"


class CheckpointError(Exception):
    """A checkpoint that cannot be read."""


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint of a stream; a fresh one when there is none.

    Raises:
        CheckpointError: damaged, or of a newer version.
    """
    try:
        checkpoint = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint()
    except msgspec.MsgspecError as error:
        raise CheckpointError(f"{path.name} is damaged: {error}") from None
    if checkpoint.version != 1:
        raise CheckpointError(f"{path.name} has format {checkpoint.version}; this shadowbench reads 1")
    return checkpoint


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replaces the file; when this returns, a crash or a power cut finds the new one.

    Raises:
        OSError: the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(msgspec.json.encode(checkpoint))
        file.flush()
        os.fsync(fd)
    os.replace(fresh, path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
