"""A store made of Python rows, for tests of everything that reads a `analyzer.reading.Source`.

    source = FakeSource(random_rows(600, seed=1))                      # rows: tests.analyzer.rows
    source = FakeSource(rows, counted={"swift": {"received": 9000}})   # what counters say
    source = FakeSource(rows, complete=Watermark(at, 1, ()))           # up to when it is complete
    source = FakeSource([*rows, *(skip_row(row, "budget") for row in more)])         # copies that were never sent
    figures = gather(source, plan, now)                                # or ask it directly: source.sums(...)

Rows are those of the table `pairs`: `ts`, `block`, `bucket`, `candidate`, `experiment` and both outcomes at least;
`random_rows` makes complete ones. A row with a `reason` is one of `skips`; those of `breaker_open` and `max_in_flight`
count as failures of the candidate, as everywhere. A judgement stands in the row of its pair: `preference`,
`score_primary`, `score_candidate`. `FakeSource(rows).window()` holds all pairs. Sums are those of `analyzer.filed`,
whose own tests hold them against Python's integers (`tests.store.rollups.oracle`) and against the engine; conduct and
surroundings are those of `conduct_of_rows` and `surroundings_of_rows`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from analyzer.figures import OtherMetric, Threshold, ThresholdCounts
from analyzer.filed.rows import rows_loaded
from analyzer.filed.source import FilePairs
from analyzer.integrity.figures import Conduct
from analyzer.integrity.filed import conduct_of_rows
from analyzer.measures import Measure
from analyzer.quality.figures import QualityFigures
from analyzer.reading import Setting, Sums
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Surroundings
from analyzer.surroundings.filed import surroundings_of_rows
from store.never_sent import UNAVAILABLE
from store.watermark import Watermark


@dataclass
class FakeSource:
    rows: Sequence[Mapping[str, Any]] = ()
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    complete: Watermark | None = field(default_factory=lambda: Watermark(None, 0, ()))
    """None: nothing is added any more."""
    notes: tuple[str, ...] = ()

    @cached_property
    def _filed(self) -> FilePairs:
        rows = [_as_pair(row) for row in self.rows if row.get("reason", UNAVAILABLE[0]) in UNAVAILABLE]
        return FilePairs(rows_loaded(rows, what="26.9"))

    def window(self) -> Window:
        return self._filed.window()

    def version(self) -> str:
        return self._filed.version()

    def watermark(self, now: datetime) -> Watermark | None:
        return self.complete

    def experiments(self, window: Window) -> list[Experiment]:
        return self._filed.experiments(window)

    def states(self, window: Window) -> Mapping[str, Mapping[str, int]]:
        return self.counted

    def cut(self, window: Window, now: datetime) -> tuple[Window, tuple[str, ...]]:
        return window, self.notes

    def sums(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> Mapping[str, Sums]:
        return self._filed.sums(window, experiments, setting)

    def counts(
        self, window: Window, experiments: Sequence[Experiment], thresholds: Mapping[str, Sequence[Threshold]]
    ) -> Mapping[str, tuple[ThresholdCounts, ...]]:
        return self._filed.counts(window, experiments, thresholds)

    def others(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> Mapping[str, tuple[OtherMetric, ...]]:
        return self._filed.others(window, experiments, measures)

    def conduct(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> Mapping[str, Conduct]:
        return {e.candidate: conduct_of_rows(self._of(window, e), setting) for e in experiments}

    def surroundings(
        self, window: Window, experiments: Sequence[Experiment], setting: Setting
    ) -> Mapping[str, Surroundings]:
        return {e.candidate: surroundings_of_rows(self._of(window, e), setting) for e in experiments}

    def quality(self, window: Window, experiments: Sequence[Experiment]) -> Mapping[str, QualityFigures]:
        return self._filed.quality(window, experiments)

    def _of(self, window: Window, experiment: Experiment) -> Iterator[Mapping[str, Any]]:
        key = experiment.candidate, experiment.id
        within = (row for row in self.rows if window.since <= row["ts"] < window.until)
        return (row for row in within if (row["candidate"], row["experiment"]) == key)


def _as_pair(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy that was never sent because of the candidate is a pair whose candidate failed."""
    if "reason" not in row:
        return row
    primary = {name: value for name, value in row.items() if not name.startswith("candidate_")}
    return {**primary, "candidate_outcome": "unavailable", "stream": None, "held_ms": 0.0, "changed": []}
