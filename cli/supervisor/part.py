"""One worker's part of one candidate's limits: what it may act on, and what it said that it did. Pure."""

from collections import deque

from cli.supervisor.sharing import Promised
from runtime.link import Used

_KEPT_NS = 15 * 10**9
"""Further back nobody asks: older readings of the spend are leased from no more."""
_APART_NS = 50 * 10**6
"""Reports that come faster add nothing."""
_RECENT_NS = 10**9
_NOTHING = Used(in_flight=0, begun=0, ended=0, refused=0)


class History:
    """What a worker had begun, and had been refused, when. Memory: 300 reports."""

    def __init__(self) -> None:
        self._heard: deque[tuple[int, int, int]] = deque([(0, 0, 0)])

    def note(self, now_ns: int, begun: int, refused: int) -> None:
        """A report."""
        if now_ns - self._heard[-1][0] < _APART_NS:
            return
        self._heard.append((now_ns, begun, refused))
        while self._heard[1][0] < now_ns - _KEPT_NS:
            self._heard.popleft()

    def begun_before(self, moment_ns: int) -> int:
        """Copies that had surely been begun then."""
        return max((begun for heard_ns, begun, _ in self._heard if heard_ns <= moment_ns), default=0)

    def wanted_since(self, now_ns: int, used: Used) -> int:
        """Copies begun or refused within the last second."""
        then = [(begun, refused) for heard_ns, begun, refused in self._heard if heard_ns <= now_ns - _RECENT_NS]
        begun, refused = then[-1] if then else self._heard[0][1:]
        return used.begun - begun + used.refused - refused

    def refused_since(self, now_ns: int, used: Used) -> int:
        """Copies refused within the last second."""
        then = [refused for heard_ns, _, refused in self._heard if heard_ns <= now_ns - _RECENT_NS]
        return used.refused - (then[-1] if then else self._heard[0][2])


class Part:
    """A worker's part. It outlives the worker's process: the next one begins with the copies under way of this one."""

    def __init__(self, slots: int) -> None:
        self.is_alive = False
        self.slots = Promised(slots)
        self.budget = Promised(0)
        self.rate = Promised(0)
        self.used = _NOTHING
        self.history = History()

    def begin(self) -> None:
        """A process of the worker starts."""
        self.is_alive = True
        self.slots = Promised(self.slots.last)
        self.budget, self.rate = Promised(0), Promised(0)
        self.used, self.history = _NOTHING, History()

    def end(self) -> None:
        """It is gone, and its copies with it."""
        self.is_alive = False
        self.slots = Promised(self.slots.last)
        self.used = _NOTHING

    def hear(self, used: Used, read: int, now_ns: int) -> int:
        """What it did, and up to which lease it has read; the copies begun since it last said so."""
        begun = used.begun - self.used.begun
        self.used = used
        for promised in (self.slots, self.budget, self.rate):
            promised.read(read)
        self.history.note(now_ns, used.begun, used.refused)
        return begun

    @property
    def slots_held(self) -> int:
        """Copies that may be under way, or are."""
        return max(self.slots.most, self.used.in_flight)

    def slots_wanted(self, bound: int, now_ns: int) -> int:
        """What it could use: what it has under way and a little more; after a refusal, all."""
        if not self.is_alive:
            return 1
        if self.history.refused_since(now_ns, self.used):
            return bound
        return 1 + self.used.in_flight + self.used.in_flight // 4

    def copies_wanted(self, now_ns: int) -> int:
        """Copies that it could use in the next second, by the last one."""
        return self.history.wanted_since(now_ns, self.used)
