"""How far missing pairs could move an estimate, whatever they would have shown (Manski 1990, AER 80:319).

Nothing is assumed about why pairs are missing: each missing value may lie anywhere in the range that is possible for
it (a latency between 0 and the time-out, a rate between 0 and 1). What holds for all of them needs no model.
"""

from dataclasses import dataclass

from analyzer.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Shift:
    """The estimate for all pairs lies between estimate + low and estimate + high; low <= 0 <= high where the
    estimate itself is possible for the missing ones."""

    low: float
    high: float

    def widened(self, interval: Interval) -> Interval:
        """An interval that covers the difference of all pairs, missing ones included."""
        return Interval(interval.low + self.low, interval.high + self.high)


def difference_range(primary: Interval, candidate: Interval) -> Interval:
    """Of candidate minus primary, from the range of each.

    Where the primary's figures of the missing pairs are known, its range is their mean, both ends alike.
    """
    return Interval(candidate.low - primary.high, candidate.high - primary.low)


def worst_case_shift(difference: float, missing_share: float, possible: Interval) -> Shift:
    """Of a mean difference (a rate difference is one).

    Args:
        difference: mean over the pairs that are there.
        missing_share: missing pairs of all pairs, in [0, 1].
        possible: range of the mean difference over the missing ones.
    """
    return Shift(missing_share * (possible.low - difference), missing_share * (possible.high - difference))
