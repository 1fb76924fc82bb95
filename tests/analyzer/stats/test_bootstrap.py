import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.bootstrap import bootstrap_error, poisson_weights, replicated_totals
from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray
from analyzer.stats.quantile import quantile_rank
from analyzer.stats.robust import cr1
from tests.analyzer.stats.reference import reference_case


def _grouped(
    values: FloatArray, cluster: FloatArray
) -> tuple[FloatArray, "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]:
    """(sums and counts per cluster, shape (G, 2); names)"""
    keys, index = np.unique(cluster.astype(np.int64), return_inverse=True)
    return np.stack([np.bincount(index, values), np.bincount(index)], axis=1), keys


def test_one_replicate_with_given_weights() -> None:
    """A replicate is a weighted sum of group sums; its median repeats each group's values."""
    case = reference_case("poisson_cluster_bootstrap_replicate")
    y, cluster = case.array("y"), case.array("cluster")
    sums, keys = _grouped(y, cluster)
    weights = np.array([case.inputs["weight_of_cluster"][str(key)] for key in keys])
    total, n = weights @ sums
    repeated = np.sort(np.repeat(y, [case.inputs["weight_of_cluster"][str(int(c))] for c in cluster]))
    median = float(repeated[quantile_rank(len(repeated), 0.5) - 1])
    case.check(weighted_mean=float(total / n), weighted_median_type1=median, n_eff=float(n))


def test_weights_are_poisson_numbers() -> None:
    """200,000 of them: chi-square against the Poisson(1) probabilities."""
    weights = poisson_weights(np.arange(2000), seed=1, first=0, count=100)
    counts = np.bincount(np.minimum(weights.ravel(), 6), minlength=7)
    chances = [*stats.poisson.pmf(np.arange(6), 1.0), stats.poisson.sf(5, 1.0)]
    assert stats.chisquare(counts, 200_000 * np.array(chances)).pvalue > 1e-3


def test_weights_of_neighbouring_groups_and_replicates_are_independent() -> None:
    weights = poisson_weights(np.arange(1000), seed=2, first=0, count=200) - 1.0
    limit = 4 / math.sqrt(weights.size)
    assert abs(float((weights[:, 1:] * weights[:, :-1]).mean())) < limit
    assert abs(float((weights[1:] * weights[:-1]).mean())) < limit
    assert abs(float(weights.mean())) < limit


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**40), min_size=2, max_size=30, unique=True))
def test_parts_that_are_counted_apart_agree_on_the_weights(seed: int, names: list[int]) -> None:
    keys = np.array(names, dtype=np.int64)
    whole = poisson_weights(keys, seed=seed, first=0, count=8)
    half = len(names) // 2
    apart = [poisson_weights(part, seed=seed, first=0, count=8) for part in (keys[:half], keys[half:])]
    assert np.array_equal(whole, np.concatenate(apart, axis=1))
    assert np.array_equal(whole[3:5], poisson_weights(keys, seed=seed, first=3, count=2))


def test_another_seed_draws_other_weights() -> None:
    one, other = (poisson_weights(np.arange(500), seed=seed, first=0, count=1) for seed in (7, 8))
    assert np.mean(one == other) < 0.45


def test_the_error_is_that_of_the_formula() -> None:
    """1,000 replicates of 300 unequal clusters: within 3 Monte-Carlo errors (7 %) of CR1, and 5 % for what the number
    of pairs varies."""
    rng = np.random.default_rng(3)
    n = rng.integers(1, 20, 300).astype(float)
    sums = n * rng.normal(size=300) + rng.normal(size=300)
    influence = Influence.of(n, sums - n * sums.sum() / n.sum())
    error = bootstrap_error(influence, seed=5)
    assert error == pytest.approx(cr1(influence).value, rel=0.12)


def test_replicates_do_not_depend_on_how_many_are_drawn() -> None:
    sums, keys = np.ones((40, 1)), np.arange(40)
    few, many = (replicated_totals(sums, keys, seed=1, replicates=count) for count in (10, 150))
    assert np.array_equal(few, many[:10])
    assert many.shape == (150, 1)


def test_one_group_has_no_bootstrap() -> None:
    assert bootstrap_error(Influence.of(np.ones(1), np.zeros(1)), seed=1) is None
