"""What the judge reports about itself, by the names on `/metrics`; `cli.supervisor.catalogue` says what they mean."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

_PREFIX: Final = "shadowbench_judge_"
BOUNDS_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""Of the histogram of calls: a small model on the next machine to the longest chain of thought."""
_INFINITY: Final = "+Inf"
_WITHOUT_CALL: Final = frozenset({"judge_is_arm", "interrupted"})


class Figures:
    """Counters since the start of the process; they outlive a change of the configuration."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str]] = Counter()
        self._took: dict[str, list[int]] = {}
        self._took_s: dict[str, float] = {}
        self._pairs: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        """Calls of questions that had been asked before, by judge."""
        self.usd = Decimal(0)
        """Known costs of calls."""
        self.unpriced = 0
        """Calls that were sent and whose cost is unknown."""
        self.scores = 0
        """Text scores made."""
        self.expired = 0
        """Pairs that were too old when it was their turn."""
        self.faults = 0
        """Surprises: each is a line in the log."""

    def ended(self, judge: str, outcome: str) -> None:
        """A call has ended, or a question without one."""
        self._calls[judge, outcome] += 1

    def took(self, judge: str, seconds: float) -> None:
        """How long a call took that was answered."""
        cells = self._took.setdefault(judge, [0] * (len(BOUNDS_S) + 1))
        cells[bisect_left(BOUNDS_S, seconds)] += 1
        self._took_s[judge] = self._took_s.get(judge, 0.0) + seconds

    def pair(self, state: str) -> None:
        """What became of a pair."""
        self._pairs[state] += 1

    def paid(self, usd: Decimal | None) -> None:
        """What a call cost that was sent; None: unknown."""
        self.unpriced += usd is None
        self.usd += usd or 0

    def pairs(self, *states: str) -> int:
        """How many pairs became one of these; without any: all that were taken up and are finished."""
        return sum(count for state, count in self._pairs.items() if not states or state in states)

    @property
    def calls(self) -> int:
        """Calls that have ended."""
        return sum(count for (_, outcome), count in self._calls.items() if outcome not in _WITHOUT_CALL)

    def report(self, present: Mapping[str, float | None]) -> dict[str, float]:
        """All figures by their whole name.

        Args:
            present: those that are not counted here, without the prefix that all have; None is left out: unknown.
        """
        found = {_PREFIX + name: float(value) for name, value in present.items() if value is not None}
        for (judge, outcome), count in self._calls.items():
            found[f'{_PREFIX}calls_total{{judge="{judge}",outcome="{outcome}"}}'] = count
        for judge, cells in self._took.items():
            for bound, count in zip((*map(str, BOUNDS_S), _INFINITY), cells, strict=True):
                found[f'{_PREFIX}call_seconds_bucket{{judge="{judge}",le="{bound}"}}'] = count
            found[f'{_PREFIX}call_seconds_sum{{judge="{judge}"}}'] = self._took_s[judge]
        for state, count in self._pairs.items():
            found[f'{_PREFIX}pairs_total{{state="{state}"}}'] = count
        for judge, count in self.retries.items():
            found[f'{_PREFIX}retries_total{{judge="{judge}"}}'] = count
        totals = {"scores": self.scores, "expired_pairs": self.expired, "internal_errors": self.faults}
        return found | {f"{_PREFIX}{name}_total": float(count) for name, count in totals.items()}
