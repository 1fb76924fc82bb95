from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.multiple import all_hold, benjamini_hochberg, holm
from tests.analyzer.stats.reference import reference_case

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_fifteen_published_p_values() -> None:
    case = reference_case("padjust_bh1995")
    case.check(holm=holm(case.inputs["p"]), BH=benjamini_hochberg(case.inputs["p"]))


def test_a_gate_passes_when_all_pass() -> None:
    case = reference_case("iut_gate")
    p = all_hold(case.inputs["p_noninferiority"])
    case.check(p_overall=p)
    assert (p < case.inputs["alpha"]) is case.expected["go"]


def test_a_gate_of_nothing_passes_nothing() -> None:
    with pytest.raises(ValueError, match="no hypotheses"):
        all_hold([])


@given(p_values)
def test_holm_never_lowers_a_p_value_and_never_exceeds_bonferroni(values: list[float]) -> None:
    for raw, adjusted in zip(values, holm(values), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(values))


@given(p_values, st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order(values: list[float], random: Random) -> None:
    order = random.sample(range(len(values)), len(values))
    shuffled = holm([values[i] for i in order])
    assert [shuffled[order.index(i)] for i in range(len(values))] == pytest.approx(holm(values))


def test_holm_of_nothing() -> None:
    assert holm([]) == []


@given(p_values)
def test_q_values_are_those_of_scipy(values: list[float]) -> None:
    assert benjamini_hochberg(values) == pytest.approx(stats.false_discovery_control(values).tolist())


def test_tied_p_values_have_one_q_value() -> None:
    """Of four, three are tied: 4/3 of the tied value for all of them."""
    assert benjamini_hochberg([0.03, 0.03, 0.5, 0.03]) == pytest.approx([0.04, 0.04, 0.5, 0.04])


@given(p_values)
def test_q_values_lie_between_p_and_holm(values: list[float]) -> None:
    for raw, q, strict in zip(values, benjamini_hochberg(values), holm(values), strict=True):
        assert raw <= q + 1e-15
        assert q <= strict + 1e-12
