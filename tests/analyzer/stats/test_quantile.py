import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.histogram import LogHistogram
from analyzer.stats.interval import two_sided
from analyzer.stats.moments import FloatArray
from analyzer.stats.quantile import (
    ArmQuantile,
    BelowCounts,
    arm_quantile,
    independent_error,
    inverse_density,
    order_ranks,
    quantile_rank,
    refined,
)
from analyzer.stats.ratio import RatioSums, ratio_difference
from analyzer.stats.robust import StandardError, cr1
from tests.analyzer.stats.reference import reference_case

Z = float(stats.norm.ppf(0.975))
NOTHING = ArmQuantile(0.0, 0.0)
"""An arm whose quantile is known exactly."""


def _log_bins(values: FloatArray, gamma: float) -> LogHistogram:
    """Bin b holds gamma^b up to gamma^(b + 1), its upper end included as ddsketch has it."""
    bins = [math.ceil(math.log(v) / math.log(gamma)) - 1 for v in values]
    numbers, counts = np.unique(bins, return_counts=True)
    return LogHistogram(numbers.tolist(), counts.tolist(), gamma=gamma, zero=-(10**6), beyond=10**6)


def _arm(values: FloatArray, p: float) -> ArmQuantile:
    ordered, n = np.sort(values), len(values)
    low, high = order_ranks(n, p, Z)
    density = inverse_density(float(ordered[low - 1]), float(ordered[high - 1]), (low, high), n)
    return ArmQuantile(float(ordered[quantile_rank(n, p) - 1]), density)


def test_the_median_difference_of_dependent_arms() -> None:
    case = reference_case("quantile_diff_paired_median")
    c, p, prob = case.array("c"), case.array("p"), case.inputs["prob"]
    n = len(c)
    candidate, primary = _arm(c, prob), _arm(p, prob)
    below_p, below_c = (p <= primary.value).astype(float), (c <= candidate.value).astype(float)
    shares = (below_p.mean(), below_c.mean(), float((below_p * below_c).mean()))
    error = independent_error(n, shares, primary, candidate)
    over_pairs = cr1(BelowCounts(np.arange(n), np.ones(n), below_p, below_c).influence(primary, candidate))
    assert error is not None
    assert over_pairs.value == pytest.approx(error)
    difference = candidate.value - primary.value
    interval = two_sided(difference, StandardError(error, math.inf, n, "single pairs"), 1 - case.inputs["alpha"])
    low, high = order_ranks(n, prob, Z)
    case.check(
        qc=candidate.value,
        qp=primary.value,
        diff=difference,
        se=error,
        ci=(interval.low, interval.high),
        lo_rank=low,
        hi_rank=high,
    )


def test_a_quantile_is_a_value_that_was_seen() -> None:
    case = reference_case("quantile_definitions")
    ordered = np.sort(case.array("x"))
    case.check(type1_inverted_cdf=[float(ordered[quantile_rank(len(ordered), q) - 1]) for q in case.inputs["q"]])


@given(st.integers(1, 500), st.sampled_from([0.01, 0.05, 0.25, 0.5, 0.9, 0.95, 0.99]))
def test_the_rank_is_that_of_numpys_inverted_cdf(n: int, p: float) -> None:
    ordered = np.arange(1.0, n + 1)
    assert quantile_rank(n, p) == np.quantile(ordered, p, method="inverted_cdf")


def test_ranks_around_a_quantile_cover_as_much_as_they_should() -> None:
    """The exact binomial ranks, or one further out: ours come from the normal approximation, rounded outwards."""
    case = reference_case("quantile_ci_order_stat_ranks")
    rows = case.inputs["rows"]
    for row, low, high in zip(rows, case.expected["lower_rank"], case.expected["upper_rank"], strict=True):
        ours = order_ranks(row["n"], row["q"], Z)
        assert low - 1 <= ours[0] <= low
        assert high <= ours[1] <= high + 1
    ranks = order_ranks(100, 0.5, Z)
    case.check(
        coverage_median_n100=float(stats.binom.cdf(ranks[1] - 1, 100, 0.5) - stats.binom.cdf(ranks[0] - 1, 100, 0.5))
    )


def test_the_error_of_one_arm_is_that_of_the_outer_interval() -> None:
    """Deng, Knoblich and Lu's outer interval, as gbstats has it: ranks np -+ z sqrt(np(1 - p)) in a part of them."""
    case = reference_case("gbstats_quantile_variance")
    of = case.inputs
    n, p = of["n_star"], of["nu"]
    spread = Z * math.sqrt(n * p * (1 - p))
    density = inverse_density(of["quantile_lower"], of["quantile_upper"], (n * p - spread, n * p + spread), n)
    error = independent_error(of["n"], (0.0, p, 0.0), NOTHING, ArmQuantile(of["quantile_hat"], density))
    assert error is not None
    # Ours divides by n - 1 where they have n, and n - 1 of n once more.
    variance = error**2 * ((of["n"] - 1) / of["n"]) ** 2
    case.check(se=math.sqrt(variance), variance_of_n_scaled=variance * of["n"])


def test_the_error_of_one_arm_over_clusters() -> None:
    """The share at or below the quantile is a ratio of cluster sums; its error times the spread of values per share."""
    case = reference_case("gbstats_quantile_variance_clustered")
    of = case.inputs
    products = np.zeros((4, 4))
    products[0, 0], products[1, 1] = of["main_sum_squares"], of["denominator_sum_squares"]
    products[0, 1] = products[1, 0] = of["main_denominator_sum_product"]
    clusters = float(of["n_clusters"])
    products[3, 3] = clusters
    sums = np.array([[of["main_sum"], of["denominator_sum"], 0.0, clusters]])
    share = ratio_difference(RatioSums(np.array([clusters]), sums, products, np.array([0])))
    assert share is not None
    assert share.independent_error is not None
    n, p = of["n_star"], of["nu"]
    spread = Z * math.sqrt(n * p * (1 - p))
    density = inverse_density(of["quantile_lower"], of["quantile_upper"], (n * p - spread, n * p + spread), n)
    # They take n - 1 of n, see above.
    variance = (density * share.independent_error) ** 2 * (of["n"] - 1) / of["n"]
    case.check(
        cluster_variance_of_indicator=share.independent_error**2,
        se=math.sqrt(variance),
        variance_of_n_scaled=variance * of["n"],
    )


def test_bins_are_those_of_ddsketch() -> None:
    """A single value comes back as the middle of its bin: geometric with us, harmonic with them, 0.005 % apart."""
    case = reference_case("ddsketch_log_mapping")
    accuracy = case.inputs["relative_accuracy"]
    gamma = (1 + accuracy) / (1 - accuracy)
    case.check(gamma=gamma)
    for value, theirs in zip(case.inputs["values"], case.expected["representative"], strict=True):
        ours = _log_bins(np.array([value]), gamma).at_rank(1)
        assert ours == pytest.approx(theirs, rel=1e-4)
        assert abs(ours / value - 1) <= accuracy * 1.01


def test_quantiles_from_bins_are_those_of_ddsketch() -> None:
    """At their rank, floor(q (n - 1)) counted from 0."""
    case = reference_case("ddsketch_quantiles")
    accuracy, values = case.inputs["relative_accuracy"], case.array("values")
    histogram = _log_bins(values, (1 + accuracy) / (1 - accuracy))
    for q, theirs in zip(case.inputs["q"], case.expected["value"], strict=True):
        assert histogram.at_rank(math.floor(q * (len(values) - 1)) + 1) == pytest.approx(theirs, rel=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9]))
def test_bins_give_nearly_the_quantile_and_the_spread_of_raw_values(seed: int, p: float) -> None:
    values = np.random.default_rng(seed).lognormal(7, 1, 400)
    raw, binned = _arm(values, p), arm_quantile(_log_bins(values, 1.002), p)
    assert binned is not None
    assert binned.value == pytest.approx(raw.value, rel=0.002)
    assert binned.inverse_density == pytest.approx(raw.inverse_density, rel=0.2)


def test_the_error_is_the_textbook_one_for_normal_values() -> None:
    """Median of n normal values: sqrt(pi / (2 n)); both arms independent: sqrt(2) times that."""
    rng = np.random.default_rng(8)
    c, p = rng.normal(10, 1, size=(2, 20_000))
    candidate, primary = _arm(c, 0.5), _arm(p, 0.5)
    below_p, below_c = (p <= primary.value), (c <= candidate.value)
    shares = (float(below_p.mean()), float(below_c.mean()), float((below_p & below_c).mean()))
    error = independent_error(20_000, shares, primary, candidate)
    assert error == pytest.approx(math.sqrt(2 * math.pi / 2 / 20_000), rel=0.08)


def test_a_newton_step_finds_the_quantile_next_to_a_threshold() -> None:
    """Uniform on 0 to 10: 1/f is 10, and 48 % below 4.8 put the median at 5."""
    assert refined(ArmQuantile(4.8, 10.0), 4.8, 0.48, 0.5) == pytest.approx(5.0)


def test_without_values_there_is_no_quantile_and_one_value_has_no_spread() -> None:
    empty = LogHistogram([], [], gamma=1.002, zero=-1, beyond=10_000)
    assert arm_quantile(empty, 0.5) is None
    one = arm_quantile(LogHistogram([3000], [1], gamma=1.002, zero=-1, beyond=10_000), 0.5)
    assert one is not None
    assert math.isinf(one.inverse_density)
    assert independent_error(1, (1.0, 1.0, 1.0), NOTHING, NOTHING) is None
