import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from analyzer.stats import hall
from analyzer.stats.moments import Moments
from tests.analyzer.stats.reference import reference_case

skewnesses = st.one_of(st.just(0.0), st.floats(-60, 60), st.floats(-1e-6, 1e-6))
multipliers = st.floats(-6, 6)


def test_bounds_of_skewed_values() -> None:
    """Hall's own error has the divisor n."""
    case = reference_case("hall_skewness_corrected")
    sums = case.inputs["sums"]
    moments = Moments.of_sums(sums["n"], sums["s1"], sums["s2"], sums["s3"])
    assert moments.skewness is not None
    assert moments.variance is not None
    error = math.sqrt(moments.centred_squares) / moments.n
    z = float(stats.norm.ppf(1 - case.inputs["alpha_one_sided"]))
    shape = (moments.mean, error, moments.skewness, moments.n)
    case.check(
        mean=moments.mean,
        skewness=moments.skewness,
        z_hall_mu0=hall.corrected_z(*shape, value=0.0),
        lower_95=hall.lower(*shape, z),
        upper_95=hall.upper(*shape, z),
    )


@given(skewnesses, st.integers(1, 10**6), multipliers)
def test_the_bound_is_where_the_corrected_z_is_the_multiplier(skewness: float, n: int, multiplier: float) -> None:
    """The closed form of the inverse, put into the cubic itself."""
    low = hall.lower(3.0, 0.5, skewness, n, multiplier)
    scale = 1 + abs(multiplier) + abs(skewness) / math.sqrt(n)
    assert hall.corrected_z(3.0, 0.5, skewness, n, value=low) == pytest.approx(multiplier, abs=1e-6 * scale)


@given(st.floats(-5, 5), st.integers(5, 10_000), st.floats(0.5, 4))
def test_the_bound_is_that_of_a_root_finder(skewness: float, n: int, multiplier: float) -> None:
    gamma = skewness / math.sqrt(n)

    def cubic(t: float) -> float:
        return t + gamma * t**2 / 3 + gamma**2 * t**3 / 27 + gamma / 6 - multiplier

    t = optimize.brentq(cubic, -1e4, 1e4, xtol=1e-12)
    assert hall.lower(0.0, 1.0, skewness, n, multiplier) == pytest.approx(-t, abs=1e-5)


@given(skewnesses, st.integers(1, 10**6), multipliers, multipliers)
def test_more_confidence_moves_a_bound_outwards(skewness: float, n: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert hall.lower(0.0, 1.0, skewness, n, more) <= hall.lower(0.0, 1.0, skewness, n, less) + 1e-9
    assert hall.upper(0.0, 1.0, skewness, n, more) >= hall.upper(0.0, 1.0, skewness, n, less) - 1e-9


@given(skewnesses, st.integers(1, 10**6), st.floats(0, 6))
def test_mirrored_values_have_mirrored_bounds(skewness: float, n: int, multiplier: float) -> None:
    low = hall.lower(2.0, 1.5, skewness, n, multiplier)
    assert hall.upper(-2.0, 1.5, -skewness, n, multiplier) == pytest.approx(-low, rel=1e-9, abs=1e-9)


@given(st.floats(-5, 5), multipliers)
def test_without_skewness_or_with_endless_pairs_nothing_is_corrected(skewness: float, multiplier: float) -> None:
    plain = 1.0 - 2.0 * multiplier
    assert hall.lower(1.0, 2.0, 0.0, 100, multiplier) == pytest.approx(plain)
    assert hall.lower(1.0, 2.0, skewness, 1e14, multiplier) == pytest.approx(plain, abs=1e-4)


def test_a_right_tail_moves_both_bounds_up() -> None:
    """The plain bound claims "the mean is low" too often; the lower one is too cautious."""
    assert hall.upper(0.0, 1.0, 3.0, 100, 1.645) > 1.645
    assert hall.lower(0.0, 1.0, 3.0, 100, 1.645) > -1.645


def test_without_error_a_bound_is_the_mean() -> None:
    assert hall.lower(4.0, 0.0, 2.0, 50, 1.645) == hall.upper(4.0, 0.0, 2.0, 50, 1.645) == 4.0


def test_rules_of_thumb_for_the_number_of_pairs() -> None:
    assert hall.pairs_for_display(3.0) == 25 * 9
    assert hall.pairs_for_display(0.0) == 0
    assert hall.pairs_for_display(-3.0) == 25 * 9


def test_the_correction_halves_what_skewness_does_to_a_bound() -> None:
    """4,000 seeded samples of 100 exponential values (skewness 2). The plain upper bound misses the mean too often;
    Hall's misses it about as often as it should (5 %, standard error of the simulation 0.34 points)."""
    rng = np.random.default_rng(3)
    samples = rng.exponential(size=(4000, 100))
    plain = corrected = 0
    for moments in map(Moments.of, samples):
        assert moments.skewness is not None
        error = math.sqrt(moments.centred_squares) / moments.n
        plain += moments.mean + 1.645 * error < 1
        corrected += hall.upper(moments.mean, error, moments.skewness, moments.n, 1.645) < 1
    assert plain / 4000 > 0.07
    assert abs(corrected / 4000 - 0.05) < 0.015
