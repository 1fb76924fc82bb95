"""What a difference is made of: results of the modules beside this one. Unknown is None."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analyzer.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Effect:
    """With mirroring minus without."""

    off: float
    """Level without mirroring."""
    on: float
    difference: float
    interval: Interval | None
    """None: too few periods."""


@dataclass(frozen=True, slots=True)
class Interference:
    """What mirroring does to the primary itself: periods with it against random periods without (switchback)."""

    periods_on: int
    periods_off: int
    requests_on: int
    requests_off: int
    latency_ms: Effect | None
    """Primary's time to the last byte, mean."""
    error_rate: Effect | None
    sentence: str
    """For a reader."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pairs that are alike in something that makes answers fast or slow."""

    name: str
    """`both cold`, `primary warm, candidate cold`, ..."""
    n: int
    difference_ms: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Split:
    """A latency difference (mean of total_ms or ttft_ms), taken apart."""

    metric: str
    by: Literal["cache", "connection"]
    difference_ms: float
    explained_ms: float
    """Because the arms' caches (or connections) were warm in different shares."""
    rest_ms: float
    """What is left between arms that are equally warm."""
    rest_interval: Interval | None
    strata: tuple[Stratum, ...]
    explained_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Fairness:
    """Like with like."""

    splits: tuple[Split, ...]
    sentences: tuple[str, ...]
    notable: tuple[str, ...] = ()
    """Of the sentences those that a reader must know before believing the difference."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something is not what it was."""

    what: str
    """`difference` or `primary` (level), `model` (another name in the answers), `weekday`."""
    metric: str
    estimand: str
    at: datetime | None
    """When it changed, as far as that can be said."""
    before: float | None
    after: float | None
    log_e: float | None
    """Evidence of an anytime test, ln; None where there is none (a model's name)."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Does the difference, or the primary itself, change over time?"""

    changes: tuple[Change, ...]
    blocks: int
    """Time blocks that were looked at."""
