"""All that a study is computed from, read once.

`gathering.gather` reads it from a source, `study.study` computes everything from it and from nothing else; a verdict
file holds it, so that anybody can compute the same again. Hence plain values only: numbers, texts, times, tuples,
mappings and frozen classes of these, which pydantic writes to JSON and reads back. Unknown is None, never 0.

Statistics have the names of `store.rollups.vectors` and its units (microseconds, nano-dollars, millionths), whole and
exact; sums over any grouping of the same pairs are equal to the last digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analyzer.integrity.figures import Conduct
from analyzer.quality.figures import QualityFigures
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Surroundings


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Sums over pairs by group, groups in ascending order."""

    keys: tuple[int, ...]
    """Start of a time step, seconds since the epoch; or number of a conversation bucket, 0 to 255."""
    sums: Mapping[str, tuple[int, ...]]
    """Statistic (of the vectors `counts` and `sums`) -> one number per group."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Times of one arm; see `store.rollups.vectors` for bins: GAMMA, ZERO_BIN, FAILED_BIN."""

    bins: tuple[int, ...]
    """Ascending."""
    pairs: tuple[int, ...]
    """Of each bin."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Near a quantile of both arms: found in the histograms, counted exactly afterwards."""

    metric: str
    """`total_ms`, `ttft_ms` or `itl_ms`."""
    share: float
    """0.95 for p95."""
    primary_ms: float
    candidate_ms: float


@dataclass(frozen=True, slots=True)
class CountTable:
    """Pairs at or below a threshold, by group."""

    keys: tuple[int, ...]
    n: tuple[int, ...]
    """Pairs where each arm has the time or failed: the population of the histograms. A failure is above everything."""
    primary: tuple[int, ...]
    """Of these, with the primary at or below its threshold."""
    candidate: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ThresholdCounts:
    """Exact counts at one threshold."""

    at: Threshold
    blocks: CountTable
    buckets: CountTable
    both: int
    """Pairs with both arms at or below."""


@dataclass(frozen=True, slots=True)
class WeighedSums:
    """Numerators x and denominators y of both arms, by group: of metrics that the rollups do not hold.

    A mean of paired values has y = 1; judgements have y = 1 / inclusion probability and x = y times the value.
    """

    keys: tuple[int, ...]
    n: tuple[int, ...]
    """Pairs."""
    sums: tuple[tuple[float, float, float, float], ...]
    """(x_c, y_c, x_p, y_p) of each group."""
    products: tuple[tuple[float, ...], ...]
    """Sums of products over all pairs, 4 by 4, in the same order."""
    cubes: float | None
    """Over all pairs: sum of (x_c - x_p)^3, where all y are 1; None: not known."""


@dataclass(frozen=True, slots=True)
class OtherMetric:
    """One metric that the rollups do not hold: of a plug-in, or from judgements."""

    metric: str
    blocks: WeighedSums
    buckets: WeighedSums


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Pairs with one value of a label; only the statistics that `store.rollups.tables` keeps for labels."""

    label: str
    value: str
    blocks: GroupTable
    """By hour at least."""
    buckets: GroupTable
    """By conversation bucket, folded to 16 where it comes from rollups."""


MAX_LABEL_VALUES = 50
"""Of one label, the most frequent; a user may have a million tenants."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One candidate under one experiment id, in whole blocks before the watermark."""

    experiment: Experiment
    cap_ms: float
    """A leg that timed out took at least this long, and counts as this in means; a longer answer of either arm, too."""
    blocks: GroupTable
    buckets: GroupTable
    totals: Mapping[str, int]
    """Every statistic of all four vectors over the whole window."""
    histograms: Mapping[str, Histogram]
    """By series (`store.rollups.vectors.SERIES`)."""
    quantiles: tuple[ThresholdCounts, ...]
    others: tuple[OtherMetric, ...]
    labels: tuple[LabelTable, ...]
    conduct: Conduct
    surroundings: Surroundings
    quality: QualityFigures | None = None
    """None: no judge was ever asked."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one report."""

    asked: Window
    """What was asked for."""
    window: Window
    """What the sums are about: whole blocks, before the watermark, and as rollups can be cut."""
    watermark: datetime | None
    vanished: tuple[str, ...]
    """Workers whose log is not waited for any more."""
    generated_at: datetime
    store_version: str
    experiments: Mapping[str, tuple[Experiment, ...]]
    """Candidate -> all its experiments in the asked window, the latest last."""
    states: Mapping[str, Mapping[str, int]]
    """Candidate -> counted state -> requests; empty for a file of pairs."""
    compared: Mapping[str, Compared]
    """Candidate -> its latest experiment; a candidate without pairs is left out."""
    notes: tuple[str, ...] = ()
    """What a reader should know about how they were read (a window that had to be cut, for example)."""
