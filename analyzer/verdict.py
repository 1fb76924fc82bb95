"""From an interval to a word."""

from dataclasses import dataclass
from enum import StrEnum

from analyzer.measures import Better
from analyzer.stats.interval import Interval


class Verdict(StrEnum):
    """What may be said about a candidate in one metric."""

    BETTER = "better"
    WORSE = "worse"
    NOT_WORSE = "not_worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Differences are candidate minus primary; both one-sided bounds have the same level."""

    interval: Interval
    lower_bound: float
    upper_bound: float

    def towards(self, better: Better) -> tuple[float, float, float, float]:
        """(interval low, interval high, lower bound, upper bound) of how much worse the candidate is."""
        if better == "lower":
            return self.interval.low, self.interval.high, self.lower_bound, self.upper_bound
        return -self.interval.high, -self.interval.low, -self.upper_bound, -self.lower_bound


def verdict(evidence: Evidence, better: Better, margin: float | None) -> Verdict:
    """Better or worse when the interval leaves 0; the rest needs a margin (how much worse is still acceptable).

    The candidate is also worse when it is surely worse than the margin: its other one-sided bound lies beyond it.
    """
    low, high, surely, at_most = evidence.towards(better)
    if high < 0:
        return Verdict.BETTER
    if low > 0 or (margin is not None and surely > margin):
        return Verdict.WORSE
    if margin is None:
        return Verdict.UNDECIDED
    if -margin < low and max(high, at_most) < margin:
        return Verdict.EQUIVALENT
    return Verdict.NOT_WORSE if at_most < margin else Verdict.UNDECIDED
