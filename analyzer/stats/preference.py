"""Which answer is preferred: net win rate and win rate from counts of wins, ties and losses.

A pair won by the candidate is one in which only it "has the preference", a lost one the reverse: the net win rate
(W - L) / n is the difference of two proportions in the same pairs, and its interval that of `proportions`. The win rate
with ties as one half is 1/2 + net / 2, interval and all.
"""

from dataclasses import dataclass

from analyzer.stats.interval import Interval
from analyzer.stats.proportions import PairedCounts, score_interval, sign_test


@dataclass(frozen=True, slots=True)
class Preferences:
    """Judged pairs, together above 0, as the candidate fared."""

    wins: int
    ties: int
    losses: int

    @property
    def n(self) -> int:
        """All judged pairs."""
        return self.wins + self.ties + self.losses

    @property
    def net_win_rate(self) -> float:
        """(W - L) / n, in [-1, 1]."""
        return (self.wins - self.losses) / self.n

    @property
    def win_rate(self) -> float:
        """Ties count one half; in [0, 1]."""
        return 0.5 + self.net_win_rate / 2

    def counts(self) -> PairedCounts:
        """As pairs of which each arm may have the preference."""
        return PairedCounts(0, self.wins, self.losses, self.ties)

    def net_interval(self, level: float) -> Interval:
        """Of the net win rate (Tango's score interval), for independent pairs and one look."""
        return score_interval(self.counts(), level)

    def win_rate_interval(self, level: float) -> Interval:
        """Of the win rate."""
        net = self.net_interval(level)
        return Interval(0.5 + net.low / 2, 0.5 + net.high / 2)

    def p_sign(self) -> float:
        """Exact two-sided p-value of "wins and losses are as likely", from the decided pairs."""
        return sign_test(self.wins, self.losses)
