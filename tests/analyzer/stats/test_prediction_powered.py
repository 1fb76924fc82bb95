import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.moments import Moments
from analyzer.stats.prediction_powered import Corrected, LabelSums, corrected_mean
from tests.analyzer.stats.reference import reference_case


def _interval(corrected: Corrected, level: float) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    return corrected.value - z * corrected.error, corrected.value + z * corrected.error


def test_human_labels_sharpened_by_a_judge() -> None:
    case = reference_case("ppi_plus_plus_mean")
    labelled = LabelSums.of_pairs(case.array("Y"), case.array("Yhat"))
    judged, level = Moments.of(case.array("Yhat_unlabeled")), 1 - case.inputs["alpha"]
    best, full, none = (corrected_mean(labelled, judged, weight=weight) for weight in (None, 1.0, 0.0))
    assert best is not None
    assert full is not None
    assert none is not None
    case.check(
        lambda_hat=best.weight,
        theta=best.value,
        se=best.error,
        ci=_interval(best, level),
        theta_lambda1=full.value,
        ci_lambda1=_interval(full, level),
        theta_lambda0=none.value,
        ci_lambda0=_interval(none, level),
    )


@given(st.integers(0, 2**32 - 1), st.floats(-5, 5))
def test_a_constant_bias_of_the_judge_does_not_matter(seed: int, bias: float) -> None:
    rng = np.random.default_rng(seed)
    human = rng.normal(size=30)
    judge, unlabelled = human + rng.normal(size=30), rng.normal(size=200)
    one = corrected_mean(LabelSums.of_pairs(human, judge), Moments.of(unlabelled))
    other = corrected_mean(LabelSums.of_pairs(human, judge + bias), Moments.of(unlabelled + bias))
    assert one is not None
    assert other is not None
    assert (other.value, other.error) == pytest.approx((one.value, one.error), rel=1e-6, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_best_weight_is_no_worse_than_labels_alone(seed: int) -> None:
    """Up to what its own estimation costs: variances of f over all scores stand in for those over the labelled."""
    rng = np.random.default_rng(seed)
    human = rng.normal(size=200)
    labelled = LabelSums.of_pairs(human, 0.5 * human + rng.normal(size=200))
    judged = Moments.of(rng.normal(0, math.sqrt(1.25), size=2000))
    best, alone = corrected_mean(labelled, judged), corrected_mean(labelled, judged, weight=0.0)
    assert best is not None
    assert alone is not None
    assert best.error <= alone.error * 1.02


def test_a_judge_without_information_is_not_believed() -> None:
    human = np.array([1.0, 2.0, 3.0, 4.0])
    backwards = corrected_mean(LabelSums.of_pairs(human, -human), Moments.of(np.array([-1.0, -2.0])))
    constant = corrected_mean(LabelSums.of_pairs(human, np.ones(4)), Moments.of(np.ones(5)))
    for corrected in (backwards, constant):
        assert corrected is not None
        assert corrected.weight == 0.0
        assert corrected.value == 2.5
        assert corrected.error == pytest.approx(human.std() / 2)


def test_too_few_labels_have_no_mean() -> None:
    judged = Moments.of(np.array([1.0, 2.0]))
    one = LabelSums.of_pairs(np.array([1.0]), np.array([1.0]))
    two = LabelSums.of_pairs(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    assert corrected_mean(one, judged) is None
    assert corrected_mean(two, Moments.of(np.array([]))) is None


def test_a_biased_judge_is_corrected() -> None:
    """500 seeded studies, 100 labels, 5,000 judged, a judge that is 0.5 too kind: 95 % intervals hold the human mean
    in 95 % of them within 3 standard errors (and a point for the normal quantile at 100 labels); the judge's never."""
    rng = np.random.default_rng(6)
    held = judge_alone = 0
    for _ in range(500):
        human = rng.normal(size=5100)
        judge = 0.8 * human + 0.5 + rng.normal(0, 0.5, size=5100)
        corrected = corrected_mean(LabelSums.of_pairs(human[:100], judge[:100]), Moments.of(judge[100:]))
        assert corrected is not None
        low, high = _interval(corrected, 0.95)
        held += low <= 0 <= high
        judge_alone += abs(judge.mean()) < 1.96 * judge.std() / math.sqrt(5100)
    assert abs(held / 500 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 500) + 0.01
    assert judge_alone == 0
