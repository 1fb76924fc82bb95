import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from analyzer.stats.proportions import (
    PairedCounts,
    mcnemar,
    newcombe_interval,
    p_above,
    p_below,
    restricted_shares,
    score_interval,
    score_z,
    sign_test,
    wilson,
)
from tests.analyzer.stats.reference import Case, reference_case

cells = st.integers(0, 400)
tables = st.builds(PairedCounts, cells, cells, cells, cells).filter(lambda counts: counts.n > 0)


def _counts(case: Case) -> PairedCounts:
    of = case.inputs
    return PairedCounts(of["n11"], of["n10"], of["n01"], of["n00"])


def _turned(counts: PairedCounts) -> PairedCounts:
    return PairedCounts(counts.both, counts.primary_only, counts.candidate_only, counts.neither)


@pytest.mark.parametrize("case_id", ["tango_bentur", "tango_cavo", "tango_1998_cross_over", "tango_zero_cell_95"])
def test_score_intervals_that_were_published(case_id: str) -> None:
    case = reference_case(case_id)
    interval = score_interval(_counts(case), 1 - case.inputs["alpha"])
    case.check(estimate=_counts(case).difference, ci=(interval.low, interval.high))


def test_an_error_rate_against_a_margin() -> None:
    case = reference_case("tango_noninferiority_error_rate")
    of = case.inputs
    counts = PairedCounts(0, of["n10"], of["n01"], of["n"] - of["n10"] - of["n01"])
    interval = score_interval(counts, 0.90)
    case.check(
        z=score_z(counts, of["margin"]), p=p_below(counts, limit=of["margin"]), ci90=(interval.low, interval.high)
    )


@pytest.mark.parametrize("case_id", ["mcnemar_bentur", "mcnemar_cavo"])
def test_mcnemar_in_four_forms(case_id: str) -> None:
    case = reference_case(case_id)
    result = mcnemar(_counts(case))
    case.check(
        chi2=result.statistic,
        p_asymptotic=result.p_asymptotic,
        p_continuity=result.p_continuity,
        p_exact=result.p_exact,
        p_mid=result.p_mid,
    )


def test_newcombe_method_10() -> None:
    case = reference_case("newcombe_paired_bentur")
    interval = newcombe_interval(_counts(case), 1 - case.inputs["alpha"])
    case.check(estimate=_counts(case).difference, ci=(interval.low, interval.high))


def test_the_score_interval_is_near_that_of_bonett_and_price() -> None:
    """A third formula (Wald after adding a pair to each discordant cell), which the product does not use."""
    case = reference_case("bonett_price_bentur")
    interval = score_interval(_counts(case), 1 - case.inputs["alpha"])
    assert (interval.low, interval.high) == pytest.approx(tuple(case.expected["ci"]), abs=0.015)


@pytest.mark.parametrize("case_id", ["wilson_81_263", "wilson_15_148"])
def test_wilson_intervals_that_were_published(case_id: str) -> None:
    case = reference_case(case_id)
    interval = wilson(case.inputs["x"], case.inputs["n"], 1 - case.inputs["alpha"])
    case.check(ci=(interval.low, interval.high))


@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(events: int, others: int, level: float) -> None:
    interval = wilson(events, events + others, level)
    theirs = stats.binomtest(events, events + others).proportion_ci(level, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_quantile_test_is_a_sign_test() -> None:
    """Of 10 values 4 lie at or below the hypothetical median: scipy's quantile test, and the sign test of 4 to 6."""
    case = reference_case("quantile_test_scipy")
    below = int((case.array("x") <= case.inputs["q0"]).sum())
    case.check(statistic=below, p=sign_test(below, len(case.inputs["x"]) - below))


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_sign_test_is_scipys_binomial_test(one: int, other: int) -> None:
    theirs = stats.binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert sign_test(one, other) == pytest.approx(theirs, rel=1e-9)


@settings(deadline=None)
@given(tables, st.floats(-0.99, 0.99))
def test_the_restricted_shares_have_the_highest_likelihood(counts: PairedCounts, difference: float) -> None:
    """Against a search over q: the multinomial likelihood with candidate_only = q + difference, primary_only = q."""
    low, high = max(0.0, -difference), (1 - difference) / 2

    def less_likely(q: float) -> float:
        agree = counts.both + counts.neither
        shares = (q + difference, q, max(1 - 2 * q - difference, 0.0))
        return -sum(
            float(count * np.log(max(share, 1e-300)))
            for count, share in zip((counts.candidate_only, counts.primary_only, agree), shares, strict=True)
        )

    more, less = restricted_shares(counts, difference)
    assert more - less == pytest.approx(difference, abs=1e-12)
    found = optimize.minimize_scalar(less_likely, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    assert less_likely(less) <= found.fun + 1e-6 * (1 + abs(found.fun))


@settings(deadline=None)
@given(tables, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_and_test_are_one_thing(counts: PairedCounts, level: float) -> None:
    """At an end within (-1, 1) the score is the normal quantile; the estimate lies between the ends."""
    interval, z = score_interval(counts, level), stats.norm.ppf(0.5 + level / 2)
    assert -1 <= interval.low <= counts.difference <= interval.high <= 1
    if interval.low > -1 + 1e-6:
        assert score_z(counts, interval.low) == pytest.approx(z, rel=1e-4)
    if interval.high < 1 - 1e-6:
        assert score_z(counts, interval.high) == pytest.approx(-z, rel=1e-4)


@given(tables)
def test_exchanging_the_arms_turns_everything_around(counts: PairedCounts) -> None:
    one, other = score_interval(counts, 0.95), score_interval(_turned(counts), 0.95)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert p_above(counts, limit=-0.02) == pytest.approx(p_below(_turned(counts), limit=0.02), abs=1e-9)
    assert mcnemar(counts) == mcnemar(_turned(counts))


@given(tables, st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_a_wider_margin_is_easier_to_meet(counts: PairedCounts, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    assert p_below(counts, limit=wide) <= p_below(counts, limit=narrow) + 1e-9


@given(tables)
def test_a_higher_level_is_wider(counts: PairedCounts) -> None:
    narrow, wide = score_interval(counts, 0.9), score_interval(counts, 0.99)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


def test_nothing_seen_in_many_pairs_says_a_lot() -> None:
    """No event at all: z^2 / (n + z^2) on either side, and no division by zero."""
    counts = PairedCounts(0, 0, 0, 10_000)
    z = 1.6448536269514722
    interval = score_interval(counts, 0.90)
    assert interval.high == pytest.approx(z**2 / (10_000 + z**2))
    assert interval.low == -interval.high
    assert p_below(counts, limit=0.001) < 0.05 < p_below(counts, limit=0.0001)
    assert score_z(counts, 0.0) == 0.0
    assert mcnemar(counts).p_mid == 1.0


def test_all_pairs_alike_reach_the_end() -> None:
    counts = PairedCounts(0, 30, 0, 0)
    interval = score_interval(counts, 0.95)
    assert interval.high == 1.0
    assert score_z(counts, interval.low) == pytest.approx(1.959964)
    assert score_z(counts, 1.0) == 0.0
    assert p_above(counts, limit=0.5) == pytest.approx(stats.norm.sf(30 * 0.5 / math.sqrt(30 * 0.5 * 1.5)))


@pytest.mark.parametrize("n", [10**6, 10**9, 10**12])
def test_a_billion_pairs_have_the_interval_of_the_normal_approximation(n: int) -> None:
    counts = PairedCounts(0, 0.02 * n, 0.03 * n, 0.95 * n)
    error = math.sqrt((0.05 - 0.01**2) / n)
    interval = score_interval(counts, 0.95)
    assert (interval.low, interval.high) == pytest.approx(
        (-0.01 - 1.959964 * error, -0.01 + 1.959964 * error), rel=1e-3
    )


def test_dependent_pairs_count_as_fewer() -> None:
    counts = PairedCounts(900, 60, 40, 1000)
    assert counts.scaled(4.0) == PairedCounts(225, 15, 10, 250)
    assert counts.scaled(0.5) == counts
    whole, quarter = score_interval(counts, 0.95), score_interval(counts.scaled(4.0), 0.95)
    assert quarter.high - quarter.low == pytest.approx(2 * (whole.high - whole.low), rel=0.06)


def test_equal_discordant_counts_have_no_evidence() -> None:
    """Fagerland, Lydersen and Laake: the mid-p is then 1 less half of the point probability."""
    result = mcnemar(PairedCounts(5, 7, 7, 5))
    assert (result.statistic, result.p_exact) == (0.0, 1.0)
    assert result.p_mid == pytest.approx(1 - 0.5 * math.comb(14, 7) / 2**14)


def test_the_score_interval_covers_rare_differences() -> None:
    """1,000 seeded studies of 400 pairs, shares 2 % and 1 % of discordant pairs: the 95 % interval covers 95 %, within
    3 standard errors of the simulation (0.7 points each) on the low side."""
    rng = np.random.default_rng(5)
    draws = rng.multinomial(400, [0.02, 0.01, 0.97], size=1000)
    held = 0
    for more, less, agree in draws.tolist():
        interval = score_interval(PairedCounts(0, more, less, agree), 0.95)
        held += interval.low <= 0.01 <= interval.high
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000) < held / 1000 < 0.98


def test_newcombe_and_tango_agree_in_large_tables() -> None:
    counts = PairedCounts(700, 90, 60, 150)
    one, other = score_interval(counts, 0.95), newcombe_interval(counts, 0.95)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.001)


def test_newcombe_without_any_event() -> None:
    interval = newcombe_interval(PairedCounts(0, 0, 0, 50), 0.95)
    assert interval.low < 0 < interval.high
