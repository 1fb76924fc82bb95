import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.stats.periods import cochran_q, weekdays
from analyzer.stats.robust import StandardError

DAY_S = 86_400


def _known(value: float) -> StandardError:
    return StandardError(value, math.inf, 1000, "known")


@given(st.integers(0, 4_000_000_000))
def test_days_of_the_week_are_those_of_the_calendar(second: int) -> None:
    assert weekdays(np.array([second])).tolist() == [datetime.fromtimestamp(second, UTC).weekday()]


def test_cochrans_q_by_hand() -> None:
    """Values 1, 2, 6 with errors 1, 1, 2: weights 1, 1, 1/4, mean 2, Q = 1 + 0 + 4."""
    found = cochran_q([1.0, 2.0, 6.0], [_known(1.0), _known(1.0), _known(2.0)])
    assert found is not None
    assert (found.q, found.mean, found.degrees) == pytest.approx((5.0, 2.0, 2))
    assert found.p == pytest.approx(stats.chi2.sf(5.0, 2))


def test_two_parts_are_a_z_test_and_with_uncertain_errors_welchs_t_test() -> None:
    known = cochran_q([0.0, 3.0], [_known(1.0), _known(1.0)])
    assert known is not None
    assert known.p == pytest.approx(2 * stats.norm.sf(3 / math.sqrt(2)))
    rng = np.random.default_rng(2)
    one, other = rng.normal(0, 1, 8), rng.normal(1, 3, 12)
    errors = [StandardError(float(x.std(ddof=1) / math.sqrt(len(x))), len(x) - 1, len(x), "CR2") for x in (one, other)]
    found = cochran_q([float(one.mean()), float(other.mean())], errors)
    assert found is not None
    assert found.p == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)


def test_several_parts_are_welchs_analysis_of_variance() -> None:
    rng = np.random.default_rng(3)
    groups = [rng.normal(shift, spread, size) for shift, spread, size in ((0, 1, 6), (1, 2, 9), (0.5, 3, 15))]
    errors = [StandardError(float(x.std(ddof=1) / math.sqrt(len(x))), len(x) - 1, len(x), "CR2") for x in groups]
    found = cochran_q([float(x.mean()) for x in groups], errors)
    theirs = stats.f_oneway(*groups, equal_var=False)
    assert found is not None
    assert found.p == pytest.approx(theirs.pvalue)


def test_one_part_differs_from_nothing() -> None:
    assert cochran_q([1.0], [_known(1.0)]) is None
    assert cochran_q([], []) is None
    assert cochran_q([1.0, 2.0], [_known(0.0), _known(1.0)]) is None


def test_seven_equal_days_differ_as_often_as_they_should() -> None:
    """1,000 seeded weeks of 8 blocks a day: 5 % are found unequal, within 3 standard errors; without regard for the
    uncertainty of the errors it would be more than 12 %."""
    rng = np.random.default_rng(4)
    welch = plain = 0
    for _ in range(1000):
        x = rng.normal(size=(7, 8))
        values = x.mean(axis=1).tolist()
        sizes = (x.std(axis=1, ddof=1) / math.sqrt(8)).tolist()
        uncertain = cochran_q(values, [StandardError(s, 7.0, 8, "CR2") for s in sizes])
        known = cochran_q(values, [_known(s) for s in sizes])
        assert uncertain is not None
        assert known is not None
        welch += uncertain.p < 0.05
        plain += known.p < 0.05
    assert abs(welch / 1000 - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert plain / 1000 > 0.12
