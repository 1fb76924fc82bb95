"""A store made of Python rows: sums by numpy, from each metric's extraction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from analyzer.measures import Measure
from analyzer.source import Experiment, Grouped, Sums, Window
from analyzer.stats.mean import PairedSums
from analyzer.stats.ratio import RatioSums
from store.watermark import Watermark


@dataclass
class FakeSource:
    rows: Sequence[Mapping[str, Any]] = ()
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    per_conversation: Mapping[str, float] = field(default_factory=dict)
    complete: Watermark = field(default_factory=lambda: Watermark(None, 0, ()))

    def version(self) -> str:
        return "26.9"

    def watermark(self, now: datetime) -> Watermark:
        return self.complete

    def experiments(self, window: Window) -> list[Experiment]:
        found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for row in self._within(window):
            found.setdefault((row["candidate"], row["experiment"]), []).append(row)
        return [_experiment(*key, rows) for key, rows in found.items()]

    def states(self, window: Window) -> Mapping[str, Mapping[str, int]]:
        return self.counted

    def requests_per_conversation(self, window: Window) -> Mapping[str, float]:
        return self.per_conversation

    def sums(
        self, window: Window, experiments: Sequence[Experiment], measures: Sequence[Measure]
    ) -> dict[tuple[str, str], dict[str, Grouped]]:
        result: dict[tuple[str, str], dict[str, Grouped]] = {}
        for e in experiments:
            rows = [r for r in self._within(window) if (r["candidate"], r["experiment"]) == (e.candidate, e.id)]
            grouped = {m.metric: g for m in measures if (g := grouped_sums(m, rows)) is not None}
            result[e.candidate, e.id] = grouped
        return result

    def _within(self, window: Window) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if window.since <= row["ts"] < window.until]


def grouped_sums(measure: Measure, rows: Sequence[Mapping[str, Any]]) -> Grouped | None:
    kept = [(row, values) for row in rows if (values := measure.taken(row)) is not None]
    if not kept:
        return None
    numbers = np.array([v for _, v in kept], dtype=np.float64)
    blocks = np.array([row["block"].timestamp() for row, _ in kept])
    buckets = np.array([float(row["bucket"]) for row, _ in kept])
    return Grouped(_sums(measure, numbers, blocks), _sums(measure, numbers, buckets))


def _sums(measure: Measure, values: np.ndarray[Any, Any], group: np.ndarray[Any, Any]) -> Sums:
    if measure.per is not None:
        return RatioSums.of_pairs(values, group)
    return PairedSums.of_pairs(values[:, 1], values[:, 0], group)


def _experiment(candidate: str, experiment: str, rows: Sequence[Mapping[str, Any]]) -> Experiment:
    times: list[datetime] = [row["ts"] for row in rows]
    shares = [row["sample_share"] for row in rows]
    aborted = [row for row in rows if "client_abort" in (row["primary_outcome"], row["candidate_outcome"])]
    stayed = [row for row in rows if row not in aborted]
    return Experiment(
        candidate,
        experiment,
        pairs=len(rows),
        first=min(times),
        last=max(times),
        share_low=min(shares),
        share_high=max(shares),
        held=sum(row["held_ms"] > 0 for row in rows),
        gateway_cached=sum(bool(row["gateway_cache"]) for row in rows),
        client_aborts=len(aborted),
        failures_primary=sum(row["primary_outcome"] != "ok" for row in stayed),
        failures_candidate=sum(row["candidate_outcome"] != "ok" for row in stayed),
        estimated_primary=sum(row["primary_tokens_estimated"] for row in rows),
        estimated_candidate=sum(row["candidate_tokens_estimated"] for row in rows),
        estimated_both=sum(row["primary_tokens_estimated"] and row["candidate_tokens_estimated"] for row in rows),
        estimator_error_primary=_estimator_error("primary", rows),
        estimator_error_candidate=_estimator_error("candidate", rows),
    )


def _estimator_error(arm: str, rows: Sequence[Mapping[str, Any]]) -> float | None:
    names = [f"{arm}_{how}{kind}_tokens" for kind in ("input", "output") for how in ("", "estimated_")]
    known = [[row.get(name) for name in names] for row in rows if not row[f"{arm}_tokens_estimated"]]
    both = np.array([numbers for numbers in known if None not in numbers], dtype=np.float64)
    if len(both) < 30:
        return None
    reported_in, estimated_in, reported_out, estimated_out = both.sum(axis=0)
    return float(max(abs(reported_in / estimated_in - 1), abs(reported_out / estimated_out - 1)))
