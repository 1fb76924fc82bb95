"""Quantiles from bins."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.stats.histogram import LogHistogram

GAMMA, ZERO, BEYOND = 1.002, -1, 32_767


def binned(values: list[int], failures: int = 0) -> LogHistogram:
    bins = [ZERO if v == 0 else math.floor(math.log(v) / math.log(GAMMA)) for v in values] + [BEYOND] * failures
    numbers, counts = np.unique(bins, return_counts=True)
    return LogHistogram(numbers.tolist(), counts.tolist(), gamma=GAMMA, zero=ZERO, beyond=BEYOND)


@given(st.lists(st.integers(0, 3_600_000_000), min_size=1, max_size=300))
def test_every_rank_is_found_within_a_bin(values: list[int]) -> None:
    histogram = binned(values)
    assert histogram.n == len(values)
    for rank, value in enumerate(sorted(values), start=1):
        assert histogram.at_rank(rank) == pytest.approx(value, rel=0.0021)


def test_failures_are_longer_than_everything() -> None:
    histogram = binned([5, 6], failures=2)
    assert [histogram.at_rank(k) < math.inf for k in (1, 2, 3, 4)] == [True, True, False, False]


def test_there_is_no_rank_outside() -> None:
    for rank in (0, 3):
        with pytest.raises(ValueError, match="of 2 values"):
            binned([5, 6]).at_rank(rank)
