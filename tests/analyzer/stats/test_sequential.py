import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from analyzer.stats.anytime import Horizon, kappa
from analyzer.stats.interval import Interval
from analyzer.stats.proportions import PairedCounts, restricted_shares
from analyzer.stats.sequential import (
    always_valid_p,
    hoeffding_interval,
    log_e_multinomial,
    log_e_sample_ratio,
    log_e_share,
    share_interval,
)
from tests.analyzer.stats.reference import reference_case
from tests.analyzer.stats.test_anytime import with_their_kappa

counts = st.integers(0, 500)


def test_sample_ratios_with_a_hundred_pseudo_counts() -> None:
    case = reference_case("srm_sequential_dirichlet")
    log_e = [log_e_sample_ratio(row["counts"], row["theta0"]) for row in case.inputs["rows"]]
    case.check(log_e=log_e, p_always_valid=[always_valid_p(value) for value in log_e])


def test_sample_ratios_with_a_prior_of_ones() -> None:
    case = reference_case("ssrm_unit_test")
    case.check(
        log_e=[log_e_multinomial(row["counts"], row["theta0"], row["concentration"]) for row in case.inputs["rows"]]
    )


def test_the_sign_test_that_may_be_watched() -> None:
    case = reference_case("sequential_sign_test")
    of = case.inputs
    prior = (of["prior"][0], of["prior"][1])
    log_e = log_e_share(of["wins"], of["losses"], prior=prior)
    interval = share_interval(of["wins"], of["losses"], level=1 - of["alpha"], prior=prior)
    case.check(
        e=math.exp(log_e), p_always_valid=always_valid_p(log_e), cs_win_share_of_decided=(interval.low, interval.high)
    )


def test_a_paired_difference_by_the_multinomial_process() -> None:
    """Universal inference: the mixture of all three cells over the most likely shares with a given difference. The
    product uses narrower intervals; the two parts, mixture and restricted shares, are its own."""
    case = reference_case("sequential_tango_win_tie_loss")
    of = case.inputs
    cells = PairedCounts(0, of["n10"], of["n01"], of["n_concordant"])

    def log_e(difference: float) -> float:
        more, less = restricted_shares(cells, difference)
        observed = (cells.candidate_only, cells.primary_only, cells.neither)
        return log_e_multinomial(observed, (more, less, 1 - more - less), of["prior"])

    case.check(estimate=cells.difference, log_e_at_zero=log_e(0.0), p_always_valid_zero=always_valid_p(log_e(0.0)))
    for end in case.expected["cs"]:
        assert log_e(end) == pytest.approx(-math.log(of["alpha"]), abs=1e-4)


def _centred_prior(share: float, planned: float, alpha: float) -> tuple[float, float]:
    """confseq's: centred at the hypothesis, as strong as makes the sequence narrowest at a number of trials."""
    spread = share * (1 - share)
    theirs = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    strength = max(planned * spread / theirs - spread, 1e-3 * spread)
    return strength / (1 - share), strength / share


@pytest.mark.parametrize("case_id", ["confseq_bernoulli_cs_700_1000", "confseq_bernoulli_cs_15_50"])
def test_at_the_ends_of_a_published_sequence_the_evidence_is_one_over_alpha(case_id: str) -> None:
    """Their prior changes with the hypothesis; the beta-binomial mixture is the same."""
    case = reference_case(case_id)
    of = case.inputs
    for end in case.expected["ci"]:
        prior = _centred_prior(end, of["t_opt"], of["alpha_opt"])
        log_e = log_e_share(of["successes"], of["n"] - of["successes"], share=end, prior=prior)
        assert log_e == pytest.approx(-math.log(of["alpha"]), rel=1e-4)


def test_on_a_published_boundary_the_evidence_is_one_over_alpha() -> None:
    """A sum of values -g and h with variance v: n = v / (g h) trials, of which bound + g n are events."""
    case = reference_case("confseq_beta_binomial_bound_two_sided")
    of = case.inputs
    n = of["v"] / (of["g"] * of["h"])
    share = of["g"] / (of["g"] + of["h"])
    events = (case.expected["bound"] + of["g"] * n) / (of["g"] + of["h"])
    prior = _centred_prior(share, of["v_opt"] / (of["g"] * of["h"]), of["alpha_opt"])
    assert log_e_share(events, n - events, share=share, prior=prior) == pytest.approx(-math.log(of["alpha"]), rel=1e-4)


def test_bounded_scores_from_raw_values() -> None:
    case = reference_case("hoeffding_mixture_cs")
    x, alpha = case.array("x"), case.inputs["alpha"]
    horizon = with_their_kappa(len(x), case.inputs["t_opt"], alpha)
    interval = hoeffding_interval(len(x), float(x.mean()), horizon, 1 - alpha, low=0.0, high=1.0)
    case.check(ci_final=(interval.low, interval.high))


def test_bounded_scores_from_their_number_and_mean() -> None:
    case = reference_case("hoeffding_stateless_score")
    of = case.inputs
    horizon = with_their_kappa(of["n"], of["t_opt"], of["alpha"])
    low, high = of["range"]
    interval = hoeffding_interval(of["n"], of["mean"], horizon, 1 - of["alpha"], low=low, high=high)
    case.check(ci=(interval.low, interval.high), radius=of["mean"] - interval.low)


@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(0.1, 50))
def test_scores_on_another_scale_have_the_interval_on_that_scale(n: int, mean: float, scale: float) -> None:
    horizon = Horizon(n, 1000)
    unit = hoeffding_interval(n, mean, horizon, 0.95, low=0.0, high=1.0)
    scaled = hoeffding_interval(n, 3 + scale * mean, horizon, 0.95, low=3.0, high=3 + scale)
    assert (scaled.low, scaled.high) == pytest.approx((3 + scale * unit.low, 3 + scale * unit.high))


@given(counts, counts, st.floats(0.01, 0.99), st.floats(0.2, 5), st.floats(0.2, 5))
def test_two_classes_are_a_share(events: int, others: int, share: float, a: float, b: float) -> None:
    binomial = log_e_share(events, others, share=share, prior=(a, b))
    multinomial = log_e_multinomial((events, others), (share, 1 - share), (a, b))
    assert binomial == pytest.approx(multinomial, rel=1e-9, abs=1e-8)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_the_evidence_is_a_likelihood_ratio_averaged_over_alternatives(events: int, others: int) -> None:
    """With a flat prior: the integral of p^events (1 - p)^others by quadrature, times 2^n."""
    p = np.linspace(0, 1, 200_001)
    integral = np.trapezoid(p**events * (1 - p) ** others, p)
    expected = math.log(integral) + (events + others) * math.log(2)
    assert log_e_share(events, others, prior=(1.0, 1.0)) == pytest.approx(expected, abs=1e-4)


def test_the_expected_evidence_under_the_hypothesis_is_one() -> None:
    """Summed over everything that can happen in 40 draws: an e-value, exactly."""
    events = np.arange(41)
    chance = stats.binom.pmf(events, 40, 0.3)
    e = np.exp([log_e_share(int(k), 40 - int(k), share=0.3) for k in events])
    assert float(chance @ e) == pytest.approx(1.0, rel=1e-9)


@settings(deadline=None)
@given(counts, counts, st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_is_all_shares_without_evidence_against_them(events: int, others: int, level: float) -> None:
    interval = share_interval(events, others, level=level)
    assert 0 <= interval.low <= interval.high <= 1
    for end, is_inside in ((interval.low, interval.low > 0), (interval.high, interval.high < 1)):
        if is_inside:
            assert log_e_share(events, others, share=end) == pytest.approx(-math.log1p(-level), abs=1e-6)
    if events + others:
        assert interval.low <= events / (events + others) <= interval.high


def test_wins_and_losses_change_places() -> None:
    assert log_e_share(30, 12) == pytest.approx(log_e_share(12, 30))
    one, other = share_interval(30, 12, level=0.95), share_interval(12, 30, level=0.95)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_nothing_seen_is_no_evidence() -> None:
    assert log_e_share(0, 0) == pytest.approx(0.0)
    assert log_e_sample_ratio((0, 0), (0.1, 0.9)) == pytest.approx(0.0)
    assert share_interval(0, 0, level=0.95) == Interval(0.0, 1.0)


def test_what_cannot_happen_and_did_is_certain_evidence() -> None:
    assert log_e_sample_ratio((1, 99), (0.0, 1.0)) == math.inf
    assert always_valid_p(math.inf) == 0.0
    assert log_e_sample_ratio((0, 99), (0.0, 1.0)) == pytest.approx(0.0)
    assert log_e_share(3, 5, share=0.0) == math.inf
    assert log_e_share(0, 5, share=0.0) == pytest.approx(float(special.betaln(0.5, 5.5) - special.betaln(0.5, 0.5)))


def test_a_billion_units_keep_their_digits() -> None:
    """Against Laplace's approximation of the mixture (its relative error is of order 1/n)."""
    n, share = 10**9, 0.05
    events = round(n * share) + 20_000
    observed = events / n
    gain = events * math.log(observed / share) + (n - events) * math.log((1 - observed) / (1 - share))
    prior = stats.beta.logpdf(observed, 100 * share, 100 * (1 - share))
    laplace = gain + prior + 0.5 * math.log(2 * math.pi * observed * (1 - observed) / n)
    assert log_e_sample_ratio((events, n - events), (share, 1 - share)) == pytest.approx(laplace, abs=1e-3)


def test_watching_a_healthy_sample_does_not_alarm() -> None:
    """500 seeded streams of 200 hours with 2,000 requests each, share 5 %, tested every hour: E exceeds 20 in no more
    than 5 % of them. A drift to 5.25 % is found in most."""
    rng = np.random.default_rng(2)
    healthy = np.cumsum(rng.binomial(2000, 0.05, size=(500, 200)), axis=1)
    drifted = np.cumsum(rng.binomial(2000, 0.0525, size=(50, 200)), axis=1)
    n = 2000 * np.arange(1, 201)

    def ever(totals: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
        e = special.betaln(5 + totals, 95 + n - totals) - special.betaln(5, 95)
        e = e - totals * math.log(0.05) - (n - totals) * math.log(0.95)
        assert log_e_sample_ratio((int(totals[0, 9]), 20_000 - int(totals[0, 9])), (0.05, 0.95)) == pytest.approx(
            float(e[0, 9]), abs=1e-7
        )
        return float((e > math.log(20)).any(axis=1).mean())

    assert ever(healthy) <= 0.05
    assert ever(drifted) >= 0.9


def test_hoeffding_needs_the_same_kappa_as_every_other_sequence() -> None:
    """At n = n* the multiplier is sqrt(kappa + 1), so the half width is known in closed form."""
    interval = hoeffding_interval(400, 0.5, Horizon(400, 400), 0.95, low=0.0, high=1.0)
    assert interval.high - 0.5 == pytest.approx(0.5 / 20 * math.sqrt(kappa(0.05) + 1))


@pytest.mark.parametrize(("events", "others"), [(1e-9, 100.0), (0.3, 1e12), (1e-3, 1e-3), (5e11, 5e11)])
def test_fractions_of_events_and_huge_counts_have_an_interval(events: float, others: float) -> None:
    """Counts of dependent units are divided by the size of these."""
    for one, other in ((events, others), (others, events)):
        interval = share_interval(one, other, level=0.95)
        assert 0 <= interval.low <= one / (one + other) <= interval.high <= 1
