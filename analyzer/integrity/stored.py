"""How the sample came about, from a store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from analyzer.integrity.figures import (
    MAX_VALUES,
    Conduct,
    HourSums,
    KnownPrimary,
    LabelCount,
    MissingRows,
    StartSkew,
    Stratum,
)
from analyzer.reading import DEFAULT_CAP_MS, Setting
from analyzer.source import Experiment, Window
from store import conduct, lost_requests
from store.comparison import Ask, Columns, Span, records
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN
from store.slices import COUNT, Slices, slices

BUCKETS = 256
STANDARDISED_FROM = 0.01
"""Share of the sampled requests left out by design from which on strata are read."""
LARGEST_ROWS = 100_000
"""Pairs to find the largest values in; they have many columns."""
_SUMS = ("rows", *(f"{figure}{end}" for figure in conduct.FIGURES for end in ("_n", "", "_2")))
_STRATA_SUMS = ("total_us", "cost_nanousd", "error")
Key = tuple[str, str]
"""(candidate, experiment)"""


@dataclass(frozen=True, slots=True)
class _Asked:
    ask: Ask
    span: Span
    experiments: Sequence[Experiment]
    setting: Setting

    @property
    def ids(self) -> list[str]:
        return [experiment.id for experiment in self.experiments]

    def cap_ms(self, candidate: str) -> float:
        return (self.setting.caps_ms or {}).get(candidate, DEFAULT_CAP_MS)


def read_conduct(ask: Ask, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Conduct]:
    """By candidate.

    Args:
        ask: runs a SELECT.
        window: starts of requests, as rollups can be cut.
        experiments: of different candidates.
        setting: limits of the configuration.
    """
    if not experiments:
        return {}
    asked = _Asked(ask, Span(window.since, window.until), experiments, setting)
    buckets = _buckets(asked)
    kept = {key: _hour_sums(rows) for key, rows in _by(conduct.kept_hours(ask, asked.span, asked.ids)).items()}
    skipped = _skipped(asked)
    lost = _lost(asked)
    found = {}
    for experiment in experiments:
        key = experiment.candidate, experiment.id
        pairs, skips = kept.get(key), skipped.get(key, {})
        rows = _by_hour(pairs)
        looked, few = slices(rows, asked.span), slices(rows, asked.span, most=LARGEST_ROWS, count=COUNT // 2)
        found[experiment.candidate] = Conduct(
            buckets=buckets.get(experiment.candidate, ()),
            kept=pairs,
            skipped=skips,
            skipped_labels=_labels(asked, experiment, skips),
            strata=_strata(asked, experiment, pairs, skips),
            missing=_missing(asked, experiment, lost.get(experiment.candidate, (0, 0)), few),
            start=_start(asked, experiment, looked),
        )
    return found


def _by_hour(*sums: HourSums | None) -> Counter[int]:
    """Rows of each hour."""
    found: Counter[int] = Counter()
    for of in sums:
        found.update({} if of is None else dict(zip(of.hours, of.sums["rows"], strict=True)))
    return found


def _by(columns: Columns) -> dict[Key, list[Mapping[str, Any]]]:
    found: dict[Key, list[Mapping[str, Any]]] = {}
    for row in records(columns):
        found.setdefault((row["candidate"], row["experiment"]), []).append(row)
    return found


def _buckets(asked: _Asked) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for row in records(conduct.bucket_rows(asked.ask, asked.span)):
        found.setdefault(row["candidate"], [0] * BUCKETS)[int(row["bucket"])] += int(row["requests"])
    return {candidate: tuple(counts) for candidate, counts in found.items()}


def _hour_sums(rows: Sequence[Mapping[str, Any]]) -> HourSums:
    return HourSums(
        tuple(int(row["hour_s"]) for row in rows), {name: tuple(int(row[name]) for row in rows) for name in _SUMS}
    )


def _skipped(asked: _Asked) -> dict[Key, dict[str, HourSums]]:
    found: dict[Key, dict[str, HourSums]] = {}
    for key, rows in _by(conduct.skipped_hours(asked.ask, asked.span, asked.ids)).items():
        for reason in sorted({str(row["reason"]) for row in rows}):
            found.setdefault(key, {})[reason] = _hour_sums([row for row in rows if row["reason"] == reason])
    return found


def _labels(asked: _Asked, experiment: Experiment, skipped: Mapping[str, HourSums]) -> tuple[LabelCount, ...]:
    if not skipped:
        return ()
    looked = slices(_by_hour(*skipped.values()), asked.span)
    rows = records(conduct.skipped_labels(asked.ask, looked, experiment.id, values=MAX_VALUES))
    return tuple(LabelCount(r["reason"], r["label"], r["value"], int(r["requests"])) for r in rows)


def _start(asked: _Asked, experiment: Experiment, looked: Slices) -> StartSkew | None:
    columns = conduct.start_rows(asked.ask, looked, experiment.id, loop_lag_ms=asked.setting.loop_lag_ms)
    (r,) = records(columns)
    if not r["pairs"]:
        return None
    return StartSkew(int(r["pairs"]), int(r["sum_us"]), float(r["p99_ms"]), int(r["watched"]), int(r["busy"]))


def _strata(
    asked: _Asked, experiment: Experiment, kept: HourSums | None, skipped: Mapping[str, HourSums]
) -> tuple[Stratum, ...]:
    """Strata of one experiment, where enough was left out by design."""
    pairs = 0 if kept is None else sum(kept.sums["rows"])
    by_design = [of for reason, of in skipped.items() if reason in conduct.BY_DESIGN]
    left_out = sum(sum(of.sums["rows"]) for of in by_design)
    if not pairs or left_out <= STANDARDISED_FROM * (pairs + left_out):
        return ()
    edges_ms = _tenths_ms(asked, experiment)
    if not edges_ms:
        return ()
    columns = conduct.strata_rows(
        asked.ask,
        slices(_by_hour(kept, *by_design), asked.span),
        experiment.id,
        edges_ms=edges_ms,
        cap_ms=asked.cap_ms(experiment.candidate),
    )
    return tuple(
        Stratum(
            int(r["tenth"]),
            bool(r["is_streamed"]),
            int(r["kept"]),
            int(r["left_out"]),
            {name: (int(r[f"{name}_n"]), int(r[f"{name}_p"]), int(r[f"{name}_c"])) for name in _STRATA_SUMS},
        )
        for r in records(columns)
    )


def _tenths_ms(asked: _Asked, experiment: Experiment) -> tuple[float, ...]:
    """Nine ends of bins that part the pairs into tenths by the primary's time; empty without times."""
    rows = _by(conduct.primary_bins(asked.ask, asked.span, [experiment.id])).get(
        (experiment.candidate, experiment.id), []
    )
    known = [(int(r["bin"]), int(r["n"])) for r in rows if int(r["bin"]) != FAILED_BIN]
    total = sum(n for _, n in known)
    if not total:
        return ()
    up_to = list(accumulate(n for _, n in known))
    ends = [0.0 if b == ZERO_BIN else GAMMA ** (b + 1) / 1000 for b, _ in known]
    return tuple(
        next(end for end, below in zip(ends, up_to, strict=True) if 10 * below >= k * total) for k in range(1, 10)
    )


def _lost(asked: _Asked) -> dict[str, tuple[int, int]]:
    """Candidate -> (requests that shadowbench lost, by the counters; rows of them)"""
    since_s = {e.candidate: int(e.first.timestamp()) // 3600 * 3600 for e in asked.experiments}
    rows = records(lost_requests.ours_counts(asked.ask, asked.span, since_s))
    return {str(row["candidate"]): (int(row["requests"]), int(row["rows"])) for row in rows}


def _missing(asked: _Asked, experiment: Experiment, lost: tuple[int, int], looked: Slices) -> MissingRows:
    """Details are read only where something is missing."""
    requests, there = lost
    unseen = max(0, requests - there)
    if not unseen and not there:
        return MissingRows(0, 0, {}, {}, {})
    cap_ms = asked.cap_ms(experiment.candidate)
    (row,) = records(lost_requests.missing_rows(asked.ask, asked.span, experiment.id, cap_ms=cap_ms))
    known = {
        name: KnownPrimary(int(row[f"{name}_n"]), int(row[f"{name}_sum"]), int(row[f"{name}_never"]))
        for name in lost_requests.MISSING_MEASURES
    }
    bins: dict[str, list[tuple[int, int]]] = {}
    for r in records(lost_requests.missing_bins(asked.ask, asked.span, experiment.id)):
        bins.setdefault(r["series"], []).append((int(r["bin"]), int(r["n"])))
    rows = int(row["rows"])
    largest: dict[str, float] = {}
    if rows + unseen:
        (most,) = records(lost_requests.largest_values(asked.ask, looked, asked.span, experiment.id))
        largest = {name: float(value) for name, value in most.items() if value is not None}
    return MissingRows(rows, unseen, known, {name: tuple(found) for name, found in bins.items()}, largest)
