"""Answers of a store to the analyzer's questions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from analyzer import stored_sums
from analyzer.audit import HourRows
from analyzer.figures import CountTable, OtherMetric, Threshold, ThresholdCounts, WeighedSums
from analyzer.integrity.figures import Conduct
from analyzer.integrity.stored import read_conduct
from analyzer.measures import Measure
from analyzer.quality.figures import QualityFigures
from analyzer.quality.stored import read_quality
from analyzer.reading import Setting, Sums
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Surroundings
from analyzer.surroundings.stored import read_surroundings
from store import comparison, weighed
from store.comparison import Ask, Span, records
from store.experiments import estimator_errors, experiment_rows
from store.rollups import thresholds as thresholds_of
from store.rollups.grid import Grid
from store.rollups.layout import DIRECT_PAIRS, Layout, layout
from store.watermark import Watermark, watermark

_ESTIMATOR_PAIRS = 10 * DIRECT_PAIRS
"""How far estimated tokens are off is told from about so many pairs."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one window is read, and in which steps of time."""

    layout: Layout
    grids: dict[tuple[str, ...], Grid]
    """Experiment ids -> steps of time."""
    largest: dict[str, int]
    """Experiment id -> pairs of its largest group; filled as sums are read."""


class StoredPairs:
    """A `reading.Source` on a store.

    How a window is read is settled when it is first asked about, so that all answers are about the same pairs.
    """

    def __init__(self, ask: Ask) -> None:
        """`ask` runs a SELECT with its parameters and gives columns by name."""
        self._ask = ask
        self._readings: dict[Window, _Reading] = {}
        self._block_s: float | None = None

    def version(self) -> str:
        """Version of the store's engine."""
        return str(self._ask("SELECT version() AS version", {})["version"][0])

    def watermark(self, now: datetime) -> Watermark:
        """Up to when all captured requests are there."""
        return watermark(self._ask, now)

    def experiments(self, window: Window) -> list[Experiment]:
        """What has pairs in the window."""
        rows = list(records(experiment_rows(self._ask, _span(window))))
        errors = self._estimator_errors(rows)
        return [
            Experiment(
                candidate=row["candidate"],
                id=row["experiment"],
                first=_from_us(row["first_us"]),
                last=_from_us(row["last_us"]),
                **{name: row[name] for name in _OF_EXPERIMENT},
                **dict[str, Any](errors.get((row["candidate"], row["experiment"]), {})),
            )
            for row in rows
        ]

    def _estimator_errors(self, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, float | None]]:
        if not rows:
            return {}
        span = Span(
            _from_us(min(row["first_us"] for row in rows)),
            _from_us(max(row["last_us"] for row in rows)) + timedelta(microseconds=1),
        )
        one_in = 1 + sum(int(row["pairs"]) for row in rows) // _ESTIMATOR_PAIRS
        names = ("estimator_error_primary", "estimator_error_candidate")
        return {
            (row["candidate"], row["experiment"]): {name: row[name] for name in names}
            for row in records(estimator_errors(self._ask, span, one_in))
        }

    def states(self, window: Window) -> dict[str, dict[str, int]]:
        """Candidate -> counted state -> requests."""
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for row in records(comparison.state_rows(self._ask, _span(window))):
            counted[row["candidate"]][row["state"]] = int(row["requests"])
        return dict(counted)

    def cut(self, window: Window, now: datetime) -> tuple[Window, tuple[str, ...]]:
        """The part of a window that sums are kept for, or that holds few pairs; and what to tell a reader about it."""
        # Old rows are merged by the clock of the store, whatever moment is reported about.
        found = layout(self._ask, _span(window), max(now, datetime.now(UTC)))
        kept = Window(found.span.since, found.span.until)
        self._settle(kept, found)
        return kept, found.notes

    def _settle(self, window: Window, how: Layout) -> None:
        """From now on the window is read so."""
        self._readings[window] = _Reading(how, {}, {})

    def sums(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Sums]:
        """By candidate; one without pairs is left out."""
        self._block_s = setting.block_s
        how, grid = self._how(window, experiments)
        found = stored_sums.read(self._ask, how, experiments, setting, grid)
        ids = {experiment.candidate: experiment.id for experiment in experiments}
        self._readings[window].largest.update({ids[name]: _largest_group(of) for name, of in found.items()})
        return found

    def counts(
        self, window: Window, experiments: Sequence[Experiment], thresholds: Mapping[str, Sequence[Threshold]]
    ) -> dict[str, tuple[ThresholdCounts, ...]]:
        """Candidate -> exact counts at its thresholds, in their order; in the steps of time that the sums have."""
        how, grid = self._how(window, experiments)
        largest = self._readings[window].largest
        found = {}
        for experiment in experiments:
            asked = thresholds.get(experiment.candidate, ())
            most = largest.get(experiment.id, thresholds_of.LARGEST_GROUP)
            whose = thresholds_of.Whose(experiment.candidate, experiment.id, most)
            of = [thresholds_of.At(at.metric, at.primary_ms, at.candidate_ms) for at in asked]
            counted = thresholds_of.counts(self._ask, how.pairs, whose, of, grid)
            found[experiment.candidate] = tuple(
                ThresholdCounts(at, _count_table(one.blocks), _count_table(one.buckets), one.both)
                for at, one in zip(asked, counted, strict=True)
            )
        return found

    def others(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> dict[str, tuple[OtherMetric, ...]]:
        """Candidate -> metrics of plug-ins, from judgements and of texts; those without values are left out."""
        how, grid = self._how(window, experiments)
        ids = [experiment.id for experiment in experiments]
        of_pairs = [m for m in measures if m.origin == "pairs"]
        judged = [m for m in measures if m.origin == "judgements"]
        scored = [m for m in measures if m.origin == "scores"]
        found: dict[str, list[OtherMetric]] = {experiment.candidate: [] for experiment in experiments}
        wanted = {(experiment.candidate, experiment.id) for experiment in experiments}
        if of_pairs:
            asked = [weighed.Summed(m.counts.sql, m.taken_sql()) for m in of_pairs]
            _collect(found, wanted, of_pairs, weighed.of_pairs(self._ask, how.pairs, ids, asked, step_s=grid.step_s))
        if judged:
            names = [m.metric for m in judged]
            _collect(found, wanted, judged, weighed.of_judgements(self._ask, how.pairs, ids, names, step_s=grid.step_s))
        if scored:
            joint = {m.metric: m.joint for m in scored}
            _collect(found, wanted, scored, weighed.of_scores(self._ask, how.pairs, ids, joint, step_s=grid.step_s))
        return {name: tuple(of) for name, of in found.items()}

    def conduct(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Conduct]:
        """By candidate: how the sample came about."""
        return read_conduct(self._ask, window, experiments, setting)

    def surroundings(
        self, window: Window, experiments: Sequence[Experiment], setting: Setting
    ) -> dict[str, Surroundings]:
        """By candidate: switchback periods, caches, connections, models."""
        return read_surroundings(self._ask, window, experiments, setting)

    def quality(self, window: Window, experiments: Sequence[Experiment]) -> dict[str, QualityFigures]:
        """By candidate: what judges and people said, and how judging went."""
        how, grid = self._how(window, experiments)
        return read_quality(self._ask, how.pairs, experiments, step_s=grid.step_s)

    def hours(self, window: Window) -> HourRows:
        """Counts of the workers and rows that are there, hour by hour."""
        span = _span(window)
        counted = records(comparison.counter_hours(self._ask, span))
        there = records(comparison.row_hours(self._ask, span))
        return HourRows(
            counted={
                (_from_s(r["hour_s"]), r["candidate"], r["state"]): (int(r["requests"]), _from_s(r["last_s"]))
                for r in counted
            },
            rows={(_from_s(r["hour_s"]), r["candidate"], r["reason"]): int(r["requests"]) for r in there},
        )

    def _how(self, window: Window, experiments: Sequence[Experiment]) -> tuple[Layout, Grid]:
        if window not in self._readings:
            self._readings[window] = _Reading(layout(self._ask, _span(window), datetime.now(UTC)), {}, {})
        found = self._readings[window]
        ids = tuple(sorted(experiment.id for experiment in experiments))
        if ids not in found.grids:
            found.grids[ids] = stored_sums.grid(self._ask, found.layout, ids, self._block_s)
        return found.layout, found.grids[ids]


_OF_EXPERIMENT = (
    "pairs",
    "share_low",
    "share_high",
    "held",
    "gateway_cached",
    "client_aborts",
    "failures_primary",
    "failures_candidate",
    "estimated_primary",
    "estimated_candidate",
    "estimated_both",
)


def _largest_group(sums: Sums) -> int:
    """Pairs, and copies that were never sent."""
    return max(
        sum(rows)
        for table in (sums.blocks, sums.buckets)
        for rows in zip(table.sums["pairs"], table.sums["unavailable"], strict=True)
    )


def _count_table(found: thresholds_of.Below) -> CountTable:
    return CountTable(found.keys, found.n, found.primary, found.candidate)


def _collect(
    found: dict[str, list[OtherMetric]],
    wanted: set[tuple[str, str]],
    measures: Sequence[Measure],
    sums: Mapping[tuple[str, str], Sequence[weighed.Weighed | None]],
) -> None:
    for who in wanted & set(sums):
        for measure, of in zip(measures, sums[who], strict=True):
            if of is not None:
                cubes = of.cubes if measure.per is None and _weighs_all_alike(measure, of) else None
                tables = (_weighed_sums(groups, of, cubes) for groups in (of.blocks, of.buckets))
                found[who[0]].append(OtherMetric(measure.metric, *tables))


def _weighs_all_alike(measure: Measure, of: weighed.Weighed) -> bool:
    """Every weight is 1 or more, so they are all 1 where their sum is the number of pairs."""
    if measure.origin == "judgements":
        return False
    return measure.origin == "pairs" or sum(g.sums[1] for g in of.blocks) == sum(g.n for g in of.blocks)


def _weighed_sums(groups: Sequence[weighed.Group], of: weighed.Weighed, cubes: float | None) -> WeighedSums:
    return WeighedSums(
        tuple(group.key for group in groups),
        tuple(group.n for group in groups),
        tuple(group.sums for group in groups),
        tuple(of.products[4 * i : 4 * i + 4] for i in range(4)),
        cubes,
    )


def _span(window: Window) -> Span:
    return Span(window.since, window.until)


def _from_us(microseconds: int) -> datetime:
    seconds, rest = divmod(int(microseconds), 10**6)
    return _from_s(seconds).replace(microsecond=rest)


def _from_s(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
