"""Rates of which hardly anything, or nothing but one thing, has been seen: no normal approximation holds there.

Errors may be so rare that the arms differ in a handful of pairs, and a guardrail must still be able to pass: nothing
seen in ten thousand pairs says a lot. Pairs come in conversations; counts are divided by the size of these, as if all
turns of a conversation failed together.
"""

from dataclasses import dataclass

from scipy import special

from analyzer.stats import proportions, sequential, unanimous
from analyzer.stats.influence import Influence
from analyzer.stats.interval import Interval
from analyzer.stats.proportions import PairedCounts
from analyzer.verdict import Evidence
from store.rollups.tables import LABEL_BUCKETS

BUCKETS = 256
"""That conversations are hashed to; of labels they are folded to `LABEL_BUCKETS`."""
FEW_DISCORDANT = 20
"""Pairs that differ in a rate: with fewer, the difference of two proportions is not near normal."""


def cluster_size(buckets: Influence) -> float:
    """Requests per independent unit: variance over mean of the numbers of requests in hashed buckets.

    Were every request hashed by itself, the numbers would be near Poisson and the quotient 1; conversations of m
    requests give sum m^2 / sum m. Buckets without a request count: a few large conversations fill a few alike.
    """
    if buckets.groups < 2:
        return 1.0
    hashed_to = BUCKETS if int(buckets.keys[-1]) >= LABEL_BUCKETS else LABEL_BUCKETS
    spread = float(buckets.n @ buckets.n) - buckets.total**2 / hashed_to
    return max(1.0, spread * hashed_to / (hashed_to - 1) / buckets.total)


@dataclass(frozen=True, slots=True)
class RareRate:
    """A difference of two rates in the same pairs, from the few pairs in which they differ."""

    more: float
    """Pairs with it in the candidate alone."""
    less: float
    """Pairs with it in the primary alone."""
    n: float
    size: float
    """Requests per independent unit."""
    level: float
    is_anytime: bool

    @property
    def method(self) -> str:
        """In words."""
        how = (
            "beta-binomial confidence sequences of both kinds of differing pairs, valid however often one looks"
            if self.is_anytime
            else "Tango's score interval, valid for one look"
        )
        return f"the arms differ in {self.more + self.less:.0f} pairs: {how}; counted in units of {self.size:.3g} pairs"

    def evidence(self) -> Evidence:
        """See `evidence.Inference`."""
        more, less, n = self._units
        if self.is_anytime:
            both, one = 0.5 + self.level / 2, self.level
            high, at_most = (_at_most(more, n, level) for level in (both, one))
            low, at_least = (-_at_most(less, n, level) for level in (both, one))
            return Evidence(Interval(low, high), at_least, at_most)
        ends = proportions.score_interval(self._counts, 2 * self.level - 1)
        return Evidence(proportions.score_interval(self._counts, self.level), ends.low, ends.high)

    def p_differs(self) -> float:
        """See `evidence.Inference`: the sign test on the differing pairs."""
        more, less, _ = self._units
        if self.is_anytime:
            return sequential.always_valid_p(sequential.log_e_share(more, less))
        return float(min(1.0, 2 * special.betainc(max(more, less), min(more, less) + 1, 0.5))) if more + less else 1.0

    def p_below(self, limit: float) -> float:
        """See `evidence.Inference`."""
        more, _, n = self._units
        if self.is_anytime:
            # A difference of `limit` takes a share of at least as much of pairs with it in the candidate alone.
            if more / n >= limit:
                return 1.0
            return sequential.always_valid_p(sequential.log_e_share(more, n - more, share=limit))
        return proportions.p_below(self._counts, limit=limit)

    def p_above(self, limit: float) -> float:
        """See `evidence.Inference`."""
        return self.turned.p_below(-limit)

    @property
    def turned(self) -> "RareRate":
        """With the arms exchanged."""
        return RareRate(self.less, self.more, self.n, self.size, self.level, self.is_anytime)

    @property
    def _counts(self) -> PairedCounts:
        """Where neither arm has it, or both, does not matter to a difference."""
        return PairedCounts(0.0, self.more, self.less, self.n - self.more - self.less).scaled(self.size)

    @property
    def _units(self) -> tuple[float, float, float]:
        return self.more / self.size, self.less / self.size, self.n / self.size


_MOST_TIMES = 1e6
"""As many pairs as there are: nobody waits for more."""


def pairs_needed(rare: RareRate, limit: float, alpha: float) -> float | None:
    """Pairs, in all, from which a difference is shown to be below `limit` if both rates stay what they are.

    None: none that anybody would wait for.
    """

    def p_value(times: float) -> float:
        grown = RareRate(rare.more * times, rare.less * times, rare.n * times, rare.size, rare.level, rare.is_anytime)
        return grown.p_below(limit)

    low, high = 1.0, 2.0
    while p_value(high) > alpha:
        low, high = high, high * 2
        if high > _MOST_TIMES:
            return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if p_value(middle) > alpha else (low, middle)
    return rare.n * high


def _at_most(events: float, n: float, level: float) -> float:
    return sequential.share_interval(events, n - events, level=level).high


@dataclass(frozen=True, slots=True)
class Unanimous:
    """Every pair differs in the same direction."""

    is_more: bool
    """The candidate has it, the primary never."""
    units: int
    """Independent groups."""
    level: float
    is_anytime: bool

    @property
    def method(self) -> str:
        """In words."""
        how = "at any time" if self.is_anytime else "valid for one look"
        return f"every pair differs in the same direction; exact binomial limits over {self.units} groups, {how}"

    def evidence(self) -> Evidence:
        """See `evidence.Inference`."""
        least = unanimous.least_share_anytime if self.is_anytime else unanimous.least_share
        two, one = (2 * least(self.units, level) - 1 for level in (0.5 + self.level / 2, self.level))
        if self.is_more:
            return Evidence(Interval(two, 1.0), one, 1.0)
        return Evidence(Interval(-1.0, -two), -1.0, -one)

    def p_differs(self) -> float:
        """See `evidence.Inference`."""
        return (unanimous.p_by_chance_anytime if self.is_anytime else unanimous.p_by_chance)(self.units)

    def p_above(self, limit: float) -> float:
        """See `evidence.Inference`: the chance that all units show what has at most the probability (1 + limit) / 2."""
        if not self.is_more or limit >= 1:
            return 1.0
        chance = float(max(0.0, (1 + limit) / 2) ** self.units)
        return min(1.0, (self.units + 1) * chance) if self.is_anytime else chance

    def p_below(self, limit: float) -> float:
        """See `evidence.Inference`."""
        return Unanimous(not self.is_more, self.units, self.level, self.is_anytime).p_above(-limit)
