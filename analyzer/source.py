"""What is spoken of: a window of time, and what was compared in it."""

from dataclasses import dataclass
from datetime import datetime


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
