"""What is read about how the sample came about: plain values, whole numbers in the units of `store.rollups.measures`.

Everything has a default that means "not known", so a file of pairs, which knows of no skips, is a `Conduct` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HourSums:
    """Sums of the primary's figures by hour of request starts, hours in ascending order."""

    hours: tuple[int, ...]
    """Seconds since the epoch."""
    sums: Mapping[str, tuple[int, ...]]
    """`rows`, and for `total_us` and `output_tokens`: `<name>_n`, `<name>`, `<name>_2` (of squares)."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Skipped requests with one value of a label, of those that were looked at.

    An empty label with an empty value stands for all of one reason that were looked at.
    """

    reason: str
    label: str
    value: str
    requests: int


MAX_VALUES = 50
"""Of one label and reason, the most frequent."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Sampled requests whose primaries took about as long: one tenth of them, streamed or not."""

    tenth: int
    """0 to 9 by the primary's time to the last byte; 10: it has none."""
    is_streamed: bool
    """The primary has a time to the first token."""
    kept: int
    """Pairs, and copies that the candidate was not there for."""
    left_out: int
    """Skipped by design."""
    sums: Mapping[str, tuple[int, int, int]]
    """`total_us`, `cost_nanousd`, `error` -> (kept requests that count, primary's sum, candidate's sum)"""


@dataclass(frozen=True, slots=True)
class KnownPrimary:
    """What the rows of missing requests say of the primary in one measure."""

    n: int
    """Rows with a value."""
    sum: int
    never: int
    """Rows that would not have counted, whatever the candidate had done."""


@dataclass(frozen=True, slots=True)
class MissingRows:
    """Sampled requests that shadowbench itself lost, under this experiment."""

    rows: int
    """Skipped, with the primary's figures."""
    unseen: int
    """Counted, and without a row: nothing is known of them."""
    known: Mapping[str, KnownPrimary]
    """By prefix of the measure's statistics; `<prefix>_log`: millionths of ln of microseconds."""
    bins: Mapping[str, tuple[tuple[int, int], ...]]
    """Prefix of a latency -> (bin, rows) in ascending order, as in the histograms of pairs."""
    largest: Mapping[str, float]
    """Metric -> the largest value of either arm in any pair that was looked at, in the metric's unit; `kilotokens`:
    input and output of a request."""

    @property
    def requests(self) -> int:
        """All of them."""
        return self.rows + self.unseen


@dataclass(frozen=True, slots=True)
class StartSkew:
    """Of the pairs that were looked at: of very many only some, spread evenly."""

    pairs: int
    """With a known start skew."""
    sum_us: int
    p99_ms: float
    """To within 1 %."""
    watched: int
    """Pairs with a known lag of the event loop."""
    busy: int
    """Of these, with a lag above the limit."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """Of one candidate in one window."""

    buckets: tuple[int, ...] = ()
    """Sampled requests by conversation bucket, 256 of them, all experiments of the candidate; empty: not known."""
    kept: HourSums | None = None
    """Of pairs."""
    skipped: Mapping[str, HourSums] = field(default_factory=dict)
    """By reason."""
    skipped_labels: tuple[LabelCount, ...] = ()
    strata: tuple[Stratum, ...] = ()
    """Only where more than 1 % of the sampled requests were left out by design."""
    missing: MissingRows | None = None
    start: StartSkew | None = None
