"""A store that is away, and a log that fills meanwhile: small enough to be dropped from within a test."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from config.model import Config
from proxy.recorder import dropping, sender
from proxy.recorder.recorder import Recorder
from proxy.recorder.reporter import Reporter
from proxy.recorder.segments import waiting_bytes
from proxy.shadow.capture.frames import Frame
from proxy.shadow.capture.segment import SegmentHeader, Setup
from record.states import LOST
from store.errors import StoreUnavailable
from tests.proxy.recorder.stage import START_UNIX_US, Lines, LogWriter, Shelf, config

TURNS = 40


class Outage(Shelf):
    """A store that answers nobody until it is back."""

    def __init__(self) -> None:
        super().__init__()
        self.is_back = False

        def refuse(table: str, token: str) -> None:
            if not self.is_back:
                raise StoreUnavailable("nobody answers")

        self.fail = refuse


class Worker(LogWriter):
    """Its segments say when they were begun: one a second, over all workers of a test."""

    clock = 0

    def __init__(self, directory: Path) -> None:
        # Without experiments: their rows name the segment that speaks of them first.
        super().__init__(directory, setup=Setup(config_version=7, block_s=60.0, experiments={}))

    def new_segment(self) -> Path:
        self.sequence += 1
        type(self).clock += 1
        created = START_UNIX_US + self.clock * 1_000_000
        header = SegmentHeader(uuid4(), self.stream, self.sequence, "proxy-0", created, self.setup)
        self.segments.append(header)
        self.path.write_bytes(header.pack())
        return self.path

    def fill(self, segments: Sequence[Sequence[Frame]]) -> None:
        """A segment for each list of frames; what is admitted is counted, and that it ended."""
        for frames in segments:
            self.new_segment()
            self.write(*frames)
            self.count(frames)


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting before anything is dropped, and none between attempts."""
    monkeypatch.setattr(dropping, "AWAY_S", 1e-6)
    monkeypatch.setattr(dropping, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(sender, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(sender, "LONGEST_PAUSE_S", 0.001)


@contextlib.contextmanager
def counts_later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that the first thing on its way is a batch."""
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "look", lambda self: False)
        yield


@contextlib.contextmanager
def room_for(directory: Path, keep: float) -> Iterator[int]:
    """`capture.max_disk` at which this share of what is there now may stay."""
    yield int(waiting_bytes(directory) * keep / dropping.DROP_FROM_SHARE) + 1


def with_room(directory: Path, max_disk_bytes: int) -> Config:
    whole = config(directory)
    return whole.model_copy(update={"capture": whole.capture.model_copy(update={"max_disk": max_disk_bytes})})


def recorder_of(directory: Path, shelf: Shelf, lines: Lines, max_disk_bytes: int) -> Recorder:
    return Recorder(with_room(directory, max_disk_bytes), shelf, lines)


async def while_away(recorder: Recorder) -> None:
    """Turns until everything that is to be dropped has been."""
    for _ in range(TURNS):
        recorder.look_now()
        await recorder.turn(is_draining=False)
        await recorder.wait(0.002)


def places(shelf: Shelf) -> Counter[tuple[int, str]]:
    """Rows of pairs by (number of the request, candidate)."""
    return Counter(shelf.keys("pairs"))


def lost(shelf: Shelf, candidate: str) -> dict[str, int]:
    """Counted losses that are not 0."""
    states = shelf.states()
    return {s.value: n for s in LOST if (n := states.get((candidate, s.value), 0))}
