"""Limits in time for thousands of legs, without a timer for each: one tick looks at those that are due."""

import asyncio
from typing import Final, Protocol

from proxy.clock import monotonic_ns

TICK_S: Final = 0.1
"""Granularity; a limit passes at most this much late."""
_TICK_NS: Final = int(TICK_S * 1e9)


class Limited(Protocol):
    """Something with a limit."""

    deadline_ns: int
    """When it passes, monotonic. It may be set later at will; call `Deadlines.hasten` when it was set earlier."""
    deadline_bucket: int
    """Owned by `Deadlines`."""

    def expired(self, now_ns: int) -> None:
        """The limit has passed; it is watched no longer."""


class Deadlines:
    """Buckets of a tick each.

    Memory: one set entry per limited object. Cost per tick: the objects whose bucket is due.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, set[Limited]] = {}
        self._next = monotonic_ns() // _TICK_NS
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to tick on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def stop(self) -> None:
        """Ticks no more."""
        if self._timer is not None:
            self._timer.cancel()

    def add(self, limited: Limited) -> None:
        """Watches `limited`."""
        bucket = max(limited.deadline_ns // _TICK_NS + 1, self._next)
        members = self._buckets.get(bucket)
        if members is None:
            members = self._buckets[bucket] = set()
        members.add(limited)
        limited.deadline_bucket = bucket

    def discard(self, limited: Limited) -> None:
        """Forgets `limited`; harmless when it is not watched."""
        members = self._buckets.get(limited.deadline_bucket)
        if members is not None:
            members.discard(limited)

    def hasten(self, limited: Limited) -> None:
        """Takes note that the limit may have moved earlier."""
        if limited.deadline_ns // _TICK_NS + 1 < limited.deadline_bucket:
            self.discard(limited)
            self.add(limited)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self.sweep(monotonic_ns())

    def sweep(self, now_ns: int) -> None:
        """Expires what is due, and moves on what was given more time."""
        last = now_ns // _TICK_NS
        while self._next <= last:
            members = self._buckets.pop(self._next, None)
            self._next += 1
            for limited in members or ():
                if limited.deadline_ns <= now_ns:
                    limited.expired(now_ns)
                else:
                    self.add(limited)
