"""Weighted means and differences, with the influence of each time block and conversation."""

import numpy as np
import pytest

from analyzer.quality.weighted import against, difference
from analyzer.stats.robust import robust_error
from tests.analyzer.quality.making import One, weighted


def drawn(seed: int, n: int = 400) -> list[One]:
    rng = np.random.default_rng(seed)
    return [
        One(
            float(rng.choice([0.0, 0.5, 1.0])),
            float(rng.uniform(-1, 1)),
            float(rng.choice([1.0, 4.0])),
            int(rng.integers(1, 30)),
            int(rng.integers(0, 100)),
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_weighted_mean_against_a_constant(seed: int) -> None:
    pairs = drawn(seed)
    a, w = np.array([p.a for p in pairs]), np.array([p.w for p in pairs])
    found = against(weighted(pairs), 0.5)
    assert found is not None
    mean = float(np.average(a, weights=w))
    assert (found.n, found.primary) == (400, 0.5)
    assert found.candidate == pytest.approx(mean)
    assert found.difference == pytest.approx(mean - 0.5)
    moved = w * (a - mean) / w.sum()
    by_bucket = np.bincount([p.bucket for p in pairs], weights=moved)
    assert (found.buckets.sums / 400).tolist() == pytest.approx(by_bucket[found.buckets.keys].tolist())
    error = robust_error(found.buckets)
    groups = found.buckets.groups
    assert error is not None
    assert error.value == pytest.approx(np.sqrt(groups / (groups - 1) * (by_bucket**2).sum()))
    assert found.independent_error == pytest.approx(np.sqrt((moved**2).sum() * 400 / 399))


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_on_the_same_pairs(seed: int) -> None:
    pairs = drawn(seed)
    gap, w = np.array([p.a - p.b for p in pairs]), np.array([p.w for p in pairs])
    found = difference(weighted(pairs))
    assert found is not None
    mean = float(np.average(gap, weights=w))
    assert found.difference == pytest.approx(mean)
    moved = w * (gap - mean) / w.sum()
    by_block = np.bincount([p.block for p in pairs], weights=moved)
    assert (found.blocks.sums / 400).tolist() == pytest.approx(by_block[found.blocks.keys // 60].tolist())
    assert found.independent_error == pytest.approx(np.sqrt((moved**2).sum() * 400 / 399))
