"""When the store has been away for so long that the log is nearly full: the oldest exchanges go, and are counted.

Without this the newest would go: the workers add nothing beyond `capture.max_disk` (`capture_full`). They still do so
where no recorder runs, or where nothing is left that may be dropped: the segment that a worker writes, and those under
a batch that was planned and may have reached the store.

A segment is replaced by what `reduction` leaves of it. Before that the checkpoint says so, with the places and counts
that hold afterwards: whoever dies in between leaves the rest to the next start (`swap`).
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from proxy.recorder.checkpoint import Checkpoint
from proxy.recorder.lines import Lines
from proxy.recorder.reduction import Reduced, Reduction, ReductionError, header_of
from proxy.recorder.segments import list_streams, segment_path, waiting_bytes
from proxy.recorder.stream_files import StreamFiles
from proxy.recorder.streams import Followed, Streams
from proxy.recorder.surroundings import Surroundings
from proxy.recorder.swap import announce, put_in_place
from proxy.shadow.capture.sealing import SealError
from proxy.shadow.capture.segment import SegmentError

DROP_FROM_SHARE = 0.9
"""Of `capture.max_disk`; the workers stop at all of it."""
AWAY_S = 10.0
"""A store that restarts is no reason to drop anything."""
LOOK_EVERY_S = 1.0
_SLICE_S = 0.02
"""Of a turn; the link to the supervisor and the budgets' readings wait no longer."""


@dataclass(frozen=True, slots=True)
class _Target:
    stream: UUID
    sequence: int
    created_unix_us: int


@dataclass(slots=True)
class _UnderWay:
    target: _Target
    reduction: Reduction
    steps: Iterator[None]
    before: tuple[object, ...]


class Dropping:
    """One per recorder; looks after the streams that it follows."""

    def __init__(self, shared: Surroundings, streams: Streams, lines: Lines, max_disk_bytes: int) -> None:
        self._shared = shared
        self._streams = streams
        self._lines = lines
        self.max_disk_bytes = max_disk_bytes
        """As configured; may change between two steps."""
        self._next_look_s = 0.0
        self._under_way: _UnderWay | None = None
        self._owed: _Target | None = None
        """Announced, and not in place because the disk refused."""
        self._begun: dict[tuple[UUID, int], int | None] = {}
        """Segment -> when it was begun; None for one that is reduced already, or cannot be."""
        self._of_episode = [0, 0, 0, 0]
        self.segments = 0
        """Reduced by this process."""
        self.bytes = 0
        """That were freed."""
        self.exchanges = 0
        """Rows of pairs that will not be, counted as `disk_dropped`."""
        self.skips = 0
        """Rows of skips that will not be."""

    def step(self, away_s: float, now_s: float) -> bool:
        """Does a little of what is due; False when nothing is.

        Args:
            away_s: for how long the store has taken no rows though some were sent; 0 while it takes them.
            now_s: monotonic.

        Raises:
            OSError: the disk refuses; nothing has changed.
        """
        if self._owed is not None:
            self._put_in_place()
        if away_s < AWAY_S:
            self._end()
            return False
        if self._under_way is None and not self._begin(now_s):
            return False
        return self._go_on()

    # One segment

    def _begin(self, now_s: float) -> bool:
        if now_s < self._next_look_s:
            return False
        if waiting_bytes(self._shared.directory) < DROP_FROM_SHARE * self.max_disk_bytes:
            self._next_look_s = now_s + LOOK_EVERY_S
            return False
        found = list_streams(self._shared.directory)
        target = min(self._targets({s: files.segments for s, files in found.items()}), default=None, key=_age)
        if target is None:
            self._next_look_s = now_s + LOOK_EVERY_S
            return False
        followed = self._streams.followed[target.stream]
        checkpoint, sequences = followed.follower.checkpoint, found[target.stream].segments
        reduction = Reduction(
            self._shared,
            self._files(target.stream),
            checkpoint,
            [sequence for sequence in sequences if sequence <= target.sequence],
            ends_here=target.sequence == sequences[-1],
        )
        self._under_way = _UnderWay(target, reduction, reduction.steps(), _state(checkpoint))
        return True

    def _targets(self, found: dict[UUID, list[int]]) -> Iterator[_Target]:
        """Segments that may be dropped."""
        there = {(stream, sequence) for stream, sequences in found.items() for sequence in sequences}
        self._begun = {place: begun for place, begun in self._begun.items() if place in there}
        for stream, sequences in found.items():
            followed = self._streams.followed.get(stream)
            if followed is None or followed.follower.missing_key is not None:
                continue
            for sequence in sequences:
                if not _may_go(followed, sequence, sequences[-1]):
                    continue
                begun = self._begun_at(stream, sequence)
                if begun is not None:
                    yield _Target(stream, sequence, begun)

    def _begun_at(self, stream: UUID, sequence: int) -> int | None:
        place = stream, sequence
        if place not in self._begun:
            self._begun[place] = _created(segment_path(self._shared.directory, stream, sequence))
        return self._begun[place]

    def _go_on(self) -> bool:
        under_way = self._under_way
        assert under_way is not None  # noqa: S101 - asked by `step`
        until_s = time.monotonic() + _SLICE_S
        try:
            while time.monotonic() < until_s:
                next(under_way.steps)
        except StopIteration:
            self._under_way = None
            self._finish(under_way)
        except (ReductionError, SegmentError, SealError, FileNotFoundError) as error:
            self._leave_alone(under_way, error)
        except BaseException:
            self._abandon()
            raise
        return True

    def _leave_alone(self, under_way: _UnderWay, error: Exception) -> None:
        """One that cannot be read is left to the follower, who knows what to do with it."""
        target = under_way.target
        self._begun[target.stream, target.sequence] = None
        self._shared.on_fault(f"dropping segment {target.sequence} of stream {target.stream.hex}", error)
        self._abandon()

    def _finish(self, under_way: _UnderWay) -> None:
        """The reduced segment comes to count; not where its stream has moved on meanwhile."""
        target, reduced = under_way.target, under_way.reduction.result
        followed, files = self._streams.followed.get(target.stream), self._files(target.stream)
        is_as_before = followed is not None and _state(followed.follower.checkpoint) == under_way.before
        if followed is None or reduced is None or not is_as_before or _is_needed(followed, target.sequence):
            files.remove_reduced()
            return
        announce(self._shared, files, followed.follower.checkpoint, reduced)
        self._owed = target
        self._count(reduced)
        self._put_in_place()

    def _put_in_place(self) -> None:
        """What was announced must be done before anybody reads on."""
        target = self._owed
        assert target is not None  # noqa: S101 - asked before
        followed = self._streams.followed[target.stream]
        put_in_place(self._files(target.stream), followed.follower.checkpoint)
        self._begun[target.stream, target.sequence] = None
        if followed.follower.at.sequence >= target.sequence:
            self._streams.renew(target.stream)
        self._owed = None

    def _files(self, stream: UUID) -> StreamFiles:
        return StreamFiles(self._shared.directory, stream, self._shared.keys)

    def _abandon(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            with contextlib.suppress(OSError):
                self._files(under_way.target.stream).remove_reduced()

    # What is said about it

    def _count(self, reduced: Reduced) -> None:
        pairs = sum(n for of in reduced.tallies.values() for states in of.values() for n in states.values())
        if not any(self._of_episode):
            self._lines.warning("the capture log is nearly full while the store takes no rows; the oldest requests go")
        amounts = 1, reduced.freed_bytes, pairs, reduced.skips
        self._of_episode = [a + b for a, b in zip(self._of_episode, amounts, strict=True)]
        self.segments += amounts[0]
        self.bytes += amounts[1]
        self.exchanges += amounts[2]
        self.skips += amounts[3]

    def _end(self) -> None:
        self._abandon()
        if any(self._of_episode):
            segments, freed, pairs, skips = self._of_episode
            self._lines.warning(
                "the oldest captured requests were dropped while the store took no rows",
                disk_dropped=pairs, skips=skips, segments=segments, bytes=freed,
            )  # fmt: skip
            self._of_episode = [0, 0, 0, 0]

    def figures(self) -> dict[str, float]:
        """For `/metrics`."""
        return {
            "shadowbench_recorder_disk_dropped_total": self.exchanges,
            "shadowbench_recorder_dropped_skips_total": self.skips,
            "shadowbench_recorder_dropped_bytes_total": self.bytes,
        }


def _may_go(followed: Followed, sequence: int, newest: int) -> bool:
    """May a segment be dropped?"""
    follower = followed.follower
    if sequence == newest and not follower.is_dead:
        return False  # its worker writes it
    is_gone_soon = follower.checkpoint.finished or sequence < follower.checkpoint.needed_from()[0]
    return not is_gone_soon and not _is_needed(followed, sequence)


def _is_needed(followed: Followed, sequence: int) -> bool:
    """Does a batch need it that was planned, and may be in the store?"""
    plan = followed.follower.checkpoint.plan
    # After a crash it may lie ahead: reading begins at what was open then.
    return plan is not None and sequence <= max(plan.sequence, followed.follower.at.sequence)


def _state(checkpoint: Checkpoint) -> tuple[object, ...]:
    """What a reduction rests on."""
    return checkpoint.done, checkpoint.replay, checkpoint.carry, checkpoint.plan, checkpoint.swap


def _age(target: _Target) -> tuple[int, int]:
    return target.created_unix_us, target.sequence


def _created(path: Path) -> int | None:
    try:
        header = header_of(path)
    except OSError:
        return None
    return header.created_unix_us if header is not None else None
