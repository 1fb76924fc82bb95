"""Rates of which hardly anything has been seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.rare import RareRate, Unanimous, cluster_size, pairs_needed
from analyzer.stats.influence import Influence

counts = st.integers(0, 15)


def rare(more: int, less: int, n: int, *, is_anytime: bool, size: float = 1.0) -> RareRate:
    return RareRate(more, less, n, size, 0.95, is_anytime=is_anytime)


@pytest.mark.parametrize("is_anytime", [False, True])
def test_no_failure_in_either_arm_is_evidence_of_no_great_difference(is_anytime: bool) -> None:
    evidence = rare(0, 0, 10_000, is_anytime=is_anytime).evidence()
    assert -0.002 < evidence.interval.low < 0 < evidence.interval.high < 0.002
    assert rare(0, 0, 10_000, is_anytime=is_anytime).p_below(0.005) < 1e-6
    assert rare(0, 0, 10_000, is_anytime=is_anytime).p_differs() == 1.0


@given(counts, counts, st.integers(400, 50_000), st.booleans())
def test_exchanging_the_arms_turns_everything_round(more: int, less: int, n: int, is_anytime: bool) -> None:
    one, other = rare(more, less, n, is_anytime=is_anytime), rare(less, more, n, is_anytime=is_anytime)
    a, b = one.evidence(), other.evidence()
    assert a.interval.low == pytest.approx(-b.interval.high, abs=1e-9)
    assert a.lower_bound == pytest.approx(-b.upper_bound, abs=1e-9)
    assert one.p_below(0.01) == pytest.approx(other.p_above(-0.01), rel=1e-6, abs=1e-12)
    assert one.p_differs() == pytest.approx(other.p_differs())


@given(counts, counts, st.integers(400, 50_000), st.booleans(), st.floats(0.0005, 0.05))
def test_bound_and_p_value_say_the_same(more: int, less: int, n: int, is_anytime: bool, limit: float) -> None:
    of = rare(more, less, n, is_anytime=is_anytime)
    if abs(of.evidence().upper_bound - limit) > 1e-6:
        assert (of.evidence().upper_bound < limit) == (of.p_below(limit) < 0.05)


@given(counts, counts, st.integers(400, 50_000), st.booleans())
def test_conversations_say_less_than_as_many_single_requests(more: int, less: int, n: int, is_anytime: bool) -> None:
    single, turns = (rare(more, less, n, is_anytime=is_anytime, size=size).evidence() for size in (1.0, 5.0))
    assert turns.upper_bound >= single.upper_bound - 1e-12
    assert turns.interval.low <= single.interval.low + 1e-12


def test_one_look_uses_the_exact_sign_test() -> None:
    expected = stats.binomtest(9, 11, 0.5).pvalue
    assert rare(9, 2, 5000, is_anytime=False).p_differs() == pytest.approx(expected)


def test_clusters_are_seen_in_the_numbers_of_hashed_buckets() -> None:
    """Conversations of m requests each: sum m^2 / sum m = m."""
    rng = np.random.default_rng(5)
    for size in (1, 6):
        n = size * np.bincount(rng.integers(0, 256, 60_000), minlength=256).astype(np.float64)
        found = cluster_size(Influence.of(n, np.zeros(256)))
        assert found == pytest.approx(size, rel=4 * np.sqrt(2 / 255))
    assert cluster_size(Influence.of(np.ones(1), np.zeros(1))) == 1.0


@pytest.mark.parametrize("is_anytime", [False, True])
def test_all_pairs_alike_say_as_much_as_their_independent_groups(is_anytime: bool) -> None:
    all_fail = Unanimous(True, 40, 0.95, is_anytime=is_anytime)
    none_fails = Unanimous(False, 40, 0.95, is_anytime=is_anytime)
    evidence = all_fail.evidence()
    assert 0.6 < evidence.interval.low < evidence.lower_bound < evidence.interval.high == 1.0
    assert none_fails.evidence().interval.high == -evidence.interval.low
    assert all_fail.p_differs() < 1e-9
    assert all_fail.p_above(evidence.lower_bound) == pytest.approx(0.05, rel=1e-6)
    assert all_fail.p_below(0.5) == 1.0
    assert none_fails.p_below(0.01) < 1e-6


@pytest.mark.parametrize("is_anytime", [False, True])
@pytest.mark.parametrize(("more", "limit"), [(0, 0.005), (3, 0.02)])
def test_the_pairs_needed_are_those_at_which_the_growing_counts_pass(is_anytime: bool, more: int, limit: float) -> None:
    start = rare(more, 0, 200, is_anytime=is_anytime)
    total = pairs_needed(start, limit, 0.05)
    assert total is not None
    assert start.p_below(limit) > 0.05
    for times, passes in ((total / 200 * 0.99, False), (total / 200 * 1.01, True)):
        grown = RareRate(more * times, 0, 200 * times, 1.0, 0.95, is_anytime=is_anytime)
        assert (grown.p_below(limit) <= 0.05) is passes


def test_no_number_of_pairs_helps_where_the_rates_are_beyond_the_limit() -> None:
    assert pairs_needed(rare(10, 0, 400, is_anytime=True), 0.01, 0.05) is None


def test_a_few_long_conversations_are_seen_in_the_buckets_that_they_leave_empty() -> None:
    """Twenty conversations of 100 requests, in twenty of 256 buckets: sum m^2 / sum m = 100."""
    keys = np.arange(20) * 12
    found = cluster_size(Influence.of(np.full(20, 100.0), np.zeros(20), keys))
    assert found == pytest.approx(100, rel=0.1)


def test_folded_buckets_of_labels_are_sixteen() -> None:
    n = np.bincount(np.random.default_rng(2).integers(0, 16, 20_000), minlength=16).astype(np.float64)
    assert cluster_size(Influence.of(n, np.zeros(16))) < 3
