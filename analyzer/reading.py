"""What the analyzer asks of a source of pairs: a store (`stored`), or a file (`filed`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analyzer.figures import GroupTable, Histogram, LabelTable, OtherMetric, Threshold, ThresholdCounts
from analyzer.integrity.figures import Conduct
from analyzer.measures import Measure
from analyzer.quality.figures import QualityFigures
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Surroundings
from store.watermark import Watermark


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one candidate's experiment."""

    blocks: GroupTable
    buckets: GroupTable
    totals: Mapping[str, int]
    histograms: Mapping[str, Histogram]
    labels: tuple[LabelTable, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What of the configuration a reading depends on."""

    block_s: float | None = None
    """Length of a time block; None: unknown (the rows say it)."""
    caps_ms: Mapping[str, float] | None = None
    """Candidate -> the longest that its leg may take; others: `DEFAULT_CAP_MS`."""
    loop_lag_ms: float = 20.0
    """An event loop later than this is busy."""
    switchback_s: float | None = None
    """Length of a switchback period; None: there are none."""


DEFAULT_CAP_MS = 300_000.0
"""`candidates[].timeout.total` where nothing else is said."""


class Source(Protocol):
    """All answers of one object are about the same store; counts may grow between two questions."""

    def version(self) -> str:
        """Version of the store's engine; of a file, what it is."""
        ...

    def watermark(self, now: datetime) -> Watermark | None:
        """Up to when all captured requests are there; None: nothing is added any more (a file)."""
        ...

    def experiments(self, window: Window) -> Sequence[Experiment]:
        """What has pairs in the window."""
        ...

    def states(self, window: Window) -> Mapping[str, Mapping[str, int]]:
        """Candidate -> counted state -> requests, from the counters; empty where nobody counted."""
        ...

    def cut(self, window: Window, now: datetime) -> tuple[Window, tuple[str, ...]]:
        """The part of a window that it can answer for at a bearable price, and what to tell a reader about that."""
        ...

    def sums(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> Mapping[str, Sums]:
        """By candidate; experiments have different candidates. `window` comes from `cut`, here and below."""
        ...

    def counts(
        self, window: Window, experiments: Sequence[Experiment], thresholds: Mapping[str, Sequence[Threshold]]
    ) -> Mapping[str, tuple[ThresholdCounts, ...]]:
        """Candidate -> exact counts at its thresholds, in their order; from the pairs themselves."""
        ...

    def others(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> Mapping[str, tuple[OtherMetric, ...]]:
        """Candidate -> metrics of plug-ins (from pairs), from judgements and of texts; without values: left out."""
        ...

    def conduct(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> Mapping[str, Conduct]:
        """By candidate: how the sample came about."""
        ...

    def surroundings(
        self, window: Window, experiments: Sequence[Experiment], setting: Setting
    ) -> Mapping[str, Surroundings]:
        """By candidate: switchback periods, caches, connections, models."""
        ...

    def quality(self, window: Window, experiments: Sequence[Experiment]) -> Mapping[str, QualityFigures]:
        """By candidate: what judges and people said, and how judging went; one never judged is left out."""
        ...
