"""Pairs, dollars and time that a verdict still takes, against closed forms and simulation."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.needed import needed
from analyzer.results import Comparison, Needed
from analyzer.stats.robust import StandardError
from tests.analyzer.stats.reference import reference_case
from tests.analyzer.studies import row

PLANNED = 5000


def error_of(sigma: float, n: int) -> StandardError:
    return StandardError(sigma / math.sqrt(n), 199.0, 200, "CR1")


def judged(**fields: Any) -> Comparison:
    """A thousand judged pairs, no difference, of which 0.05 is allowed."""
    values: dict[str, Any] = {"worse": (-0.06, 0.0, 0.06), "margin": 0.05, "n": 1000, "kind": "fixed"}
    return row("judge_score", **(values | fields))


def test_non_inferiority_takes_what_the_reference_says() -> None:
    case = reference_case("ni_sample_size_normal")
    made = judged(margin=case.inputs["margin"])
    found = needed(made, error_of(case.inputs["sd_diff"], 1000), planned=PLANNED, power=case.inputs["power"])
    assert found.pairs == math.ceil(case.expected["n"]) - 1000


def test_an_anytime_statement_takes_what_the_reference_says() -> None:
    """The reference has an approximation of kappa (6.33 for 6.64), which moves n by less than a thousandth."""
    case = reference_case("ni_sample_size_anytime")
    made = judged(kind="anytime", margin=case.inputs["margin"])
    planned, error = case.inputs["n_star"], error_of(case.inputs["sd_diff"], 1000)
    found = needed(made, error, planned=planned, power=case.inputs["power"])
    assert found.pairs is not None
    assert 1000 + found.pairs == pytest.approx(case.expected["n"], rel=1e-3)


def test_better_takes_the_distance_from_no_difference() -> None:
    """((1.6449 + 0.8416) 1.1 / 0.05)^2, as for a margin of 0.05 and no difference."""
    made = judged(worse=(-0.11, -0.05, 0.01), margin=None, require="better")
    n = ((stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) * 1.1 / 0.05) ** 2
    assert needed(made, error_of(1.1, 1000), planned=PLANNED).pairs == math.ceil(n) - 1000


@pytest.mark.parametrize("name", ["judge_score", "total_ms"])
def test_a_difference_on_the_good_side_takes_less_and_on_the_bad_side_more(name: str) -> None:
    """In either direction of better, the distance is margin less what it is worse."""
    for worse in (-0.02, 0.02):
        made = row(name, worse=(worse - 0.06, worse, worse + 0.06), margin=0.05, kind="fixed")
        n = ((stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) * 1.1 / (0.05 - worse)) ** 2
        assert needed(made, error_of(1.1, 1000), planned=PLANNED).pairs == math.ceil(n) - 1000


def test_equivalence_has_the_power_that_was_asked_for() -> None:
    """100,000 draws of an estimate at that n: both bounds hold in 80 % (Monte-Carlo error 0.13 points, 4 of them)."""
    made = judged(require="equivalent")
    found = needed(made, error_of(1.1, 1000), planned=PLANNED, power=0.8)
    assert found.pairs is not None
    error = 1.1 / math.sqrt(1000 + found.pairs)
    drawn = np.abs(np.random.default_rng(7).normal(0.0, error, 100_000))
    hold = float(np.mean(drawn + stats.norm.ppf(0.95) * error < 0.05))
    assert hold == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / 100_000))


def test_an_equivalence_off_the_middle_has_at_least_that_power() -> None:
    made = judged(worse=(-0.05, 0.01, 0.07), require="equivalent")
    found = needed(made, error_of(1.1, 1000), planned=PLANNED, power=0.8)
    assert found.pairs is not None
    error = 1.1 / math.sqrt(1000 + found.pairs)
    z = stats.norm.ppf(0.95)
    power = stats.norm.cdf(0.04 / error - z) - stats.norm.cdf(-0.06 / error + z)
    assert 0.8 <= power <= 0.95


def test_dollars_and_seconds_are_those_of_the_pairs() -> None:
    found = needed(judged(), error_of(1.1, 1000), planned=PLANNED, usd_per_pair=0.004, pairs_per_second=2.5)
    assert found.pairs == 1993
    assert found.usd == pytest.approx(1993 * 0.004)
    assert found.eta_seconds == pytest.approx(1993 / 2.5)
    unknown = needed(judged(), error_of(1.1, 1000), planned=PLANNED)
    assert (unknown.usd, unknown.eta_seconds) == (None, None)
    assert needed(judged(), error_of(1.1, 1000), planned=PLANNED, pairs_per_second=0.0).eta_seconds is None


def test_where_a_fifth_of_the_pairs_is_judged_five_times_as_many_are_needed() -> None:
    found = needed(judged(), error_of(1.1, 1000), planned=PLANNED, recorded=5000, usd_per_pair=0.01)
    assert found.pairs == 5 * 1993
    assert found.usd == pytest.approx(5 * 1993 * 0.01)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"worse": (0.0, 0.06, 0.12)}, "beyond the margin"),
        ({"worse": (0.0, 0.06, 0.12), "require": "equivalent"}, "beyond the margin"),
        ({"worse": (-0.1, 0.01, 0.1), "require": "better"}, "no better"),
        ({"worse": (-0.1, 0.0, 0.1), "require": "better"}, "no better"),
    ],
)
def test_on_the_wrong_side_there_is_a_reason_instead_of_a_number(fields: dict[str, Any], said: str) -> None:
    found = needed(judged(**fields), error_of(1.1, 1000), planned=PLANNED, usd_per_pair=1.0)
    assert (found.pairs, found.usd, found.eta_seconds) == (None, None, None)
    assert found.reason is not None
    assert said in found.reason


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"difference": None, "reason": "no pair has been judged"}, error_of(1, 10), "no pair has been judged"),
        ({"difference": math.nan}, error_of(1, 10), "no difference"),
        ({"margin": None}, error_of(1, 10), "no margin"),
        ({"margin": None, "require": "equivalent"}, error_of(1, 10), "no margin"),
        ({}, None, "how much pairs vary is not known"),
        ({}, StandardError(0.0, 1.0, 2, "CR2"), "how much pairs vary is not known"),
        ({}, StandardError(math.nan, 1.0, 2, "CR2"), "how much pairs vary is not known"),
        ({}, StandardError(1e9, 1.0, 2, "CR2"), "no number of pairs"),
    ],
)
def test_what_cannot_be_said_says_why(fields: dict[str, Any], error: StandardError | None, said: str) -> None:
    found = needed(replace(judged(), **fields), error, planned=PLANNED)
    assert found.pairs is None
    assert found.reason is not None
    assert said in found.reason


def test_where_neither_direction_is_better_only_equivalence_can_be_asked() -> None:
    made = row("output_tokens", margin=10.0, kind="fixed", worse=(-1.0, 0.0, 1.0))
    assert needed(made, error_of(100, 1000), planned=PLANNED).reason == "neither direction is better by itself"
    assert needed(replace(made, require="equivalent"), error_of(100, 1000), planned=PLANNED).pairs is not None


def test_what_is_there_takes_nothing_more() -> None:
    found = needed(judged(p_margin=0.01), error_of(0.1, 1000), planned=PLANNED, usd_per_pair=1.0, pairs_per_second=1.0)
    assert (found.pairs, found.usd, found.eta_seconds) == (0, 0.0, 0.0)


@pytest.mark.parametrize(("planned", "least"), [(1000, 200), (20_000, 2000)])
def test_no_anytime_statement_is_promised_before_they_begin(planned: int, least: int) -> None:
    """However clear the difference: 200 pairs, or a tenth of what was planned."""
    made = judged(kind="anytime", n=50, blocks=40)
    assert needed(made, error_of(0.001, 50), planned=planned).pairs == least - 50


def test_nor_before_ten_time_blocks() -> None:
    """At fifty pairs a block, six more blocks are 300 pairs."""
    made = judged(kind="anytime", n=200, blocks=4)
    assert needed(made, error_of(0.001, 200), planned=1000).pairs == 300


@pytest.mark.parametrize(("estimand", "least"), [("p50", 500), ("p95", 1000), ("p99", 5000)])
def test_nor_before_a_quantile_has_the_pairs_that_it_needs(estimand: str, least: int) -> None:
    """A tail of 50 pairs: 50 / 0.05 and 50 / 0.01; the median begins with the rest, at a tenth of the planned."""
    made = row(estimand=estimand, n=300, kind="anytime", interval=None, reason="300 pairs count")
    assert needed(made, None, planned=PLANNED).reason == (
        f"how much pairs vary is not known yet; statements begin after {least - 300:,} more"
    )


def test_where_pairs_do_not_vary_the_reason_stands_and_no_number_of_pairs() -> None:
    made = row(kind="anytime", interval=None, reason="all pairs differ by the same")
    assert needed(made, None, planned=PLANNED) == Needed(None, None, None, "all pairs differ by the same")


def test_without_an_error_the_beginning_of_statements_is_said() -> None:
    found = needed(judged(kind="anytime", n=50, blocks=40), None, planned=20_000)
    assert found.reason == "how much pairs vary is not known yet; statements begin after 1,950 more"


@given(
    st.floats(-1, 1),
    st.floats(1e-6, 10),
    st.floats(1e-3, 100),
    st.integers(1, 10**6),
    st.sampled_from(["fixed", "anytime"]),
    st.sampled_from(["not_worse", "better", "equivalent"]),
)
def test_there_is_a_number_or_a_reason(
    worse: float, margin: float, sigma: float, n: int, kind: Any, require: Any
) -> None:
    """And more of the same pairs never takes longer than fewer did."""
    made = judged(worse=(worse - 1, worse, worse + 1), margin=margin, n=n, kind=kind, require=require)
    found = needed(made, error_of(sigma, n), planned=PLANNED)
    assert (found.pairs is None) is (found.reason is not None)
    if found.pairs is not None:
        later = needed(replace(made, n=n + found.pairs), error_of(sigma, n + found.pairs), planned=PLANNED)
        assert later.pairs in {0, 1, 2}
