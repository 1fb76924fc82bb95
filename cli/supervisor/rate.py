"""Copies a minute: a bucket that fills evenly, beside a count of the last minute. Pure.

The bucket keeps copies apart (at most a second's worth at once), the count keeps the promise: no minute sees more than
the limit. What was granted and not begun counts as begun from the grant on, so that a late start breaks neither.
"""

from collections import deque

_MINUTE_NS = 60 * 10**9
_BIN_NS = 10**9


def machine_part(limit: int, machines: int, rank: int) -> int:
    """A machine's part of a fleet's limit; the parts of all ranks add up to it."""
    part, left = divmod(limit, machines)
    return part + 1 if rank < left else part


class RateBucket:
    """What one machine may begin. It starts with one second's worth, so that a restart cannot double a minute."""

    def __init__(self) -> None:
        self._per_minute = 0
        self._tokens = 0.0
        self._filled_ns: int | None = None
        self._begun: deque[tuple[int, int]] = deque()
        """(end of a second, copies that were heard of in it), of the last minute: at most 61."""

    def begun(self, now_ns: int, copies: int) -> None:
        """Copies were begun since it was last told; they are put at the time when they are heard of."""
        self._tokens -= copies
        second = now_ns // _BIN_NS * _BIN_NS + _BIN_NS
        if copies and self._begun and self._begun[-1][0] == second:
            self._begun[-1] = (second, self._begun[-1][1] + copies)
        elif copies:
            self._begun.append((second, copies))

    def may_be_unused(self, now_ns: int, per_minute: int) -> int:
        """How many copies may stand granted and not begun now."""
        self._fill(now_ns, per_minute)
        while self._begun and self._begun[0][0] + _MINUTE_NS <= now_ns:
            self._begun.popleft()
        left = per_minute - sum(copies for _, copies in self._begun)
        return max(0, min(int(self._tokens), left))

    def _fill(self, now_ns: int, per_minute: int) -> None:
        capacity = float(-(-per_minute // 60))
        if self._filled_ns is None:
            self._tokens = capacity
        else:
            # At the smaller of both rates: a change counts from the next time on.
            grown = min(per_minute, self._per_minute) * (now_ns - self._filled_ns) / _MINUTE_NS
            # A debt of more than a minute comes from a time without a limit; the count remembers the last minute.
            self._tokens = min(capacity, max(self._tokens, -float(per_minute)) + grown)
        self._filled_ns, self._per_minute = now_ns, per_minute
