"""`analyzer.reading.Source` over pairs in memory: those of a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from analyzer.figures import OtherMetric, Threshold, ThresholdCounts
from analyzer.filed.columns import NEVER_SENT, PairColumns
from analyzer.filed.counting import counts_at
from analyzer.filed.describing import experiment_of, moment
from analyzer.filed.exact import Index
from analyzer.filed.judged import Judgements, Taken, of_rows, other_metric
from analyzer.filed.labels import Labels
from analyzer.filed.summing import added_up, by_bucket, by_time, steps
from analyzer.filed.views import CONDUCT, SURROUNDINGS, rows_of
from analyzer.integrity.figures import Conduct
from analyzer.integrity.filed import conduct_of_rows
from analyzer.measures import Measure, Row
from analyzer.quality.figures import QualityFigures
from analyzer.quality.filed import quality_of
from analyzer.reading import DEFAULT_CAP_MS, Setting, Sums
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Surroundings
from analyzer.surroundings.filed import surroundings_of_rows
from store.comparison import unix_us
from store.watermark import Watermark


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """What was read."""

    what: str
    """What the source is, for people and for the verdict file."""
    pairs: PairColumns
    labels: Mapping[str, Labels]
    who: Sequence[tuple[str, str]]
    """(candidate, experiment) by code."""
    models: tuple[str, ...]
    """Names by code less 1."""
    judgements: Judgements
    rows: Callable[[], Iterable[tuple[int, Row]]]
    """(number of the pair, complete row), read once more: for metrics whose values only a row can tell."""
    has_scores: bool = False
    """Rows may hold metrics of texts."""
    has_times: bool = True
    """False: times of pairs were made up, all of them."""
    notes: tuple[str, ...] = ()
    """What a reader should know about how it was read."""


@dataclass(slots=True)
class FilePairs:
    """The same answers as a store's."""

    loaded: Loaded
    _taken: dict[str, Taken] = field(default_factory=dict)
    _steps: dict[Window, int] = field(default_factory=dict)

    def window(self) -> Window:
        """All pairs: whole seconds around them."""
        ts_us = self.loaded.pairs.ts_us
        if len(ts_us) == 0:
            return Window(moment(0), moment(10**6))
        first, last = (moment(int(end)).replace(microsecond=0) for end in (ts_us.min(), ts_us.max()))
        return Window(first, last + timedelta(seconds=1))

    def version(self) -> str:
        """What the source is."""
        return self.loaded.what

    def watermark(self, now: datetime) -> Watermark | None:
        """A file is complete."""
        return None

    def experiments(self, window: Window) -> list[Experiment]:
        """What has pairs in the window, by candidate and id."""
        sent = self._sent(self._within(window))
        who = self.loaded.pairs.who[sent]
        keys = sorted((self.loaded.who[int(code)], int(code)) for code in np.unique(who))
        return [experiment_of(*key, self.loaded.pairs, sent[who == code]) for key, code in keys]

    def states(self, window: Window) -> dict[str, dict[str, int]]:
        """Nobody counted."""
        return {}

    def cut(self, window: Window, now: datetime) -> tuple[Window, tuple[str, ...]]:
        """Every window can be answered."""
        return window, self.loaded.notes

    def sums(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Sums]:
        """By candidate; one without pairs is left out."""
        step_s = self._step_s(window)
        caps = setting.caps_ms or {}
        found = {}
        for e in experiments:
            rows, cap_us = self._of(window, e), round(caps.get(e.candidate, DEFAULT_CAP_MS) * 1000)
            if len(rows):
                loaded = self.loaded
                found[e.candidate] = added_up(loaded.pairs, rows, loaded.labels, step_s=step_s, cap_us=cap_us)
        return found

    def counts(
        self, window: Window, experiments: Sequence[Experiment], thresholds: Mapping[str, Sequence[Threshold]]
    ) -> dict[str, tuple[ThresholdCounts, ...]]:
        """Candidate -> exact counts at its thresholds, in their order."""
        step_s = self._step_s(window)
        return {
            e.candidate: counts_at(
                self.loaded.pairs, self._of(window, e), thresholds.get(e.candidate, ()), step_s=step_s
            )
            for e in experiments
        }

    def others(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> dict[str, tuple[OtherMetric, ...]]:
        """Of judgements, and of plug-ins, for which the rows are read once more; of texts where it has such."""
        origins = {"pairs", "scores"} if self.loaded.has_scores else {"pairs"}
        self._take([m for m in measures if m.origin in origins and m.metric not in self._taken])
        found = {}
        for e in experiments:
            rows = self._of(window, e)
            taken = [(m.metric, t.within(rows)) for m in measures if (t := self._taken_by(m)) is not None]
            found[e.candidate] = tuple(self._other(name, t, window) for name, t in taken if len(t.pair))
        return found

    def _take(self, measures: Sequence[Measure]) -> None:
        if measures:
            taken = of_rows(measures, self.loaded.rows())
            self._taken |= {m.metric: t for m, t in zip(measures, taken, strict=True)}

    def _taken_by(self, measure: Measure) -> Taken | None:
        if measure.origin == "judgements":
            return self.loaded.judgements.of(measure)
        return self._taken.get(measure.metric)

    def _other(self, metric: str, taken: Taken, window: Window) -> OtherMetric:
        pairs = self.loaded.pairs
        groupings = by_time(pairs.block_s[taken.pair], self._step_s(window)), by_bucket(pairs.bucket[taken.pair])
        return other_metric(metric, taken, groupings)

    def conduct(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Conduct]:
        """By candidate: what rows say about how the sample came about."""
        return {e.candidate: conduct_of_rows(self._rows(window, e, CONDUCT), setting) for e in experiments}

    def surroundings(
        self, window: Window, experiments: Sequence[Experiment], setting: Setting
    ) -> dict[str, Surroundings]:
        """By candidate: caches, connections, models."""
        return {e.candidate: surroundings_of_rows(self._rows(window, e, SURROUNDINGS), setting) for e in experiments}

    def quality(self, window: Window, experiments: Sequence[Experiment]) -> dict[str, QualityFigures]:
        """By candidate: what judges said, as far as a file tells."""
        found = {}
        for e in experiments:
            rows = self._of(window, e)
            of = quality_of(self.loaded.judgements, self.loaded.pairs, rows, step_s=self._step_s(window))
            if of is not None:
                found[e.candidate] = of
        return found

    def _rows(self, window: Window, experiment: Experiment, names: Sequence[str]) -> Iterable[Row]:
        rows = self._sent(self._of(window, experiment))
        return rows_of(self.loaded.pairs, rows, names, self.loaded.models)

    def _sent(self, rows: Index) -> Index:
        sent: Index = rows[(self.loaded.pairs.bits[rows] & NEVER_SENT) == 0]
        return sent

    def _step_s(self, window: Window) -> int:
        """The same for all candidates, so that they can be compared with each other."""
        if window not in self._steps:
            self._steps[window] = steps(self.loaded.pairs.block_s[self._within(window)])
        return self._steps[window]

    def _within(self, window: Window) -> Index:
        since, until = unix_us(window.since), unix_us(window.until)
        ts_us = self.loaded.pairs.ts_us
        return np.flatnonzero((ts_us >= since) & (ts_us < until))

    def _of(self, window: Window, experiment: Experiment) -> Index:
        key = experiment.candidate, experiment.id
        if key not in self.loaded.who:
            return np.empty(0, dtype=np.intp)
        rows = self._within(window)
        mine: Index = rows[self.loaded.pairs.who[rows] == self.loaded.who.index(key)]
        return mine
