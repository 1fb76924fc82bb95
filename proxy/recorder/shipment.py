"""What goes to the store in one go: rows under a deduplication token, and what is true once they are there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from proxy.recorder.builder import Built
from proxy.recorder.checkpoint import BatchPlan, CounterPlan, Tallies
from proxy.recorder.rows import Row
from record.pair import Pair
from record.states import State
from store.tables import PAIRS, PAYLOADS, SKIPS, Table

MAX_ROWS = 4000
"""Pairs and skips of a batch. With little to do the linger ends it long before; with a backlog larger batches cost the
store less: 24,900 rows/s at 10,000, 16,700 at 1,000 were measured for rows of 40 columns."""
MAX_BYTES = 16 * 2**20
_US_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows of one table; the same token means the same rows."""

    table: Table
    rows: Sequence[Row]
    token: str


@dataclass(frozen=True, slots=True)
class MarkPlan:
    """Rows of `watermarks`; unlike the other plans it is on no disk."""

    closes: frozenset[UUID]
    """Streams of which nothing more will be said."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Inserts, in the order in which they must arrive, and the plan that announced them."""

    inserts: tuple[Insert, ...]
    plan: BatchPlan | CounterPlan | MarkPlan
    tallies: Tallies = field(default_factory=dict)
    """What a batch adds to the recorded counts."""
    is_repeat: bool = False
    """The plan was made by an earlier process, which may have sent it."""

    def rows(self) -> int:
        """Rows in all tables."""
        return sum(len(insert.rows) for insert in self.inserts)


def hour_of(unix_us: int) -> int:
    """Hours since the epoch."""
    return unix_us // _US_PER_HOUR


def add_tally(tallies: Tallies, hour: int, candidate: str, state: str, count: int = 1) -> None:
    """Counts into nested dictionaries."""
    states = tallies.setdefault(hour, {}).setdefault(candidate, {})
    states[state] = states.get(state, 0) + count


class Draft:
    """Rows of a batch that is still growing.

    Memory: `MAX_ROWS` rows and `MAX_BYTES` of texts, and one exchange above that; the batch on its way as much again.
    """

    def __init__(self) -> None:
        self.built: list[Built] = []
        self.tallies: Tallies = {}
        self.size_bytes = 0
        self.begun_s: float | None = None
        """Monotonic time of the first entry."""

    @property
    def is_empty(self) -> bool:
        """Nothing to say yet."""
        return not self.tallies and not self.built

    @property
    def is_full(self) -> bool:
        """No more may be added."""
        return len(self.built) >= MAX_ROWS or self.size_bytes >= MAX_BYTES

    def add(self, built: Built, start_unix_us: int, now_s: float) -> None:
        """One pair or skip."""
        self.built.append(built)
        self.size_bytes += built.size_bytes
        if isinstance(built.record, Pair):
            add_tally(self.tallies, hour_of(start_unix_us), built.record.candidate, State.PAIR.value)
        self._begin(now_s)

    def add_quarantined(self, candidate: str, start_unix_us: int, now_s: float) -> None:
        """One that could not be built."""
        add_tally(self.tallies, hour_of(start_unix_us), candidate, State.QUARANTINED.value)
        self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        if self.begun_s is None:
            self.begun_s = now_s

    def ship(self, plan: BatchPlan, before: Sequence[Insert], *, is_repeat: bool = False) -> Shipment:
        """Texts first, then skips, then pairs: who sees a pair finds its texts."""
        token = plan.token
        tables: tuple[tuple[Table, list[Row]], ...] = (
            (PAYLOADS, [side.row(token) for built in self.built for side in built.sides]),
            (SKIPS, [b.row(token) for b in self.built if not isinstance(b.record, Pair)]),
            (PAIRS, [b.row(token) for b in self.built if isinstance(b.record, Pair)]),
        )
        inserts = tuple(Insert(table, rows, token) for table, rows in tables if rows)
        return Shipment((*before, *inserts), plan, self.tallies, is_repeat=is_repeat)
