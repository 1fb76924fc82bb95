"""Frames -> exchanges that are complete. The same frames give the same results, however often they are read.

What is open is held in memory up to a bound; beyond it the oldest exchanges let go of their frames and read them again
from the log when they are needed. So a long stream costs a second read, never data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.recorder.leg import LegReading
from proxy.recorder.losses import Losses
from proxy.recorder.segments import Position
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, Chunk, Dropped, Frame, LegEnd, LegPlan, Watermark
from proxy.wire.dialect import Asked
from record.states import State


class Place(NamedTuple):
    """Where a frame lies; `start` is its first byte, `end` the one behind its last."""

    sequence: int
    start: int
    end: int


@dataclass(slots=True)
class Kept:
    """A frame of an open exchange, or only the memory of where it lies."""

    place: Place
    arm: int
    frame: Frame | None


@dataclass(slots=True)
class Exchange:
    """One admitted request, as far as it has been read."""

    admitted: Kept
    needed_from: Position
    """Where the log must be read again from, for this exchange."""
    chunks: list[Kept] = field(default_factory=list)
    ends: dict[int, Kept] = field(default_factory=dict)
    held_bytes: int = 0
    plans: tuple[LegPlan, ...] = ()
    start_unix_us: int = 0
    open_arms: frozenset[int] = frozenset()
    """Arms of candidates whose leg was begun."""
    asked: Asked | None = None
    """What the request asks; read when it is first needed, like the next."""
    primary: LegReading | None = None
    kept_primary_texts: bool = False
    """The primary's texts are in a batch already."""

    @property
    def is_complete(self) -> bool:
        """Has every leg ended that was begun?"""
        return PRIMARY_ARM in self.ends and all(arm in self.ends for arm in self.open_arms)

    def note_recorded(self, arm: int) -> None:
        """The row of this arm is in the store already, and with a pair the primary's texts."""
        self.kept_primary_texts |= arm in self.open_arms

    def kept(self) -> Iterator[Kept]:
        """Everything known of it, in an order in which it can be fed again."""
        yield self.admitted
        yield from self.chunks
        yield from self.ends.values()


class Ready(NamedTuple):
    """One row is due: for arm `arm` of an exchange."""

    exchange_id: bytes
    exchange: Exchange
    arm: int
    """1 and up: index into the plans, plus one."""


Load = Callable[[Place], Frame]
"""Reads a frame again.

Raises:
    LookupError: it is gone.
"""


class Assembler:
    """Open exchanges of one stream."""

    def __init__(self, load: Load, losses: Losses, *, max_held_bytes: int) -> None:
        self._load = load
        self._losses = losses
        self._max_held_bytes = max_held_bytes
        self._open: dict[bytes, Exchange] = {}
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held_bytes(self) -> int:
        """Bytes of frames in memory."""
        return self._held_bytes

    def oldest(self) -> Position | None:
        """The first byte of the log that an open exchange still needs; None when none is open."""
        first = next(iter(self._open.values()), None)
        return None if first is None else first.needed_from

    def exchanges(self) -> list[tuple[bytes, Exchange]]:
        """The open ones with their identifiers, oldest first."""
        return list(self._open.items())

    def need_from(self, position: Position) -> None:
        """What is open lies elsewhere up to this place of the log."""
        for exchange in self._open.values():
            exchange.needed_from = position

    def feed(self, frame: Frame, place: Place) -> list[Ready]:
        """Takes the next frame of the log; says which rows it makes due."""
        if isinstance(frame, Admitted):
            self._begin(frame, place)
            return []
        if isinstance(frame, Watermark):
            return []
        exchange = self._open.get(frame.id)
        if exchange is None:
            self._losses.orphans += 1
            return []
        if isinstance(frame, Dropped):
            self.forget(frame.id)
            return []
        kept = Kept(place, frame.arm, frame)
        self._hold(exchange, place.end - place.start)
        if isinstance(frame, Chunk):
            exchange.chunks.append(kept)
            return []
        exchange.ends[frame.arm] = kept
        ready = [Ready(frame.id, exchange, arm) for arm in _due(exchange, frame.arm)]
        if exchange.is_complete:
            self.forget(frame.id)
        return ready

    def _begin(self, admitted: Admitted, place: Place) -> None:
        plans = tuple(admitted.legs)
        begun = frozenset(arm for arm, plan in enumerate(plans, 1) if plan.state == State.OPEN)
        exchange = Exchange(
            Kept(place, PRIMARY_ARM, admitted),
            Position(place.sequence, place.start),
            plans=plans,
            start_unix_us=admitted.start_unix_us,
            open_arms=begun,
        )
        self._open[admitted.id] = exchange
        self._hold(exchange, place.end - place.start)

    def forget(self, exchange_id: bytes) -> None:
        """Lets go of an exchange; whoever has a `Ready` of it may still use that."""
        exchange = self._open.pop(exchange_id, None)
        if exchange is not None:
            self._held_bytes -= exchange.held_bytes
            exchange.held_bytes = 0

    def _hold(self, exchange: Exchange, size: int) -> None:
        exchange.held_bytes += size
        self._held_bytes += size
        if self._held_bytes > self._max_held_bytes:
            self._evict()

    def _evict(self) -> None:
        for exchange in self._open.values():
            if not exchange.held_bytes:
                continue
            for kept in exchange.kept():
                kept.frame = None
            self._held_bytes -= exchange.held_bytes
            exchange.held_bytes = 0
            self._losses.evictions += 1
            if self._held_bytes <= self._max_held_bytes // 2:
                return

    def admitted(self, exchange: Exchange) -> Admitted:
        """The request.

        Raises:
            LookupError: its frame is gone from the disk.
        """
        frame = exchange.admitted.frame or self._load(exchange.admitted.place)
        if not isinstance(frame, Admitted):
            raise LookupError("another record lies where the request was")
        return frame

    def leg(self, exchange: Exchange, arm: int) -> tuple[list[Chunk], LegEnd]:
        """The frames of one arm that has ended.

        Raises:
            LookupError: one of them is gone from the disk.
        """
        chunks = [kept.frame or self._load(kept.place) for kept in exchange.chunks if kept.arm == arm]
        end = exchange.ends[arm].frame or self._load(exchange.ends[arm].place)
        if not isinstance(end, LegEnd):
            raise LookupError("another record lies where the leg's end was")
        return [chunk for chunk in chunks if isinstance(chunk, Chunk)], end


def _due(exchange: Exchange, ended_arm: int) -> list[int]:
    """Arms whose row the end of `ended_arm` completes."""
    if ended_arm != PRIMARY_ARM:
        return [ended_arm] if PRIMARY_ARM in exchange.ends and ended_arm in exchange.open_arms else []
    everyone = range(1, len(exchange.plans) + 1)
    return [arm for arm in everyone if arm not in exchange.open_arms or arm in exchange.ends]
