"""Up to when each stream is in the store, and when that is said there.

A worker writes into its log, about once a second, the start of its oldest exchange that is still open (`frames`). Once
everything before such a frame is stored, every exchange of the stream that began earlier is. Rows replace each other by
the time at which they were said, so nothing is planned on disk: what is said twice does no harm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from proxy.recorder.pairing import instant
from proxy.recorder.rows import Row
from proxy.recorder.shipment import Insert, MarkPlan, Shipment
from store.tables import WATERMARKS

SAY_EVERY_S = 5.0
"""Estimates use whole blocks, so a younger watermark would rarely tell more."""
SAY_UNCHANGED_EVERY_S = 60.0
"""While one exchange stays open for long: its stream lives, and is waited for (`store.watermark.VANISHED_S`)."""
LOOK_EVERY_S = 0.25


@dataclass(slots=True)
class StreamMark:
    """The newest watermark of a stream that was read, that was sent along with a batch, and that holds in the store."""

    stored_us: int | None = None
    """Microseconds since the epoch; None before the first."""
    stored: int = 0
    """How many frames are behind `stored_us`: it grows while the worker lives, also when its value does not."""
    _read: tuple[int, int | None] = (0, None)
    _sent: tuple[int, int | None] = (0, None)

    def read(self, unix_us: int) -> None:
        """A frame was read."""
        self._read = (self._read[0] + 1, unix_us)

    def batch_planned(self) -> None:
        """All rows from before this place are on their way."""
        self._sent = self._read

    def batch_stored(self) -> None:
        """They have arrived."""
        self.stored, self.stored_us = self._sent

    def as_stored(self) -> "StreamMark":
        """For who reads the stream again from what is stored."""
        return StreamMark(self.stored_us, self.stored, (self.stored, self.stored_us), (self.stored, self.stored_us))

    def all_stored(self) -> None:
        """No row from before this place is missing."""
        self.stored, self.stored_us = self._read


class Marked(Protocol):
    """A stream, as far as it matters here: `follower.Follower`."""

    stream: UUID
    mark: StreamMark

    @property
    def worker(self) -> str:
        """Its name."""
        ...

    @property
    def is_read(self) -> bool:
        """Its worker is dead, and everything that it wrote is in the store."""
        ...

    @property
    def has_begun(self) -> bool:
        """Was anything of it ever read?"""
        ...


@dataclass(slots=True)
class _Said:
    stored: int
    stored_us: int | None
    at_s: float


class Watermarks:
    """What was said of the streams of this recorder, and what is due."""

    def __init__(self) -> None:
        self._said: dict[UUID, _Said] = {}
        self._closed: set[UUID] = set()
        self._next_look_s = 0.0

    def plan(self, streams: Iterable[Marked], now_s: float, unix_s: float, *, flush: bool) -> Shipment | None:
        """Rows for the streams of which there is something to say; None when there are none.

        Args:
            streams: all that are followed.
            now_s: monotonic.
            unix_s: seconds since the epoch.
            flush: at once.
        """
        if now_s < self._next_look_s and not flush:
            return None
        self._next_look_s = now_s + LOOK_EVERY_S
        due = [stream for stream in streams if self._is_due(stream, now_s, flush=flush)]
        if not due:
            return None
        seen = instant(int(unix_s * 1_000_000))
        rows: list[Row] = [
            (
                stream.stream,
                stream.worker,
                instant(stream.mark.stored_us) if stream.mark.stored_us is not None else None,
                stream.is_read,
                seen,
            )
            for stream in due
        ]
        for stream in due:
            self._said[stream.stream] = _Said(stream.mark.stored, stream.mark.stored_us, now_s)
        closes = frozenset(stream.stream for stream in due if stream.is_read)
        token = f"watermarks:{due[0].stream}:{int(unix_s * 1_000_000)}"
        return Shipment((Insert(WATERMARKS, rows, token),), MarkPlan(closes))

    def _is_due(self, stream: Marked, now_s: float, *, flush: bool) -> bool:
        if stream.is_read:
            return not self.is_closed(stream)
        said = self._said.get(stream.stream)
        if said is None:
            return stream.mark.stored > 0
        if stream.mark.stored == said.stored:
            return False
        is_new = stream.mark.stored_us != said.stored_us
        return now_s - said.at_s >= (SAY_EVERY_S if is_new else SAY_UNCHANGED_EVERY_S) or (flush and is_new)

    def acknowledge(self, plan: MarkPlan) -> None:
        """The store has them."""
        self._closed |= plan.closes

    def is_closed(self, stream: Marked) -> bool:
        """Does the store know that the stream is at its end, as far as it ever knew of it?"""
        return stream.stream in self._closed or not stream.has_begun

    def forget(self, stream: UUID) -> None:
        """It is not followed any more."""
        self._said.pop(stream, None)
        self._closed.discard(stream)
