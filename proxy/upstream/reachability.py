"""Can an upstream be connected to, and if not, why: told once per change, never once per request."""

import time
from collections.abc import Callable

QUIET_S = 5.0
"""At most one change in so long is told; an upstream that fails now and then would fill the log."""

OnChange = Callable[[str, str], None]
"""(name of the upstream, why it cannot be reached); an empty reason: it can be reached again."""


class Reachability:
    """What was told last of one upstream."""

    def __init__(self, name: str, on_change: OnChange, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._on_change = on_change
        self._clock = clock
        self._told = ""
        self._told_at_s: float | None = None

    def note(self, reason: str) -> None:
        """A connection was made (empty reason), or could not be."""
        if reason == self._told:
            return
        now_s = self._clock()
        if self._told_at_s is not None and now_s < self._told_at_s + QUIET_S:
            return
        self._told, self._told_at_s = reason, now_s
        self._on_change(self._name, reason)
