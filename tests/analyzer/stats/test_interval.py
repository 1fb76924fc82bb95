"""Student's interval with degrees of freedom that are no whole number, as robust errors have them."""

import math

import pytest

from analyzer.stats.interval import p_differs, two_sided
from analyzer.stats.moments import Moments
from analyzer.stats.robust import StandardError
from tests.analyzer.stats.reference import Case, reference_case


def _arms(case: Case) -> list[Moments]:
    return [Moments.of_sums(arm["n"], arm["sum"], arm["sum_squares"]) for arm in (case.inputs["a"], case.inputs["b"])]


def _welch_degrees(arms: list[Moments]) -> float:
    """Two independent arms, which the product never has, give fractional degrees of freedom with a known answer."""
    parts = [arm.centred_squares / (arm.n - 1) / arm.n for arm in arms]
    return sum(parts) ** 2 / sum(part**2 / (arm.n - 1) for part, arm in zip(parts, arms, strict=True))


def test_welch_of_two_arms_from_their_sums() -> None:
    case = reference_case("gbstats_welch_abs")
    arms = _arms(case)
    errors = [arm.error() for arm in arms]
    error = StandardError(math.hypot(*(e for e in errors if e is not None)), _welch_degrees(arms), 2, "Welch")
    difference = arms[1].mean - arms[0].mean
    interval = two_sided(difference, error, 1 - case.inputs["alpha"])
    case.check(diff=difference, se=error.value, ci=(interval.low, interval.high), p=p_differs(difference, error))


def test_a_relative_difference_with_the_same_degrees() -> None:
    """Interval and p-value from their lift and its error: a relative change of independent arms is not ours."""
    case = reference_case("gbstats_welch_rel")
    error = StandardError(case.expected["se"], _welch_degrees(_arms(case)), 2, "Welch")
    interval = two_sided(case.expected["lift"], error, 1 - case.inputs["alpha"])
    case.check(ci=(interval.low, interval.high), p=p_differs(case.expected["lift"], error))


def test_a_difference_without_error_is_certain() -> None:
    error = StandardError(0.0, 10.0, 11, "CR2")
    assert p_differs(1.0, error) == 0.0
    assert p_differs(0.0, error) == pytest.approx(1.0)
