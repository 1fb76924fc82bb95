"""What arrived of a response and when: bounded, spilled to the capture log as it grows."""

from collections import deque
from typing import Final, Protocol

SPILL_BYTES: Final = 4096
"""A leg of an open stream holds about this much in memory. A small answer is never spilled: it goes with its end."""
_READ_BYTES: Final = 96
"""What a read takes beside its bytes: their object, that of its time, and a place for each."""


class Spill(Protocol):
    """Where a stretch of a response goes while its leg is open."""

    def spill(self, arm: int, times_ns: list[int], ends: list[int], data: bytes) -> None:
        """Takes the stretch over; never waits."""


class Tape:
    """Bytes of one response with the arrival time of each read.

    Holds the first `head_bytes` and the last `tail_bytes`; what falls out of the middle is counted. Until `bind` it
    keeps all that in memory; afterwards the beginning is spilled as it comes.
    """

    __slots__ = (
        "_arm", "_buffered", "_head_bytes", "_pieces", "_spill", "_spilled", "_tail", "_tail_bytes", "_tail_held",
        "_times", "gap_bytes", "size",
    )  # fmt: skip

    def __init__(self, head_bytes: int, tail_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._arm = 0
        self._spill: Spill | None = None
        self._pieces: list[bytes] = []
        self._times: list[int] = []
        self._buffered = 0
        """Of memory, by the reads that are held."""
        self._spilled = 0
        """Bytes before the first piece."""
        self._tail: deque[tuple[int, int, bytes]] | None = None
        self._tail_held = 0
        self.gap_bytes = 0
        self.size = 0
        """Bytes of the body so far, kept or not."""

    def bind(self, arm: int, spill: Spill) -> None:
        """From now on what is more than a little goes to `spill`."""
        self._arm = arm
        self._spill = spill
        if self._buffered >= SPILL_BYTES:
            self._hand_over()

    def add(self, data: bytes, now_ns: int) -> None:
        """Takes one read."""
        self.size += len(data)
        if self._tail is not None or self.size > self._head_bytes:
            self._add_tail(data, now_ns)
            return
        self._pieces.append(data)
        self._times.append(now_ns)
        self._buffered += len(data) + _READ_BYTES
        if self._buffered >= SPILL_BYTES and self._spill is not None:
            self._hand_over()

    def _add_tail(self, data: bytes, now_ns: int) -> None:
        if self._tail is None:
            self._tail = deque()
        self._tail.append((now_ns, self.size, data))
        self._tail_held += len(data)
        while len(self._tail) > 1 and self._tail_held - len(self._tail[0][2]) >= self._tail_bytes:
            dropped = len(self._tail.popleft()[2])
            self._tail_held -= dropped
            self.gap_bytes += dropped

    def _hand_over(self) -> None:
        assert self._spill is not None  # noqa: S101 - callers look first
        ends = self._ends()
        self._spill.spill(self._arm, self._times, ends, b"".join(self._pieces))
        self._spilled = ends[-1]
        self._pieces, self._times, self._buffered = [], [], 0

    def _ends(self) -> list[int]:
        """Where each piece ends."""
        ends = []
        end = self._spilled
        for piece in self._pieces:
            end += len(piece)
            ends.append(end)
        return ends

    def rest(self) -> tuple[list[int], list[int], bytes]:
        """(times, ends, bytes) that were not spilled; the gap, if any, lies just before these bytes."""
        if self._tail is not None:
            if self.gap_bytes and self._pieces and self._spill is not None:
                self._hand_over()
            ends = self._ends()
            for now_ns, end, data in self._tail:
                self._times.append(now_ns)
                ends.append(end)
                self._pieces.append(data)
            self._tail.clear()
        else:
            ends = self._ends()
        if len(self._pieces) == 1:
            return self._times, ends, self._pieces[0]
        return self._times, ends, b"".join(self._pieces)
