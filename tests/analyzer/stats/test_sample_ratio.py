import numpy as np
import pytest
from scipy import stats

from analyzer.stats.sample_ratio import chi_square, sample_ratio_p
from tests.analyzer.stats.reference import reference_case


def test_kohavi_mismatch() -> None:
    case = reference_case("srm_kohavi")
    statistic, p = chi_square(case.inputs["observed"], case.inputs["expected_share"])
    case.check(chi2=statistic, p=p)


def test_single_requests_give_the_chi_square_test() -> None:
    theirs = stats.chisquare([120, 880], [100, 900])
    assert sample_ratio_p(120, 1000, 0.1, requests_per_draw=1.0) == pytest.approx(theirs.pvalue)


def test_conversations_of_ten_are_as_uncertain_as_a_tenth_of_the_requests() -> None:
    theirs = stats.chisquare([12, 88], [10, 90])
    assert sample_ratio_p(120, 1000, 0.1, requests_per_draw=10.0) == pytest.approx(theirs.pvalue)


def test_a_full_share_leaves_nothing_out() -> None:
    assert sample_ratio_p(50, 50, 1.0, requests_per_draw=1.0) == 1.0
    assert sample_ratio_p(49, 50, 1.0, requests_per_draw=1.0) == 0.0


def test_without_requests_nothing_is_tested() -> None:
    assert sample_ratio_p(0, 0, 0.1, requests_per_draw=1.0) is None


def test_drawing_whole_conversations_alarms_at_its_level_and_requests_would_not() -> None:
    """500 seeded studies of 400 conversations of 1 to 20 requests, share 0.3: the corrected test rejects 5 %, within
    3 standard errors; the plain chi-square rejects most of the time."""
    rng = np.random.default_rng(7)
    corrected = plain = 0
    for _ in range(500):
        sizes = rng.integers(1, 21, 400)
        drawn = sizes[rng.random(400) < 0.3]
        per_draw = float((drawn**2).sum() / drawn.sum())
        arguments = (int(drawn.sum()), int(sizes.sum()), 0.3)
        corrected += (sample_ratio_p(*arguments, requests_per_draw=per_draw) or 0) < 0.05
        plain += (sample_ratio_p(*arguments, requests_per_draw=1.0) or 0) < 0.05
    assert abs(corrected / 500 - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 500)
    assert plain / 500 > 0.4
