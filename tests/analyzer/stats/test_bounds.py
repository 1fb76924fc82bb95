import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.stats.bounds import difference_range, worst_case_shift
from analyzer.stats.interval import Interval

rates = st.floats(0, 1)


def test_the_range_of_a_difference() -> None:
    assert difference_range(Interval(0, 10), Interval(2, 7)) == Interval(-8, 7)
    assert difference_range(Interval(3, 3), Interval(0, 10)) == Interval(-3, 7)


def test_two_missing_pairs_in_ten_of_a_rate() -> None:
    """Eight pairs differ by 0.25 on average: all ten by (2 - 2) / 10 to (2 + 2) / 10."""
    shift = worst_case_shift(0.25, 0.2, Interval(-1, 1))
    assert (0.25 + shift.low, 0.25 + shift.high) == pytest.approx((0.0, 0.4))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.lists(st.floats(-1, 1), max_size=30))
def test_whatever_was_missing_the_mean_of_all_lies_within(there: list[float], missing: list[float]) -> None:
    share = len(missing) / (len(there) + len(missing))
    mean = float(np.mean(there))
    shift = worst_case_shift(mean, share, Interval(-1, 1))
    assert mean + shift.low - 1e-9 <= float(np.mean(there + missing)) <= mean + shift.high + 1e-9


@given(rates, rates, rates)
def test_more_missing_pairs_widen_the_bounds(difference: float, one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    small, large = (worst_case_shift(difference, share, Interval(-1, 1)) for share in (fewer, more))
    assert large.low <= small.low + 1e-12
    assert small.high <= large.high + 1e-12


def test_nothing_missing_moves_nothing() -> None:
    shift = worst_case_shift(0.3, 0.0, Interval(-1, 1))
    assert shift.widened(Interval(0.1, 0.5)) == Interval(0.1, 0.5)


def test_an_interval_is_widened_on_both_sides() -> None:
    shift = worst_case_shift(0.0, 0.1, Interval(-1, 2))
    widened = shift.widened(Interval(-0.05, 0.05))
    assert (widened.low, widened.high) == pytest.approx((-0.15, 0.25))
