"""How late the event loop was: what a leg's times have to be read with."""

import asyncio
from bisect import bisect_left
from typing import Final

from proxy.clock import monotonic_ns

TICK_S: Final = 0.02
_TICK_NS: Final = int(TICK_S * 1e9)
_MAX_PEAKS: Final = 512


class LagPeaks:
    """The largest lag since any moment.

    Kept as peaks that fall from old to new: a peak hides every smaller one before it. Memory: at most 512 peaks; when
    more are needed the oldest go, and questions that reach back further are answered from the oldest that is left.
    """

    def __init__(self) -> None:
        self._at_ns: list[int] = []
        self._lag_ns: list[int] = []
        self._due_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to measure the running loop."""
        self._due_ns = monotonic_ns() + _TICK_NS
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def stop(self) -> None:
        """Measures no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now_ns = monotonic_ns()
        self.note(now_ns, max(0, now_ns - self._due_ns))
        self._due_ns = now_ns + _TICK_NS
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def note(self, now_ns: int, lag_ns: int) -> None:
        """A measurement."""
        while self._lag_ns and self._lag_ns[-1] <= lag_ns:
            self._lag_ns.pop()
            self._at_ns.pop()
        self._at_ns.append(now_ns)
        self._lag_ns.append(lag_ns)
        if len(self._at_ns) > _MAX_PEAKS:
            del self._at_ns[0], self._lag_ns[0]

    def since(self, start_ns: int) -> int:
        """The largest lag measured at or after `start_ns`, nanoseconds; 0 when there was no measurement."""
        index = bisect_left(self._at_ns, start_ns)
        return self._lag_ns[index] if index < len(self._lag_ns) else 0
