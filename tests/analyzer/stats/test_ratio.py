import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.stats.moments import FloatArray
from analyzer.stats.ratio import RatioSums, log_ratio, ratio_difference, ratio_influence
from analyzer.stats.robust import cr1
from tests.analyzer.stats.reference import Case, reference_case


def _columns(case: Case) -> FloatArray:
    return np.stack([case.array(name) for name in ("xc", "yc", "xp", "yp")], axis=1)


def _alone(values: FloatArray) -> RatioSums:
    return RatioSums.of_pairs(values, np.arange(len(values), dtype=np.float64))


def test_ratio_of_one_arm() -> None:
    """Against an arm whose ratio is known exactly (x = 0) only the candidate's error is left."""
    case = reference_case("ratio_delta_single")
    x, y = case.array("x"), case.array("y")
    result = ratio_difference(_alone(np.stack([x, y, np.zeros(10), np.ones(10)], axis=1)))
    assert result is not None
    assert result.independent_error is not None
    case.check(ratio=result.candidate, se=result.independent_error)


def test_difference_of_two_ratios_of_the_same_rows() -> None:
    case = reference_case("ratio_delta_paired_diff")
    result = ratio_difference(_alone(_columns(case)))
    assert result is not None
    assert result.independent_error is not None
    case.check(
        ratio_c=result.candidate, ratio_p=result.primary, diff=result.difference, se_diff=result.independent_error
    )
    log, error = log_ratio(_alone(_columns(case)))
    case.check(log_ratio=log, se_log_ratio=error)


def test_difference_of_two_ratios_from_sums_alone() -> None:
    case = reference_case("ratio_delta_paired_diff_sums")
    sums = RatioSums(
        np.array([case.inputs["n"]], dtype=np.float64),
        case.array("sums")[None, :],
        case.array("second_moments"),
        np.array([0]),
    )
    result = ratio_difference(sums)
    assert result is not None
    assert result.independent_error is not None
    log, error = log_ratio(sums)
    case.check(diff=result.difference, se_diff=result.independent_error, log_ratio=log, se_log_ratio=error)


def test_the_robust_error_over_single_rows_is_the_independent_one() -> None:
    case = reference_case("ratio_delta_paired_diff")
    error = cr1(ratio_influence(_alone(_columns(case))))
    case.check(se_diff=error.value)


@given(st.integers(0, 2**32 - 1))
def test_denominators_of_one_give_the_mean_difference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c, p = rng.lognormal(size=(2, 30))
    values = np.stack([c, np.ones(30), p, np.ones(30)], axis=1)
    result = ratio_difference(_alone(values))
    assert result is not None
    assert result.difference == pytest.approx((c - p).mean())
    assert result.independent_error == pytest.approx((c - p).std(ddof=1) / np.sqrt(30))
    assert result.denominator_z == float("inf")


@given(st.integers(0, 2**32 - 1))
def test_grouping_changes_neither_ratio_nor_total_influence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(60, 4))
    grouped = RatioSums.of_pairs(values, rng.integers(0, 9, 60).astype(np.float64))
    one, other = ratio_difference(grouped), ratio_difference(_alone(values))
    assert one is not None
    assert other is not None
    assert one.difference == pytest.approx(other.difference)
    assert one.independent_error == pytest.approx(other.independent_error)
    assert ratio_influence(grouped).sums.sum() == pytest.approx(0, abs=1e-9 * 60)


def test_an_arm_without_success_has_no_cost_per_success() -> None:
    values = np.array([[1.0, 0.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]])
    assert ratio_difference(_alone(values)) is None


def test_a_denominator_near_zero_is_said_to_be() -> None:
    """One success in thirty: mean 1/30, standard error 1/30."""
    success = np.zeros(30)
    success[0] = 1.0
    result = ratio_difference(_alone(np.stack([np.ones(30), success, np.ones(30), np.ones(30)], axis=1)))
    assert result is not None
    assert result.denominator_z == pytest.approx(1.0)
