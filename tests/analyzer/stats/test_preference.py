import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.preference import Preferences
from tests.analyzer.stats.reference import reference_case

counts = st.integers(0, 2000)
preferences = st.builds(Preferences, counts, counts, counts).filter(lambda p: p.n > 0)


def test_wins_ties_and_losses() -> None:
    case = reference_case("net_win_rate_tango")
    of = case.inputs
    judged = Preferences(of["win"], of["tie"], of["loss"])
    net, rate = judged.net_interval(1 - of["alpha"]), judged.win_rate_interval(1 - of["alpha"])
    case.check(
        net_win=judged.net_win_rate,
        net_ci=(net.low, net.high),
        win_rate_half_ties=judged.win_rate,
        win_rate_ci=(rate.low, rate.high),
        sign_test_p=judged.p_sign(),
    )


@given(preferences)
def test_exchanging_the_answers_mirrors_the_win_rate(judged: Preferences) -> None:
    turned = Preferences(judged.losses, judged.ties, judged.wins)
    one, other = judged.win_rate_interval(0.95), turned.win_rate_interval(0.95)
    assert turned.win_rate == pytest.approx(1 - judged.win_rate)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low), abs=1e-9)
    assert judged.p_sign() == turned.p_sign()


@given(preferences)
def test_a_win_rate_lies_within_its_interval_and_that_within_0_and_1(judged: Preferences) -> None:
    interval = judged.win_rate_interval(0.95)
    assert 0 <= interval.low <= judged.win_rate <= interval.high <= 1


def test_only_ties_say_that_the_arms_are_near_each_other() -> None:
    judged = Preferences(0, 400, 0)
    assert judged.win_rate == 0.5
    assert judged.p_sign() == 1.0
    assert judged.net_interval(0.95).high == pytest.approx(1.959964**2 / (400 + 1.959964**2))


def test_without_ties_the_sign_test_is_the_binomial_test() -> None:
    assert Preferences(60, 0, 40).p_sign() == pytest.approx(stats.binomtest(60, 100).pvalue)
