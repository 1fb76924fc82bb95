"""Steps of time that blocks are added up to, and their numbers in a query.

Millions of pairs are grouped fastest by a number of two bytes, which the engine uses as a place in an array.
"""

from dataclasses import dataclass

_PLACES = 2**16 - 2


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps from the epoch on, each as long as the other."""

    step_s: int
    first_s: int | None = None
    """No block begins earlier, seconds since the epoch; None: not known."""
    last_s: int | None = None
    """No block begins later."""

    @property
    def place(self) -> str:
        """Number of the step of a block, as SQL over the column `block`; from 1."""
        step = f"intDiv(toUnixTimestamp(block), {self.step_s})"
        if not self._is_short:
            return f"toInt64({step}) + 1"
        return f"toUInt16({step} - {self._before} + 1)"

    def time_s(self, place: int) -> int:
        """Where a step begins, seconds since the epoch."""
        return (place - 1 + (self._before if self._is_short else 0)) * self.step_s

    @property
    def _before(self) -> int:
        return 0 if self.first_s is None else self.first_s // self.step_s

    @property
    def _is_short(self) -> bool:
        if self.first_s is None or self.last_s is None:
            return False
        return self.last_s // self.step_s - self._before < _PLACES
