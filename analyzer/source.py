"""What the analyzer asks. `stored.StoredPairs` asks a store; a file of pairs can answer too.

A file's rows need no SQL: `Measure.taken` extracts each metric, `PairedSums.of_pairs` and `RatioSums.of_pairs` add up
by block (start of the window that holds `ts`) and by bucket (hash of `conversation`, of the request id where that is
unknown). It has no counters, so its states are empty and its sample ratio is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analyzer.measures import Measure
from analyzer.stats.mean import PairedSums
from analyzer.stats.ratio import RatioSums
from store.watermark import Watermark

Sums = PairedSums | RatioSums


@dataclass(frozen=True, slots=True)
class Window:
    """Starts of requests, from `since` up to but without `until`; UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Experiment:
    """Pairs of one candidate under one experiment id in a window."""

    candidate: str
    id: str
    pairs: int
    first: datetime
    last: datetime
    """Start of the last pair's request."""
    share_low: float
    share_high: float
    """Smallest and largest share at which its pairs were sampled."""
    held: int
    """Pairs whose primary a slow client held: left out of latency."""
    gateway_cached: int
    """Pairs whose primary came from a response cache: left out of latency."""
    client_aborts: int
    """Pairs whose client went away: left out of everything."""
    failures_primary: int
    failures_candidate: int
    """Pairs whose client stayed and whose leg did not end `ok`."""
    estimated_primary: int = 0
    estimated_candidate: int = 0
    """Pairs in which the arm's tokens are our estimate, because it reported none."""
    estimated_both: int = 0
    """Pairs in which both arms' are."""
    estimator_error_primary: float | None = None
    estimator_error_candidate: float | None = None
    """How far sums of estimated tokens are from the reported ones, as a share of the estimated; the larger of input and
    output. None where too few legs have both."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """One metric's sums over the same pairs, grouped in two ways."""

    blocks: Sums
    """By time block, in order of time."""
    buckets: Sums
    """By conversation bucket."""


@dataclass(frozen=True, slots=True)
class HourCount:
    """A number of one candidate in one hour of request starts."""

    hour: datetime
    candidate: str
    name: str
    """A counted state; `pair` or a skip's reason for rows that are really there."""
    count: int


class Source(Protocol):
    """All answers of one object are about the same store; counts may grow between two questions."""

    def version(self) -> str:
        """Version of the store's engine."""
        ...

    def watermark(self, now: datetime) -> Watermark:
        """Up to when all captured requests are there."""
        ...

    def experiments(self, window: Window) -> Sequence[Experiment]:
        """What has pairs in the window."""
        ...

    def states(self, window: Window) -> Mapping[str, Mapping[str, int]]:
        """Candidate -> counted state -> requests, from the counters."""
        ...

    def requests_per_conversation(self, window: Window) -> Mapping[str, float]:
        """Candidate -> sum m^2 / sum m over sampled conversations, m being a conversation's requests."""
        ...

    def sums(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> Mapping[tuple[str, str], Mapping[str, Grouped]]:
        """(candidate, experiment id) -> metric -> sums; a metric without pairs that count is left out."""
        ...
