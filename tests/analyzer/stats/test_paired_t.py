"""Every pair a group of its own: the robust error must then be that of the paired t-test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.evidence import Normal
from analyzer.stats.interval import p_differs, two_sided
from analyzer.stats.mean import PairedMean, PairedSums, paired_mean
from analyzer.stats.moments import FloatArray, Moments
from analyzer.stats.robust import StandardError, robust_error
from tests.analyzer.stats.reference import reference_case


def _single_pairs(primary: FloatArray, candidate: FloatArray) -> tuple[PairedMean, StandardError]:
    sums = PairedSums.of_pairs(primary, candidate, np.arange(len(primary), dtype=np.float64))
    mean, error = paired_mean(sums), robust_error(sums.influence())
    assert mean is not None
    assert error is not None
    return mean, error


def _from_moments(moments: Moments) -> StandardError:
    assert moments.variance is not None
    return StandardError(float(np.sqrt(moments.variance / moments.n)), moments.n - 1, int(moments.n), "paired")


def test_student_sleep() -> None:
    case = reference_case("paired_t_sleep")
    mean, error = _single_pairs(case.array("y"), case.array("x"))
    interval = two_sided(mean.difference, error, 1 - case.inputs["alpha"])
    case.check(
        mean_diff=mean.difference,
        t=mean.difference / error.value,
        df=error.degrees,
        p=p_differs(mean.difference, error),
        ci=(interval.low, interval.high),
        se=error.value,
    )


def test_student_sleep_from_sums() -> None:
    case = reference_case("paired_t_sleep_sums")
    moments = Moments.of_sums(case.inputs["n"], case.inputs["sum_d"], case.inputs["sum_d2"])
    error = _from_moments(moments)
    interval = two_sided(moments.mean, error, 1 - case.inputs["alpha"])
    case.check(
        mean_diff=moments.mean,
        t=moments.mean / error.value,
        df=error.degrees,
        p=p_differs(moments.mean, error),
        ci=(interval.low, interval.high),
    )


def test_student_sleep_from_cross_products() -> None:
    case = reference_case("paired_t_sleep_cross_products")
    of = case.inputs
    squares = of["sum_x2"] + of["sum_y2"] - 2 * of["sum_xy"]
    moments = Moments.of_sums(of["n"], of["sum_x"] - of["sum_y"], squares)
    error = _from_moments(moments)
    assert moments.variance is not None
    case.check(
        mean_diff=moments.mean,
        var_diff=moments.variance,
        t=moments.mean / error.value,
        p=p_differs(moments.mean, error),
    )


def test_equivalence_by_two_one_sided_tests() -> None:
    case = reference_case("tost_paired_sleep_3")
    mean, error = _single_pairs(case.array("y"), case.array("x"))
    low, high = case.inputs["low"], case.inputs["high"]
    said = Normal(mean.difference, error, 0.90, mean.n)
    interval = said.evidence().interval
    p = max(said.p_above(low), said.p_below(high))
    case.check(
        p_lower=said.p_above(low),
        p_upper=said.p_below(high),
        p_tost=p,
        ci90=(interval.low, interval.high),
    )
    assert (p < case.inputs["alpha"]) is case.expected["equivalent"]


def test_non_inferiority_of_a_score() -> None:
    case = reference_case("noninferiority_score")
    mean, error = _single_pairs(case.array("primary"), case.array("candidate"))
    said = Normal(mean.difference, error, 0.95, mean.n)
    bound = said.evidence().lower_bound
    case.check(
        mean_diff=mean.difference,
        p=said.p_above(-case.inputs["margin"]),
        lower_bound_95_one_sided=bound,
    )
    assert (bound > -case.inputs["margin"]) is case.expected["noninferior"]


@given(st.integers(2, 120), st.integers(0, 2**32 - 1))
def test_single_pairs_give_the_paired_t_test_whatever_their_number(n: int, seed: int) -> None:
    """Below 60 groups by CR2, from 60 on by CR1: with one pair per group both are Student's."""
    rng = np.random.default_rng(seed)
    primary, candidate = rng.lognormal(size=n), rng.lognormal(0.2, size=n)
    mean, error = _single_pairs(primary, candidate)
    theirs = stats.ttest_rel(candidate, primary)
    assert p_differs(mean.difference, error) == pytest.approx(theirs.pvalue, rel=1e-9)
    interval, their_interval = two_sided(mean.difference, error, 0.95), theirs.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((their_interval.low, their_interval.high), rel=1e-9)
    assert Moments.of(candidate - primary).error() == pytest.approx(error.value, rel=1e-9)


def test_one_sided_bounds_are_the_ends_of_the_wider_two_sided_interval() -> None:
    error = StandardError(2.0, 12.0, 13, "CR2")
    interval, said = two_sided(5.0, error, 0.90), Normal(5.0, error, 0.95, 13).evidence()
    assert (said.lower_bound, said.upper_bound) == pytest.approx((interval.low, interval.high))


def test_no_pairs_have_no_mean() -> None:
    empty = np.array([])
    assert paired_mean(PairedSums.of_pairs(empty, empty, empty)) is None


def test_one_pair_has_a_mean_and_no_error() -> None:
    sums = PairedSums.of_pairs(np.array([3.0]), np.array([5.0]), np.array([0.0]))
    mean = paired_mean(sums)
    assert mean is not None
    assert mean.difference == 2.0
    assert Moments.of(np.array([2.0])).error() is None
    assert robust_error(sums.influence()) is None
