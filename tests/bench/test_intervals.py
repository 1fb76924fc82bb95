"""Bootstrap intervals agree with a second source, and hold the truth as often as they say."""

import numpy as np
import pytest
from scipy import stats

from bench.intervals import Interval, Stretch, quantile_difference, stretches


def test_without_clusters_the_interval_is_that_of_scipys_paired_percentile_bootstrap() -> None:
    rng = np.random.default_rng(5)
    without = rng.gamma(2.0, 1.0, 300)
    having = without + rng.normal(0.5, 0.3, 300)
    ours = quantile_difference(
        [Stretch(np.array([a]), np.array([b])) for a, b in zip(without, having, strict=True)],
        0.5,
        np.random.default_rng(1),
        resamples=2_000,
    )
    theirs = stats.bootstrap(
        (having, without),
        lambda b, a, axis: np.quantile(b, 0.5, axis=axis) - np.quantile(a, 0.5, axis=axis),
        paired=True,
        method="percentile",
        n_resamples=2_000,
        random_state=2,
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.value == pytest.approx(np.median(having) - np.median(without))
    assert ours.low == pytest.approx(theirs.low, abs=0.1 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.1 * width)


def test_intervals_over_clusters_hold_the_truth_where_those_over_single_values_do_not() -> None:
    """Stretches of time share a disturbance: 100 experiments whose true difference is 0."""
    rng = np.random.default_rng(11)
    held = {"stretches": 0, "values": 0}
    for _ in range(100):
        shift = rng.normal(0, 1, 25)
        pairs = [Stretch(rng.normal(0, 0.3, 10), rng.normal(s, 0.3, 10)) for s in shift]
        single = [Stretch(p.without[i : i + 1], p.having[i : i + 1]) for p in pairs for i in range(10)]
        for name, drawn in (("stretches", pairs), ("values", single)):
            interval = quantile_difference(drawn, 0.5, rng, resamples=100)
            held[name] += interval.low <= 0 <= interval.high
    # 95, less three standard errors (6.5) and what the percentile interval is short with 25 clusters (4).
    assert held["stretches"] >= 84
    assert held["values"] < 75


def test_an_equal_shift_of_all_values_is_found_without_error() -> None:
    values = np.random.default_rng(0).exponential(1.0, 500)
    pairs = stretches(np.arange(500) / 100, values, values + 0.25, length_s=0.5)
    interval = quantile_difference(pairs, 0.99, np.random.default_rng(1), resamples=100)
    assert [interval.value, interval.low, interval.high] == pytest.approx([0.25, 0.25, 0.25])


def test_stretches_hold_every_value_once_and_in_its_place() -> None:
    at_s = np.array([10.0, 10.4, 10.6, 12.0])
    found = stretches(at_s, np.arange(4.0), np.arange(4.0) * 10, length_s=0.5)
    assert [p.without.tolist() for p in found] == [[0.0, 1.0], [2.0], [3.0]]
    assert [p.having.tolist() for p in found] == [[0.0, 10.0], [20.0], [30.0]]


def test_an_interval_is_shown_with_its_ends() -> None:
    assert Interval(0.1234, -0.05, 0.3).text(2) == "0.12 (-0.05 to 0.30)"
