"""A worker's part of the limits that are shared: copies under way, dollars a day, copies a minute.

The supervisor grants totals that count from the worker's start, so nothing is granted twice and a lost message does no
harm. Without a lease in force nothing is sent where dollars or a rate limit it; copies under way go by the last bound
that was granted.
"""

from typing import Final

from record.states import State
from runtime.link import Terms, Used

_NO_LIMIT: Final = 2**60


def even_part(bound: int, workers: int, number: int) -> int:
    """The part of worker `number` (from 0) before anybody has asked for more; all parts together are `bound`."""
    part, left = divmod(bound, workers)
    return part + 1 if number < left else part


class ArmLease:
    """What this worker may send to one candidate, and what it has sent. It belongs to one event loop."""

    __slots__ = (
        "_begun", "_budget", "_ended", "_has_budget", "_has_rate", "_max_in_flight", "_rate", "_refused",
        "_valid_until_ns",
    )  # fmt: skip

    def __init__(self, max_in_flight: int, *, has_budget: bool, has_rate: bool) -> None:
        """`max_in_flight`: until the first lease."""
        self._max_in_flight = max_in_flight
        self._has_budget = has_budget
        self._has_rate = has_rate
        self._budget = 0 if has_budget else _NO_LIMIT
        self._rate = 0 if has_rate else _NO_LIMIT
        self._valid_until_ns = 0
        self._begun = 0
        self._ended = 0
        self._refused = 0

    @property
    def in_flight(self) -> int:
        """Copies under way."""
        return self._begun - self._ended

    @property
    def begun(self) -> int:
        """Copies begun since the worker's start."""
        return self._begun

    @property
    def max_in_flight(self) -> int:
        """Copies that may be under way."""
        return self._max_in_flight

    @property
    def is_limited(self) -> bool:
        """Do dollars or a rate limit it? Then leases have to be renewed."""
        return self._has_budget or self._has_rate

    def refusal(self, now_ns: int) -> State | None:
        """Why no copy may be sent now, in the order in which reasons are counted; None: one may.

        `now_ns`: CLOCK_MONOTONIC.
        """
        if self._begun >= self._budget or (self._has_budget and now_ns >= self._valid_until_ns):
            self._refused += 1
            return State.BUDGET
        if self._begun >= self._rate or (self._has_rate and now_ns >= self._valid_until_ns):
            self._refused += 1
            return State.RATE_LIMIT
        if self._begun - self._ended >= self._max_in_flight:
            self._refused += 1
            return State.MAX_IN_FLIGHT
        return None

    def begin(self) -> None:
        """A copy is being sent."""
        self._begun += 1

    def end(self) -> None:
        """A copy has ended."""
        self._ended += 1

    def accept(self, terms: Terms, valid_until_ns: int) -> None:
        """Takes a lease; it replaces the one before."""
        self._max_in_flight = terms.max_in_flight
        self._budget = _granted(terms.budget_copies, needed=self._has_budget)
        self._rate = _granted(terms.rate_copies, needed=self._has_rate)
        self._valid_until_ns = valid_until_ns

    def require(self, *, has_budget: bool, has_rate: bool) -> None:
        """The configuration has changed: a limit that is new needs a lease first, one that is gone needs none."""
        if has_budget != self._has_budget:
            self._has_budget = has_budget
            self._budget = 0 if has_budget else _NO_LIMIT
        if has_rate != self._has_rate:
            self._has_rate = has_rate
            self._rate = 0 if has_rate else _NO_LIMIT

    def used(self) -> Used:
        """What the supervisor is told."""
        return Used(in_flight=self._begun - self._ended, begun=self._begun, ended=self._ended, refused=self._refused)


def _granted(total: int | None, *, needed: bool) -> int:
    """No total where one is needed: the supervisor does not know of the limit yet, and nothing is sent."""
    if not needed:
        return _NO_LIMIT
    return 0 if total is None else total
