"""Counts at thresholds are those of a plain loop over the rows."""

import math

import numpy as np
import pytest

from analyzer.figures import Threshold
from analyzer.filed.building import ColumnBuilder
from analyzer.filed.counting import counts_at
from tests.analyzer.filed.making import Row, varied
from tests.store.rollups.oracle import latencies

ROWS = varied(1500, seed=11)
THRESHOLDS = [
    Threshold("total_ms", 0.5, 403.0, 322.5),
    Threshold("total_ms", 0.95, 1e9, 0.0),
    Threshold("ttft_ms", 0.5, 55.0, 44.0),
    Threshold("itl_ms", 0.99, 24.0, 19.0),
]


def both_times(row: Row, metric: str) -> tuple[float, float] | None:
    """ms, infinite for a failure; None where the pair says nothing about this time."""
    if (whole := latencies(row, metric)) is None:
        return None
    p, c = (
        math.inf if math.isinf(us) else row[f"{arm}_{metric}"]
        for arm, us in zip(("primary", "candidate"), whole, strict=True)
    )
    return p, c


@pytest.mark.parametrize("at", THRESHOLDS)
def test_pairs_at_or_below_a_threshold_are_counted_by_group(at: Threshold) -> None:
    builder = ColumnBuilder()
    for row in ROWS:
        builder.add(row)
    pairs, _ = builder.columns()
    (found,) = counts_at(pairs, np.arange(len(pairs)), [at], step_s=60)
    times = [(row, both) for row in ROWS if (both := both_times(row, at.metric)) is not None]
    assert found.at == at
    assert found.both == sum(p <= at.primary_ms and c <= at.candidate_ms for _, (p, c) in times)
    for table, key_of in (
        (found.blocks, lambda row: int(row["block"].timestamp()) // 60 * 60),
        (found.buckets, lambda row: row["bucket"]),
    ):
        assert list(table.keys) == sorted({key_of(row) for row in ROWS})
        for key, n, primary, candidate in zip(table.keys, table.n, table.primary, table.candidate, strict=True):
            mine = [both for row, both in times if key_of(row) == key]
            assert n == len(mine)
            assert primary == sum(p <= at.primary_ms for p, _ in mine)
            assert candidate == sum(c <= at.candidate_ms for _, c in mine)


def test_a_time_of_exactly_the_threshold_is_not_above_it() -> None:
    builder = ColumnBuilder()
    row = varied(1, seed=1)[0] | {"held_ms": 0.0, "gateway_cache": False, "changed": []}
    row |= {f"{arm}_outcome": "ok" for arm in ("primary", "candidate")}
    row |= {"primary_total_ms": 0.1 + 0.2, "candidate_total_ms": 7.0}
    builder.add(row)
    pairs, _ = builder.columns()
    (found,) = counts_at(pairs, np.arange(1), [Threshold("total_ms", 0.5, 0.1 + 0.2, 6.9999999)], step_s=1)
    assert (found.blocks.primary, found.blocks.candidate, found.both) == ((1,), (0,), 0)


def test_without_pairs_there_is_nothing_to_count() -> None:
    pairs, _ = ColumnBuilder().columns()
    (found,) = counts_at(pairs, np.arange(0), [THRESHOLDS[0]], step_s=60)
    assert (found.blocks.keys, found.buckets.keys, found.both) == ((), (), 0)
