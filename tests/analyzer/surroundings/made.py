"""Comparisons made of arrays, as a source of pairs would sum them up; only what the tests here look at is not 0."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.estimation import estimate
from analyzer.figures import Compared, GroupTable
from analyzer.integrity.figures import Conduct
from analyzer.metrics import METRICS
from analyzer.source import Experiment
from analyzer.stats.estimate import Estimate
from analyzer.surroundings.drift import WATCHED
from analyzer.surroundings.figures import Surroundings
from store.rollups.vectors import OF_PAIRS

Floats = NDArray[np.float64]
START_S = 1_772_409_600
"""2026-03-02 00:00 UTC, a Monday."""
_NOTHING = {name: 0 for vector in OF_PAIRS.statistics for name in OF_PAIRS.names(vector)}


def compared(
    at_s: NDArray[np.int64],
    primary_ms: Floats,
    candidate_ms: Floats,
    failed: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
    *,
    surroundings: Surroundings | None = None,
) -> Compared:
    """Pairs with their blocks' starts, both latencies, and which of both arms failed (of as many other pairs)."""
    columns = _columns(primary_ms, candidate_ms, failed)
    when = datetime.fromtimestamp(START_S, UTC)
    return Compared(
        experiment=Experiment("swift", "e1", len(at_s), when, when, 0.1, 0.1, 0, 0, 0, 0, 0),
        cap_ms=300_000.0,
        blocks=_table(at_s, columns),
        buckets=_table(np.arange(len(at_s)) % 64, columns),
        totals=_NOTHING | {name: int(column.sum()) for name, column in columns.items()},
        histograms={},
        quantiles=(),
        others=(),
        labels=(),
        conduct=Conduct(),
        surroundings=surroundings or Surroundings(),
    )


def _columns(
    primary_ms: Floats, candidate_ms: Floats, failed: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None
) -> Mapping[str, NDArray[Any]]:
    p, c = (np.rint(ms * 1000).astype(np.int64).astype(object) for ms in (primary_ms, candidate_ms))
    log = np.rint(np.log(candidate_ms / primary_ms) * 1e6).astype(np.int64).astype(object)
    ones = np.ones(len(p), dtype=np.int64)
    columns = {
        "total_us_n": ones,
        "total_us_primary": p,
        "total_us_candidate": c,
        "total_us_primary_2": p * p,
        "total_us_candidate_2": c * c,
        "total_us_cross": p * c,
        "total_us_difference_3": (c - p) ** 3,
        "total_us_log_n": ones,
        "total_us_log": log,
        "total_us_log_2": log * log,
        "total_us_log_3": log**3,
    }
    if failed is not None:
        a, b = (which.astype(np.int64) for which in failed)
        columns |= {"error_n": ones, "error_primary": a, "error_candidate": b, "error_both": a * b}
    return columns


def _table(group: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]) -> GroupTable:
    keys, place = np.unique(group, return_inverse=True)
    sums = {name: (0,) * len(keys) for name in _NOTHING}
    for name, column in columns.items():
        if name in sums and np.abs(column.astype(float)).max() < 2**40:
            sums[name] = tuple(round(x) for x in np.bincount(place, column.astype(float), minlength=len(keys)))
    return GroupTable(tuple(keys.tolist()), sums)


def estimates(made: Compared) -> dict[tuple[str, str], Estimate]:
    """Of what drift watches."""
    wanted = {w.key for w in WATCHED}
    found = {m.key: estimate(m, made) for m in METRICS if m.key in wanted}
    return {key: value for key, value in found.items() if value is not None}
