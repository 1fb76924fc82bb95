"""A schedule is fixed by its seed, and has the rate and the randomness that it is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.schedule import Arrivals, instants


@given(
    arrivals=st.sampled_from(["poisson", "even"]),
    rate=st.floats(1, 5_000),
    seconds=st.floats(0.1, 3),
    seed=st.integers(0, 2**31),
)
def test_instants_ascend_within_the_stretch_and_follow_from_the_seed(
    arrivals: Arrivals, rate: float, seconds: float, seed: int
) -> None:
    once, again = (instants(arrivals, rate, seconds, seed=seed) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.all(np.diff(once) >= 0)
    assert once.size == 0 or (once[0] >= 0 and once[-1] < seconds * 1e9)


def test_even_arrivals_are_one_every_interval() -> None:
    assert instants("even", 4.0, 1.0, seed=0).tolist() == [0, 250_000_000, 500_000_000, 750_000_000]


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    """Kolmogorov and Smirnov's test against the distribution that is promised; the seed makes it repeatable."""
    gaps_s = np.diff(instants("poisson", 2_000.0, 20.0, seed=3)) / 1e9
    assert stats.kstest(gaps_s, stats.expon(scale=1 / 2_000).cdf).pvalue > 0.01


@pytest.mark.parametrize("seed", range(5))
def test_poisson_arrivals_fill_the_whole_stretch(seed: int) -> None:
    """The count is within five standard deviations (of a Poisson count: its root) of what is expected."""
    count = instants("poisson", 1_000.0, 10.0, seed=seed).size
    assert abs(count - 10_000) < 5 * 100
