"""Answers of a store to the analyzer's questions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from analyzer.audit import HourRows
from analyzer.measures import Measure
from analyzer.source import Experiment, Grouped, Sums, Window
from analyzer.stats.mean import PairedSums
from analyzer.stats.moments import FloatArray
from analyzer.stats.ratio import RatioSums
from store import comparison
from store.comparison import Ask, Columns, Span, Summed
from store.watermark import Watermark, watermark


class StoredPairs:
    """A `source.Source` on a store."""

    def __init__(self, ask: Ask) -> None:
        """`ask` runs a SELECT with its parameters and gives columns by name."""
        self._ask = ask

    def version(self) -> str:
        """Version of the store's engine."""
        return str(self._ask("SELECT version() AS version", {})["version"][0])

    def watermark(self, now: datetime) -> Watermark:
        """Up to when all captured requests are there."""
        return watermark(self._ask, now)

    def experiments(self, window: Window) -> list[Experiment]:
        """What has pairs in the window."""
        return [
            Experiment(
                candidate=row["candidate"],
                id=row["experiment"],
                first=_from_us(row["first_us"]),
                last=_from_us(row["last_us"]),
                **{
                    name: row[name]
                    for name in (
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
                        "estimator_error_primary",
                        "estimator_error_candidate",
                    )
                },
            )
            for row in _rows(comparison.experiment_rows(self._ask, _span(window)))
        ]

    def states(self, window: Window) -> dict[str, dict[str, int]]:
        """Candidate -> counted state -> requests."""
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for row in _rows(comparison.state_rows(self._ask, _span(window))):
            counted[row["candidate"]][row["state"]] = int(row["requests"])
        return dict(counted)

    def requests_per_conversation(self, window: Window) -> dict[str, float]:
        """Candidate -> sum m^2 / sum m over sampled conversations."""
        rows = _rows(comparison.conversation_rows(self._ask, _span(window)))
        return {row["candidate"]: float(row["per_draw"]) for row in rows}

    def sums(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> dict[tuple[str, str], dict[str, Grouped]]:
        """Sums of every metric, both groupings from one snapshot."""
        asked = [Summed(m.counts.sql, m.taken_sql()) for m in measures]
        columns = comparison.difference_sums(self._ask, _span(window), [e.id for e in experiments], asked)
        keys = np.array([f"{c}\0{e}" for c, e in zip(columns["candidate"], columns["experiment"], strict=True)])
        by_time = np.asarray(columns["block_s"], dtype=np.int64) > 0
        wanted = {(e.candidate, e.id) for e in experiments}
        return {
            (candidate, experiment): _of_experiment(columns, measures, keys == f"{candidate}\0{experiment}", by_time)
            for candidate, experiment in wanted
        }

    def hours(self, window: Window) -> HourRows:
        """Counts of the workers and rows that are there, hour by hour."""
        span = _span(window)
        counted = _rows(comparison.counter_hours(self._ask, span))
        there = _rows(comparison.row_hours(self._ask, span))
        return HourRows(
            counted={
                (_from_s(r["hour_s"]), r["candidate"], r["state"]): (int(r["requests"]), _from_s(r["last_s"]))
                for r in counted
            },
            rows={(_from_s(r["hour_s"]), r["candidate"], r["reason"]): int(r["requests"]) for r in there},
        )


def _of_experiment(
    columns: Columns, measures: Sequence[Measure], mine: np.ndarray[Any, Any], by_time: np.ndarray[Any, Any]
) -> dict[str, Grouped]:
    found = {}
    for k, measure in enumerate(measures):
        some = np.asarray(columns[f"n_{k}"], dtype=np.float64) > 0
        if (mine & some).any():
            blocks, buckets = mine & some & by_time, mine & some & ~by_time
            found[measure.metric] = Grouped(_sums(columns, measure, k, blocks), _sums(columns, measure, k, buckets))
    return found


def _sums(columns: Columns, measure: Measure, k: int, groups: np.ndarray[Any, Any]) -> Sums:
    def of(name: str) -> FloatArray:
        column: FloatArray = np.asarray(columns[name.format(k)], dtype=np.float64)
        chosen: FloatArray = column[groups]
        return chosen

    n = of("n_{}")
    if measure.per is None:
        arms = of("primary_{}"), of("candidate_{}"), of("difference_{}")
        return PairedSums(n, *arms, of("variance_{}") * n)
    size = range(4)
    sums = np.stack([of(f"sum_{{}}_{i}") for i in size], axis=1)
    products = np.array([[of(f"product_{{}}_{min(i, j)}_{max(i, j)}").sum() for j in size] for i in size])
    return RatioSums(n, sums, products)


def _rows(columns: Columns) -> list[Mapping[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _span(window: Window) -> Span:
    return Span(window.since, window.until)


def _from_us(microseconds: int) -> datetime:
    seconds, rest = divmod(int(microseconds), 10**6)
    return _from_s(seconds).replace(microsecond=rest)


def _from_s(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
