import math

import numpy as np
import pytest
from scipy import optimize, special

from analyzer.stats.length_control import length_controlled
from analyzer.stats.moments import FloatArray
from tests.analyzer.stats.reference import reference_case


def test_the_win_rate_at_equal_length() -> None:
    case = reference_case("length_controlled_win_rate")
    fit = length_controlled(case.array("win"), case.array("delta_len"))
    assert fit is not None
    case.check(
        raw_win_rate=fit.win_rate,
        intercept=fit.intercept,
        slope=fit.slope,
        lc_win_rate=fit.controlled,
        se_intercept_hc0=fit.intercept_error,
        se_slope_hc0=fit.slope_error,
    )
    # Delta method: the derivative of 1 / (1 + exp(-a)) is controlled (1 - controlled).
    derivative = special.expit(fit.intercept + 1e-6) - special.expit(fit.intercept - 1e-6)
    assert fit.controlled_error == pytest.approx(derivative / 2e-6 * fit.intercept_error, rel=1e-6)


def _judged(rng: np.random.Generator, n: int, intercept: float, slope: float) -> tuple[FloatArray, FloatArray]:
    length = rng.normal(100, 200, n)
    chance = special.expit(intercept + slope * np.tanh(length / np.std(length, ddof=1)))
    return (rng.random(n) < chance).astype(np.float64), length


def test_the_fit_has_the_highest_likelihood() -> None:
    won, length = _judged(np.random.default_rng(1), 400, 0.3, -1.2)
    fit = length_controlled(won, length)
    assert fit is not None
    x = np.tanh(length / np.std(length, ddof=1))

    def less_likely(c: FloatArray) -> float:
        score = c[0] + c[1] * x
        return float((np.logaddexp(0, score) - won * score).sum())

    found = optimize.minimize(less_likely, np.zeros(2), method="BFGS")
    assert (fit.intercept, fit.slope) == pytest.approx(found.x.tolist(), abs=1e-4)


def test_a_judge_that_likes_length_is_seen_through() -> None:
    """Equally good answers, the candidate's longer: it wins most, and half at equal length (20,000 seeded pairs)."""
    won, length = _judged(np.random.default_rng(2), 20_000, 0.0, 1.5)
    fit = length_controlled(won, length)
    assert fit is not None
    assert fit.win_rate > 0.57
    assert abs(fit.controlled - 0.5) < 4 * fit.controlled_error
    assert fit.slope == pytest.approx(1.5, abs=4 * fit.slope_error)


def test_repeated_judgements_widen_the_error_over_groups() -> None:
    """Every pair twice: errors over groups are those of the single pairs, with G / (G - 1)."""
    won, length = _judged(np.random.default_rng(3), 500, 0.2, 0.5)
    # A repeated length has a slightly smaller standard deviation (divisor n - 1), so lengths keep theirs.
    spread = np.std(length, ddof=1) / np.std(np.repeat(length, 2), ddof=1)
    alone = length_controlled(won, length)
    grouped = length_controlled(np.repeat(won, 2), np.repeat(length, 2), np.repeat(np.arange(500.0), 2))
    assert alone is not None
    assert grouped is not None
    assert spread == pytest.approx(1, abs=1e-3)
    assert grouped.intercept_error == pytest.approx(alone.intercept_error * math.sqrt(500 / 499), rel=1e-3)


@pytest.mark.parametrize(
    ("won", "length"),
    [
        ([], []),
        ([1.0, 0.0], [1.0, 2.0]),
        ([1.0, 0.0, 1.0, 0.0], [5.0, 5.0, 5.0, 5.0]),
        ([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]),
        ([0.0, 0.0, 1.0, 1.0], [-2.0, -1.0, 1.0, 2.0]),
    ],
)
def test_what_cannot_be_fitted_has_no_answer(won: list[float], length: list[float]) -> None:
    """Too few, equal lengths, one winner throughout, length that decides everything."""
    assert length_controlled(np.array(won), np.array(length)) is None


def test_weights_count_as_so_many_pairs() -> None:
    """The coefficients of the highest weighted likelihood, and the sandwich of weighted scores."""
    rng = np.random.default_rng(4)
    won, length = _judged(rng, 600, 0.2, 0.7)
    weight = rng.choice([1.0, 2.0, 8.0], 600)
    fit = length_controlled(won, length, weight=weight)
    assert fit is not None
    centred = length - np.average(length, weights=weight)
    spread = math.sqrt(float(weight @ centred**2) / weight.sum() * 600 / 599)
    design = np.stack([np.ones(600), np.tanh(length / spread)], axis=1)

    def less_likely(c: FloatArray) -> float:
        score = design @ c
        return float(weight @ (np.logaddexp(0, score) - won * score))

    found = optimize.minimize(less_likely, np.zeros(2), method="BFGS").x
    chance = special.expit(design @ found)
    bread = np.linalg.inv(design.T @ (design * (weight * chance * (1 - chance))[:, None]))
    scores = design * (weight * (won - chance))[:, None]
    covariance = bread @ scores.T @ scores @ bread
    assert (fit.intercept, fit.slope) == pytest.approx(found.tolist(), abs=1e-4)
    assert (fit.intercept_error, fit.slope_error) == pytest.approx(np.sqrt(np.diag(covariance)).tolist(), rel=1e-3)
    assert fit.win_rate == pytest.approx(float(np.average(won, weights=weight)))


def test_only_ratios_of_weights_matter() -> None:
    won, length = _judged(np.random.default_rng(5), 300, 0.1, 0.4)
    plain = length_controlled(won, length)
    fives = length_controlled(won, length, weight=np.full(300, 5.0))
    assert plain is not None
    assert fives is not None
    for name in ("controlled", "controlled_error", "slope", "slope_error", "win_rate"):
        assert getattr(fives, name) == pytest.approx(getattr(plain, name))
