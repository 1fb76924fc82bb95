import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from analyzer.stats.bradley_terry import bradley_terry
from analyzer.stats.moments import FloatArray
from tests.analyzer.stats.reference import reference_case


def test_citations_between_four_journals() -> None:
    case = reference_case("bradley_terry_stigler")
    fit = bradley_terry(case.array("wins"), reference=case.inputs["items"].index(case.inputs["reference"]))
    assert fit is not None
    case.check(ability=fit.theta, se=fit.errors, residual_deviance=fit.deviance, residual_df=fit.residual_degrees)


def _random_wins(seed: int, items: int) -> FloatArray:
    return np.random.default_rng(seed).integers(1, 60, (items, items)).astype(np.float64)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_fit_is_that_of_minorisation_maximisation(seed: int, items: int) -> None:
    """Hunter's update, iterated to rest: strength = wins / sum of meetings over sums of strengths."""
    wins = _random_wins(seed, items)
    np.fill_diagonal(wins, 0.0)
    strength, met = np.ones(items), wins + wins.T
    for _ in range(3000):
        before = strength
        strength = wins.sum(axis=1) / (met / (strength[:, None] + strength[None, :])).sum(axis=1)
        strength /= strength[0]
        if np.abs(strength / before - 1).max() < 1e-11:
            break
    fit = bradley_terry(wins)
    assert fit is not None
    assert fit.theta == pytest.approx(np.log(strength).tolist(), abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_two_items_are_log_odds(seed: int) -> None:
    won, lost = (int(k) for k in np.random.default_rng(seed).integers(1, 1000, 2))
    fit = bradley_terry(np.array([[0, lost], [won, 0]]))
    assert fit is not None
    assert fit.theta[1] == pytest.approx(math.log(won / lost))
    assert fit.errors[1] == pytest.approx(math.sqrt(1 / won + 1 / lost))
    assert fit.residual_degrees == 0


@given(st.integers(0, 2**32 - 1), st.integers(3, 5))
def test_another_reference_shifts_all_strengths_alike(seed: int, items: int) -> None:
    wins = _random_wins(seed, items)
    one, other = bradley_terry(wins), bradley_terry(wins, reference=items - 1)
    assert one is not None
    assert other is not None
    assert np.subtract(one.theta, one.theta[-1]).tolist() == pytest.approx(list(other.theta), abs=1e-8)
    assert one.deviance == pytest.approx(other.deviance)


def test_who_always_wins_has_no_strength() -> None:
    assert bradley_terry(np.array([[0.0, 10.0], [0.0, 0.0]])) is None
    islands = np.zeros((4, 4))
    islands[0, 1] = islands[1, 0] = islands[2, 3] = islands[3, 2] = 5
    assert bradley_terry(islands) is None
    assert bradley_terry(np.zeros((3, 3))) is None
    assert bradley_terry(np.zeros((1, 1))) is None


def test_a_chain_of_wins_is_enough() -> None:
    """1 beats 2, 2 beats 3, 3 beats 1: each met both, nobody is stronger."""
    fit = bradley_terry(np.array([[0.0, 4, 0], [0, 0, 4], [4, 0, 0]]))
    assert fit is not None
    assert fit.theta == pytest.approx((0, 0, 0), abs=1e-9)


def test_extreme_ratios_converge() -> None:
    fit = bradley_terry(np.array([[0, 1e6, 1], [1, 0, 1], [1e5, 1e6, 0]]))
    assert fit is not None
    wins = np.array([[0, 1e6, 1], [1, 0, 1], [1e5, 1e6, 0]])

    def less_likely(theta: FloatArray) -> float:
        full = np.array([0.0, *theta])
        return float((wins * np.logaddexp(0, full[None, :] - full[:, None])).sum())

    found = optimize.minimize(less_likely, np.array(fit.theta[1:]), method="Nelder-Mead", options={"xatol": 1e-8})
    assert fit.theta[1:] == pytest.approx(found.x.tolist(), abs=1e-5)


def test_groups_of_one_judgement_have_nearly_the_plain_errors() -> None:
    """4,000 independent judgements, each a group: the sandwich is the inverse information, up to sampling."""
    rng = np.random.default_rng(1)
    theta = np.array([0.0, 0.5, -0.3])
    groups = []
    for _ in range(4000):
        i, j = rng.choice(3, 2, replace=False)
        group = np.zeros((3, 3))
        first_wins = rng.random() < 1 / (1 + math.exp(theta[j] - theta[i]))
        group[(i, j) if first_wins else (j, i)] = 1
        groups.append(group)
    wins = np.sum(groups, axis=0)
    plain, robust = bradley_terry(wins), bradley_terry(wins, by_group=groups)
    assert plain is not None
    assert robust is not None
    assert robust.errors == pytest.approx(plain.errors, rel=0.05)
    assert plain.theta == pytest.approx(theta.tolist(), abs=4 * max(plain.errors))


def test_judgements_that_repeat_each_other_are_less_sure() -> None:
    """Each judgement twice in its group: errors are sqrt(2) times those that take them for independent."""
    rng = np.random.default_rng(2)
    groups = []
    for _ in range(2000):
        group = np.zeros((2, 2))
        group[(1, 0) if rng.random() < 0.6 else (0, 1)] = 2
        groups.append(group)
    wins = np.sum(groups, axis=0)
    plain, robust = bradley_terry(wins), bradley_terry(wins, by_group=groups)
    assert plain is not None
    assert robust is not None
    assert robust.errors[1] == pytest.approx(math.sqrt(2) * plain.errors[1], rel=0.01)
    assert bradley_terry(wins, by_group=[wins]) is None
