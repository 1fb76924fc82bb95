"""How much is read in one turn of the loop, so that nobody who floods keeps the loop from the others.

Ordinary traffic pays an addition and a comparison per read. libuv hands over up to 32 reads of 256 kB each for one
readable socket; pausing from within a read ends that.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

LEG_BYTES: Final = 256 * 2**10
"""Of one primary leg, per turn. A slow client stops it long before; this is for a client as fast as the upstream."""
COPIES_BYTES: Final = 128 * 2**10
"""Of all copies of a worker together, per `COPIES_PAUSE_S`. One read is at most 256 kB, and always taken."""
COPIES_PAUSE_S: Final = 0.001
"""A copy that floods waits at least so long (the loop's timers know no less): about 256 MB/s for all copies of a
worker, at most a sixth of its core, and far more than any model writes."""
SMALL_READ_BYTES: Final = 16 * 2**10
"""Whoever reads no more than this is not the one who floods, and does not wait in line behind those who do."""


class Held(Protocol):
    """A connection, as a budget sees it."""

    def hold(self) -> None:
        """Reads no more until `release`."""

    def release(self) -> bool:
        """Reads again; False when it was not held any more."""


class PausedReads:
    """Counts the reads after which a budget paused its leg."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class ReadBudget:
    """Shared by those who share it: all copies of a worker, or one connection to the primary.

    Bytes are added up across turns; only at the limit is it looked whether they came within one. In one turn at most
    two limits and one read per leg are read, and of a leg that is held nothing. Those held go on one per turn, in the
    order in which they were held.
    """

    __slots__ = ("_held", "_is_watching", "_pause_s", "_paused_reads", "limit", "read")

    def __init__(self, limit_bytes: int, pause_s: float, paused_reads: PausedReads) -> None:
        """`pause_s`: how long a turn is at least; 0 is one turn of the loop."""
        self.limit = limit_bytes
        self.read = 0
        """Bytes since the last look; whoever reads adds to it, and calls `over` when it is above `limit`."""
        self._pause_s = pause_s
        self._paused_reads = paused_reads
        self._is_watching = False
        self._held: deque[Held] | None = None
        """Made with the first: most connections are never held."""

    def over(self, leg: Held, size_bytes: int) -> None:
        """`leg` has just read `size_bytes`, and with them more than the limit was read."""
        if not self._is_watching:
            self.read = size_bytes
            self._watch()
            if size_bytes <= self.limit:
                return
        if size_bytes > SMALL_READ_BYTES:
            self._paused_reads.count += 1
            leg.hold()
            if self._held is None:
                self._held = deque()
            self._held.append(leg)

    def _watch(self) -> None:
        self._is_watching = True
        loop = asyncio.get_running_loop()
        if self._pause_s > 0:
            loop.call_later(self._pause_s, self._next_turn)
        else:
            loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self.read = 0
        self._is_watching = False
        held = self._held
        while held:
            if held.popleft().release():
                self._watch()
                return


class Budgets:
    """Of a worker."""

    __slots__ = ("_of_copies", "copies_paused", "primary_paused")

    def __init__(self) -> None:
        self.primary_paused = PausedReads()
        self.copies_paused = PausedReads()
        self._of_copies = ReadBudget(COPIES_BYTES, COPIES_PAUSE_S, self.copies_paused)

    def of_primary(self) -> ReadBudget:
        """One of its own for each connection."""
        return ReadBudget(LEG_BYTES, 0.0, self.primary_paused)

    def of_copies(self) -> ReadBudget:
        """The one that all copies share."""
        return self._of_copies
