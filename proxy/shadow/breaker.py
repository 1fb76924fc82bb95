"""When a failing candidate is left alone: a table of three states. Pure: the clock comes in as an argument.

    closed      copies are sent. `failures` failed ones within `window` -> open
    open        none is sent. After `open_for` -> half open
    half open   one is sent, and no other while it is under way. It fails -> open; it does not -> closed

A copy that was sent in one state and ends in another says nothing about the later one and is not counted. A probe that
has not ended when `open_for` is over again is given up, and the next copy is the probe.
"""

from collections import deque
from enum import IntEnum
from typing import Final

from record.outcome import Outcome

_FAILED: Final = frozenset({Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.TRUNCATED, Outcome.TOO_LARGE})


class BreakerState(IntEnum):
    """As the gauge shows it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


def has_failed(outcome: Outcome, status: int | None) -> bool:
    """Does the end of a leg count against a candidate? `status`: None when there was no answer.

    Other answers of 4xx do not: they are about one request, or about a setting that waiting does not mend.
    """
    return outcome in _FAILED or (status is not None and (status >= 500 or status == 429))


class Breaker:
    """The state of one candidate in one worker."""

    __slots__ = (
        "_failed_ns",
        "_failures",
        "_open_for_ns",
        "_open_until_ns",
        "_term",
        "_window_ns",
        "openings",
        "state",
    )

    def __init__(self, failures: int, window_ns: int, open_for_ns: int) -> None:
        """`failures` 0: it never opens."""
        self._failures = failures
        self._window_ns = window_ns
        self._open_for_ns = open_for_ns
        self._failed_ns: deque[int] = deque(maxlen=failures)
        self._open_until_ns = 0
        self._term = 0
        """Counts changes of state; a copy belongs to the term in which it was sent."""
        self.state = BreakerState.CLOSED
        self.openings = 0

    def lets_through(self, now_ns: int) -> bool:
        """May a copy be sent?"""
        return self.state is BreakerState.CLOSED or now_ns >= self._open_until_ns

    def begin(self, now_ns: int) -> int:
        """A copy is being sent; returns its term, for `end`."""
        if self.state is not BreakerState.CLOSED:
            self._change(BreakerState.HALF_OPEN)
            self._open_until_ns = now_ns + self._open_for_ns
        return self._term

    def end(self, term: int, now_ns: int, *, failed: bool) -> None:
        """A copy of that term has ended."""
        if term != self._term:
            return
        if self.state is BreakerState.HALF_OPEN:
            if failed:
                self._open(now_ns)
            else:
                self._change(BreakerState.CLOSED)
        elif failed and self._failures and self.state is BreakerState.CLOSED:
            self._failed_ns.append(now_ns)
            if len(self._failed_ns) == self._failures and now_ns - self._failed_ns[0] <= self._window_ns:
                self._open(now_ns)

    def _open(self, now_ns: int) -> None:
        self._failed_ns.clear()
        self._open_until_ns = now_ns + self._open_for_ns
        self.openings += 1
        self._change(BreakerState.OPEN)

    def _change(self, state: BreakerState) -> None:
        self.state = state
        self._term += 1
