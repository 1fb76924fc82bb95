import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.stats.moments import FloatArray, Moments, merged
from tests.analyzer.stats.reference import reference_case

numbers = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=60)


def _groups(values: FloatArray, cuts: int) -> list[FloatArray]:
    return [part for part in np.array_split(values, cuts) if len(part)]


def test_the_variance_survives_a_large_offset() -> None:
    """The textbook example in which a sum of squares gives garbage."""
    case = reference_case("variance_large_offset")
    moments = Moments.of(case.array("x"))
    assert moments.variance is not None
    case.check(mean=moments.mean, var_ddof1=moments.variance)


def test_merged_groups_survive_a_large_offset_too() -> None:
    case = reference_case("variance_large_offset")
    parts = [Moments.of(part) for part in _groups(case.array("x"), 2)]
    n, total = np.array([p.n for p in parts]), np.array([p.n * p.mean for p in parts])
    all_of_them = merged(n, total, np.array([p.centred_squares for p in parts]))
    assert all_of_them.variance is not None
    case.check(mean=all_of_them.mean, var_ddof1=all_of_them.variance)


@given(numbers, st.integers(1, 9))
def test_merging_parts_gives_what_the_whole_gives(values: list[float], cuts: int) -> None:
    array = np.array(values)
    parts = [Moments.of(part) for part in _groups(array, cuts)]
    n, total = np.array([p.n for p in parts]), np.array([p.n * p.mean for p in parts])
    result = merged(n, total, np.array([p.centred_squares for p in parts]))
    scale = float(np.abs(array).max()) + 1e-300
    assert math.isclose(result.mean, float(array.mean()), abs_tol=1e-9 * scale)
    assert result.variance is not None
    assert math.isclose(result.variance, float(array.var(ddof=1)), rel_tol=1e-9, abs_tol=1e-9 * scale**2)


def test_few_values_have_no_variance() -> None:
    assert Moments.of(np.array([3.0])).variance is None
    assert Moments.of(np.array([])).n == 0
    assert merged(np.array([]), np.array([]), np.array([])).variance is None
