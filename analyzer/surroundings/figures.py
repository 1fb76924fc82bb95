"""What is read about switchback periods, caches, connections and models.

Sums over groups of requests, whole and exact, in the units of `store.rollups.vectors`. `Surroundings()` says that
nothing is known: a file of pairs may lack every column behind these numbers.
"""

from dataclasses import dataclass
from typing import Literal

Warmth = Literal["both cold", "both warm", "primary warm only", "candidate warm only", "unknown"]
"""Of the arms' prompt caches: warm where the provider read input tokens from its cache. Of the arms' connections: warm
where an idle one was used again."""
WARMTHS: tuple[Warmth, ...] = ("both cold", "both warm", "primary warm only", "candidate warm only", "unknown")
"""A stratum's number, as the store's SQL gives it, is its place in this list."""


@dataclass(frozen=True, slots=True)
class Periods:
    """The primary's figures by switchback period, over requests that came as far as the switchback's decision.

    A period is off when its requests were kept back by `switchback_off`. The rows of such requests do not say whether a
    slow client held the answer or a cache gave it, so these are not told apart in the other periods either.
    """

    length_s: float
    numbers: tuple[int, ...]
    """Ascending; period k lasts from k to k + 1 times the length, since the epoch."""
    off: tuple[int, ...]
    """Requests of the period that `switchback_off` kept back."""
    requests: tuple[int, ...]
    """All of them. Where some are kept back and others are not, the configuration changed within the period."""
    stayed_n: tuple[int, ...]
    """Requests whose client did not go away."""
    failed: tuple[int, ...]
    """Of these, with a primary that did not end `ok`."""
    total_us_n: tuple[int, ...]
    """With a primary that ended `ok`, and its time to the last byte."""
    total_us: tuple[int, ...]
    """Sum of these times."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs in which both arms answered in their own time, by time step and by what makes answers fast or slow.

    The columns are of one length, rows in ascending order of the first three.
    """

    one_in: int
    """Of so many time steps one was read, drawn by hash; 1: all."""
    keys: tuple[int, ...]
    """Start of the time step, seconds since the epoch."""
    cache: tuple[int, ...]
    """Place in `WARMTHS`."""
    connection: tuple[int, ...]
    """Place in `WARMTHS`."""
    total_us_n: tuple[int, ...]
    total_us: tuple[int, ...]
    """Sum of the candidate's minus the primary's time to the last byte."""
    ttft_us_n: tuple[int, ...]
    ttft_us: tuple[int, ...]
    """The same of the time to the first token."""


@dataclass(frozen=True, slots=True)
class Named:
    """Answers of one arm that bear one model's name."""

    arm: Literal["primary", "candidate"]
    model: str
    hours: tuple[int, ...]
    """Start of an hour with such answers, seconds since the epoch, ascending."""
    n: tuple[int, ...]
    """How many."""


OTHER_NAMES = ""
"""Stands for all names of an arm beyond the `MAX_NAMES` most frequent."""
MAX_NAMES = 50
"""Of one arm; of a proxy for tuned models there may be thousands."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one candidate in one window. None, or empty: not known, or not asked for."""

    periods: Periods | None = None
    alike: Alike | None = None
    models: tuple[Named, ...] = ()
    """In the order of their frequency. Of a large window, answers to a part of the conversations."""
