"""Sharing a bound out among workers, and what a worker may act on while it has not read what it was told. Pure."""

from collections.abc import Sequence

_MAX_UNREAD = 32
"""A worker that reads nothing is told nothing new any more."""


def share_out(total: int, wants: Sequence[int]) -> list[int]:
    """Parts of `total`: everybody what it wants as far as it goes, the modest first; what is left over evenly.

    Nobody can get more of what it wants by wanting more than an even part (max-min fairness). The parts add up to
    `total`, unless there is nobody.
    """
    parts = [0] * len(wants)
    left = max(0, total)
    hungry = sorted(range(len(wants)), key=lambda i: wants[i])
    for done, i in enumerate(hungry):
        even = left // (len(hungry) - done)
        parts[i] = min(max(0, wants[i]), even)
        left -= parts[i]
    each, odd = divmod(left, len(parts)) if parts else (0, 0)
    return [part + each + (i < odd) for i, part in enumerate(parts)]


class Promised:
    """The values that a worker was told, from the newest that it is known to have read on.

    Until it says that it read a smaller one, it may act on the larger one before.
    """

    def __init__(self, value: int) -> None:
        self._told: list[tuple[int, int]] = [(0, value)]

    @property
    def last(self) -> int:
        """What it was told last."""
        return self._told[-1][1]

    @property
    def most(self) -> int:
        """The most that it may act on."""
        return max(value for _, value in self._told)

    def tell(self, number: int, value: int) -> int:
        """Notes that message `number` says `value`; what it has to say instead when too much was not read yet."""
        if value != self.last and len(self._told) < _MAX_UNREAD:
            self._told.append((number, value))
        return self.last

    def read(self, number: int) -> None:
        """The worker has read all messages up to `number`."""
        while len(self._told) > 1 and self._told[1][0] <= number:
            del self._told[0]
