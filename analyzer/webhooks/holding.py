"""Since when something has been as it is: what comes and goes at the edge of a window is no news each time."""

from collections.abc import Mapping
from typing import Final

from analyzer.webhooks.seen import Studied

SETTLED_S: Final = 900.0
"""A decision that is taken back, and a control that passes again, must stay so for as long before it counts."""
CONTROL: Final = ""
"""Stands for the control among candidates."""


class Holding:
    """Of one process: after a restart everything has been so since then."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}

    def note(self, seen: Studied, now_s: float) -> Mapping[str, float]:
        """Candidate, or `CONTROL` -> seconds for which its decision, or whether it fails, has been what it is.

        Args:
            seen: the newest study; what is not in it is forgotten.
            now_s: by a clock that nobody sets.
        """
        values = {s.candidate: f"{s.decision} {s.experiment}" for s in seen.standings}
        values[CONTROL] = "failed" if seen.control else "passed"
        before = self._since
        self._since = {
            name: before[name] if name in before and before[name][0] == value else (value, now_s)
            for name, value in values.items()
        }
        return {name: now_s - since_s for name, (_, since_s) in self._since.items()}
