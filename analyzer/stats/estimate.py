"""An estimate before its uncertainty: what every method gives, and every statement is made from."""

from dataclasses import dataclass

from analyzer.stats.influence import Influence


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of two arms, or of two candidates; candidate minus primary."""

    n: int
    """Pairs that count."""
    primary: float | None
    candidate: float | None
    """Levels of both arms; None where there is only a difference (a log ratio), or one value for both (primary)."""
    difference: float
    independent_error: float | None
    """Standard error if pairs were independent; None below two pairs. For the design effect only."""
    blocks: Influence
    """By time, in order."""
    buckets: Influence
    """By conversation bucket."""
    skewness: float | None = None
    """Of the influence values of single pairs (divisor n); None where it is not known."""
    discordant: tuple[int, int] | None = None
    """Of a rate: pairs with it in the candidate alone, and in the primary alone."""
    obstacle: str | None = None
    """What forbids an interval, in words; None: nothing."""
    least: int | None = None
    """Pairs from which on something is said; None: as many as the kind of interval asks for."""
    doubt: str | None = None
    """Why nothing is decided by it yet although it has an interval, in words; None: it may be."""
    primary_blocks: Influence | None = None
    """On the primary's own level, by time: for shares of it. None where it was not asked for."""
    primary_buckets: Influence | None = None
