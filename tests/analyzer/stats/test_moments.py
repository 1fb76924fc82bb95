import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.moments import Moments
from tests.analyzer.stats.reference import reference_case


def test_the_variance_survives_a_large_offset() -> None:
    """The textbook example in which a sum of squares gives garbage."""
    case = reference_case("variance_large_offset")
    moments = Moments.of(case.array("x"))
    assert moments.variance is not None
    case.check(mean=moments.mean, var_ddof1=moments.variance)


def test_sums_of_whole_numbers_survive_a_large_offset_too() -> None:
    case = reference_case("variance_large_offset")
    values = [int(x) for x in case.inputs["x"]]
    moments = Moments.of_sums(len(values), sum(values), sum(x * x for x in values))
    assert moments.variance is not None
    case.check(mean=moments.mean, var_ddof1=moments.variance)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=3, max_size=60))
def test_sums_and_values_have_the_same_moments(values: list[int]) -> None:
    of_sums = Moments.of_sums(
        len(values), sum(values), sum(x**2 for x in values), sum(x**3 for x in values), scale=10**9
    )
    array = np.array(values) / 10**9
    assert math.isclose(of_sums.mean, float(array.mean()), rel_tol=1e-9, abs_tol=1e-6)
    assert of_sums.variance is not None
    scale = float(np.abs(array).max()) + 1e-9
    assert math.isclose(of_sums.variance, float(array.var(ddof=1)), rel_tol=1e-9, abs_tol=1e-9 * scale**2)
    if of_sums.variance > 1e-6 * scale**2 and of_sums.skewness is not None:
        assert math.isclose(of_sums.skewness, float(stats.skew(array)), rel_tol=1e-6, abs_tol=1e-6)


def test_few_values_have_no_variance_and_constant_ones_no_skewness() -> None:
    assert Moments.of(np.array([3.0])).variance is None
    assert Moments.of(np.array([])).n == 0
    assert Moments.of_sums(0, 0, 0).variance is None
    assert Moments.of(np.array([2.0, 2.0])).skewness is None
    assert Moments.of_sums(3, 6, 12, 24).skewness is None
