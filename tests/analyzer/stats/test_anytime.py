import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from analyzer.evidence import Normal
from analyzer.stats import anytime
from analyzer.stats.anytime import Horizon
from analyzer.stats.moments import Moments
from analyzer.stats.robust import StandardError
from tests.analyzer.stats.reference import reference_case

horizons = st.builds(Horizon, st.floats(200, 1e9), st.floats(100, 1e9))
begun = st.builds(lambda n, share: Horizon(n, n / share), st.floats(200, 1e9), st.floats(0.1, 1e3))
"""From a tenth of the planned pairs on, as statements begin."""
alphas = st.floats(1e-4, 0.2)


def sure(value: float) -> StandardError:
    """An error that is known exactly: no widening for few groups."""
    return StandardError(value, math.inf, 10**6, "known")


def approximate_kappa(alpha: float) -> float:
    """As confseq and gbstats have it, where we take the exact root (Lambert's W)."""
    return -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))


def with_their_kappa(n: float, planned: float, alpha: float) -> Horizon:
    """A horizon at which our exact kappa gives their approximate r."""
    return Horizon(n, planned * anytime.kappa(alpha) / approximate_kappa(alpha))


def test_twenty_values_from_their_sums() -> None:
    case = reference_case("asympcs_20")
    sums = case.inputs["sums"]
    moments = Moments.of_sums(sums["n"], sums["sum"], sums["sum2"])
    error = moments.error()
    assert error is not None
    assert moments.variance is not None
    alpha, horizon = case.inputs["alpha"], Horizon(moments.n, case.inputs["n_star"])
    interval = anytime.two_sided(moments.mean, sure(error), horizon, 1 - alpha)
    case.check(
        mean=moments.mean,
        var_ddof1=moments.variance,
        rho2=anytime.kappa(alpha) / case.inputs["n_star"],
        ci=(interval.low, interval.high),
    )


def test_margins_of_unit_variance() -> None:
    case = reference_case("asympcs_unit_margins")
    alpha, planned = case.inputs["alpha"], case.inputs["n_star"]
    multipliers = [anytime.two_sided_multiplier(Horizon(n, planned), alpha) for n in case.inputs["n"]]
    case.check(
        rho2=anytime.kappa(alpha) / planned,
        margin=[m / math.sqrt(n) for m, n in zip(multipliers, case.inputs["n"], strict=True)],
        ratio_to_fixed_z=[m / float(stats.norm.ppf(1 - alpha / 2)) for m in multipliers],
    )


def test_kappa_is_the_exact_root() -> None:
    """kappa solves ln(1 + kappa) + 2 ln(1/alpha) = kappa; peers approximate it."""
    case = reference_case("asympcs_rho2_gbstats_vs_exact")
    alpha, planned = case.inputs["alpha"], case.inputs["n_star"]
    case.check(rho2_exact=anytime.kappa(alpha) / planned)
    theirs = approximate_kappa(alpha), approximate_kappa(2 * alpha)
    case.check(rho2_approx_gbstats=theirs[0] / planned, rho2_approx_onesided=theirs[1] / planned)
    assert anytime.kappa(alpha) == pytest.approx(theirs[0], rel=0.05)


@given(alphas)
def test_kappa_solves_its_equation(alpha: float) -> None:
    kappa = anytime.kappa(alpha)
    assert math.log1p(kappa) - 2 * math.log(alpha) == pytest.approx(kappa, rel=1e-9)


def test_the_lyapunov_form_is_the_same_with_another_horizon() -> None:
    """Its margin has t v rho^2 where ours has r: the same boundary."""
    case = reference_case("lyapunov_asympcs")
    moments, alpha = Moments.of(case.array("x")), case.inputs["alpha"]
    error = moments.error()
    assert error is not None
    r = moments.centred_squares / (moments.n - 1) * moments.n * case.inputs["rho2"]
    horizon = Horizon(moments.n, anytime.kappa(alpha) * moments.n / r)
    interval = anytime.two_sided(moments.mean, sure(error), horizon, 1 - alpha)
    case.check(ci=(interval.low, interval.high))


def test_the_half_width_of_gbstats() -> None:
    """Their estimate is of independent arms; the multiplier of its error is ours, with their kappa."""
    case = reference_case("gbstats_sequential_rel_1000")
    of, alpha = case.inputs, case.inputs["alpha"]
    horizon = with_their_kappa(of["N"], of["n_star"], alpha)
    interval = anytime.two_sided(case.expected["lift"], sure(case.expected["se"]), horizon, 1 - alpha)
    case.check(
        halfwidth_over_se=anytime.two_sided_multiplier(horizon, alpha),
        ci=(interval.low, interval.high),
        p=anytime.p_differs(case.expected["lift"], sure(case.expected["se"]), horizon, alpha=alpha),
    )


def test_the_e_value_of_a_difference() -> None:
    case = reference_case("asympcs_evalue")
    of, alpha = case.inputs, case.inputs["alpha"]
    horizon = with_their_kappa(of["n"], of["n_star"], alpha)
    interval = anytime.two_sided(of["diff"], sure(of["se"]), horizon, 1 - alpha)
    case.check(
        e=math.exp(anytime.log_e_value(of["diff"], sure(of["se"]), horizon, alpha=alpha)),
        p_always_valid=anytime.p_differs(of["diff"], sure(of["se"]), horizon, alpha=alpha),
        ci=(interval.low, interval.high),
    )


def test_the_normal_mixture_boundary_of_confseq() -> None:
    """A boundary of a sum with variance v is sqrt(v) multipliers wide."""
    case = reference_case("confseq_normal_mixture_two_sided")
    of = case.inputs
    multiplier = anytime.two_sided_multiplier(with_their_kappa(of["v"], of["v_opt"], of["alpha_opt"]), of["alpha"])
    case.check(bound=math.sqrt(of["v"]) * multiplier)


def test_the_one_sided_form_is_a_little_wider_than_the_exact_boundary() -> None:
    """Ours is a closed form (Waudby-Smith et al. 2024) above the mixture over a half-normal, by less than 1 %."""
    case = reference_case("confseq_normal_mixture_one_sided")
    of = case.inputs
    bound = math.sqrt(of["v"]) * anytime.one_sided_multiplier(Horizon(of["v"], of["v_opt"]), of["alpha"])
    assert 1 <= bound / case.expected["bound"] < 1.01


def test_the_one_sided_form_against_counts_of_a_quantile_sequence() -> None:
    """Howard and Ramdas bound counts at or below a quantile by the half-normal mixture with variance n/4, half of alpha
    on each side. (Their intervals for quantiles are not used: three times as wide as ours.)"""
    case = reference_case("quantile_cs_ranks")
    for row, expected in zip(case.inputs["rows"], case.expected["rows"], strict=True):
        multiplier = anytime.one_sided_multiplier(Horizon(row["n"], row["t_opt"]), case.inputs["alpha"] / 2)
        assert 1 <= math.sqrt(row["n"] / 4) * multiplier / expected["count_radius_hoeffding"] < 1.01


@given(begun, alphas)
def test_interval_and_e_value_are_one_thing(horizon: Horizon, alpha: float) -> None:
    """At an end of the interval the evidence against it is exactly 1/alpha."""
    error = StandardError(2.0, 40.0, 41, "CR2")
    interval = anytime.two_sided(5.0, error, horizon, 1 - alpha)
    for end in (interval.low, interval.high):
        log_e = anytime.log_e_value(5.0, error, horizon, value=end, alpha=alpha)
        assert log_e == pytest.approx(-math.log(alpha), rel=1e-6)


@given(begun, alphas)
def test_bound_and_one_sided_p_value_are_one_thing(horizon: Horizon, alpha: float) -> None:
    error = StandardError(2.0, 40.0, 41, "CR2")
    horizon = Horizon(round(horizon.n), max(1, round(horizon.planned)))
    said = Normal(5.0, error, 1 - alpha, round(horizon.n), planned=int(horizon.planned)).evidence()
    distance = 5.0 - said.lower_bound
    assert anytime.p_beyond(distance, error, horizon, alpha=alpha) == pytest.approx(alpha, rel=1e-6)
    assert said.upper_bound == pytest.approx(5.0 + distance)


@given(horizons, alphas)
def test_an_anytime_interval_is_wider_than_one_look(horizon: Horizon, alpha: float) -> None:
    assert anytime.two_sided_multiplier(horizon, alpha) > stats.norm.ppf(1 - alpha / 2)
    assert anytime.one_sided_multiplier(horizon, alpha) > stats.norm.ppf(1 - alpha)


def test_the_interval_is_narrowest_at_the_planned_number() -> None:
    def width(log_n: float) -> float:
        """For one number of pairs, over what might have been planned."""
        return anytime.two_sided_multiplier(Horizon(5000, math.exp(log_n)), 0.05)

    best = optimize.minimize_scalar(width, bounds=(2, 15), method="bounded")
    assert math.exp(best.x) == pytest.approx(5000, rel=0.01)
    assert best.fun / stats.norm.ppf(0.975) == pytest.approx(1.549, abs=0.001)


def test_few_groups_widen_everything() -> None:
    """Student's quantile takes the place of the normal one with the same tail, here 3.035 of 9 degrees."""
    few, many = StandardError(1.0, 9.0, 10, "CR2"), sure(1.0)
    horizon = Horizon(1000, 1000)
    multiplier = anytime.two_sided_multiplier(horizon, 0.05)
    wide, narrow = (anytime.two_sided(0.0, error, horizon, 0.95) for error in (few, many))
    assert narrow.high == pytest.approx(multiplier)
    assert wide.high == pytest.approx(float(stats.t.isf(stats.norm.sf(multiplier), 9)))
    assert anytime.as_normal(wide.high, few) == pytest.approx(multiplier)
    assert anytime.as_normal(-wide.high, few) == pytest.approx(-multiplier)
    assert anytime.p_differs(3.5, few, horizon, alpha=0.05) > anytime.p_differs(3.5, many, horizon, alpha=0.05)


def test_no_statement_before_its_time() -> None:
    assert (anytime.least_pairs(100), anytime.least_pairs(5000), anytime.least_pairs(50_000)) == (200, 500, 5000)


def test_without_spread_there_is_certainty_or_nothing() -> None:
    error, horizon = StandardError(0.0, 20.0, 21, "CR2"), Horizon(1000, 1000)
    assert anytime.p_differs(0.0, error, horizon, alpha=0.05) == 1.0
    assert anytime.p_differs(0.1, error, horizon, alpha=0.05) == 0.0
    assert anytime.p_beyond(0.1, error, horizon, alpha=0.05) == 0.0
    assert anytime.p_beyond(-0.1, error, horizon, alpha=0.05) == 1.0


def test_overwhelming_evidence_does_not_overflow() -> None:
    horizon = Horizon(1e9, 5000)
    assert anytime.p_beyond(1e6, sure(1.0), horizon, alpha=0.05) == 0.0
    assert anytime.p_differs(1e6, sure(1.0), horizon, alpha=0.05) == 0.0


def test_watching_all_the_time_does_not_raise_false_alarms() -> None:
    """1,000 seeded streams of 5,000 normal values without effect, looked at after every value from 200 on: at most 5 %
    ever exclude 0 (plus 3 standard errors); the interval for one look does so in more than 25 %."""
    rng = np.random.default_rng(11)
    n = np.arange(200, 5001)
    multipliers = np.array([anytime.two_sided_multiplier(Horizon(float(k), 5000), 0.05) for k in n])
    anytime_alarms = naive_alarms = 0
    for _ in range(1000):
        z = np.abs(np.cumsum(rng.normal(size=5000))[199:]) / np.sqrt(n)
        anytime_alarms += bool((z > multipliers).any())
        naive_alarms += bool((z > 1.96).any())
    assert anytime_alarms / 1000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert naive_alarms / 1000 > 0.25


def test_a_level_of_one_half_has_bounds_and_p_values() -> None:
    """Tuned at twice 0.5, the mixture would have no variance at all."""
    error, horizon = StandardError(1.0, 99.0, 100, "CR1"), Horizon(1000, 5000)
    bound = Normal(0.0, error, 0.5, 1000, planned=5000).evidence().upper_bound
    assert 0 < bound < 10
    assert anytime.p_beyond(bound, error, horizon, alpha=0.5) == pytest.approx(0.5)
