"""Days of the week are told apart where they differ, and not where days are merely good or bad."""

import numpy as np
import pytest
from scipy import stats

from analyzer.stats.influence import Influence
from analyzer.surroundings.weekdays import weekdays
from tests.analyzer.surroundings.made import START_S

DAY_S = 86_400


def _days(values: np.ndarray, blocks: int = 24) -> tuple[Influence, float]:
    """Blocks of equal size whose daily means are the values; START_S is a Monday."""
    each = np.repeat(values, blocks)
    mean = float(each.mean())
    keys = START_S + np.arange(len(each)) * (DAY_S // blocks)
    return Influence(np.full(len(each), 10.0), 10 * (each - mean), keys), mean


def test_the_test_is_the_analysis_of_variance_of_days() -> None:
    """Four weeks: with equally many days of each weekday, Q/6 is the F of scipy's one-way analysis of variance."""
    values = np.random.default_rng(1).normal(size=28) + 3
    found = weekdays(*_days(values))
    assert found is not None
    f = stats.f_oneway(*(values[k::7] for k in range(7)))
    assert found.q / 6 == pytest.approx(f.statistic)
    assert found.p_value == pytest.approx(f.pvalue)
    assert found.means == pytest.approx([values[k::7].mean() for k in range(7)])
    assert found.days == (4,) * 7


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    """Two weeks of days that are good or bad as a whole, 1,000 times: 5 % below 0.05, within 3 standard errors. The
    chi-square of Q would be below it three times as often."""
    rng = np.random.default_rng(2)
    found = [weekdays(*_days(rng.normal(size=14), blocks=4)) for _ in range(1000)]
    p_values = np.array([one.p_value for one in found if one is not None])
    assert len(p_values) == 1000
    assert abs((p_values < 0.05).sum() - 50) <= 3 * np.sqrt(1000 * 0.05 * 0.95)
    chi_square = np.array([stats.chi2.sf(one.q, 6) for one in found if one is not None])
    assert (chi_square < 0.05).sum() > 150


def test_a_weekend_is_seen() -> None:
    values = np.random.default_rng(3).normal(size=28) + np.tile([0, 0, 0, 0, 0, 8, 8], 4)
    found = weekdays(*_days(values))
    assert found is not None
    assert found.p_value < 1e-6
    assert min(found.means[5:]) > max(found.means[:5])


def test_a_rest_of_a_day_is_no_day() -> None:
    """The window begins with the last hour of a Sunday."""
    full, mean = _days(np.random.default_rng(4).normal(size=14))
    keys = np.concatenate([[START_S - 3600], full.keys])
    cut = Influence(np.concatenate([[10.0], full.n]), np.concatenate([[9999.0], full.sums]), keys)
    assert weekdays(cut, mean) == weekdays(full, mean)


def test_less_than_two_weeks_or_equal_days_say_nothing() -> None:
    assert weekdays(*_days(np.random.default_rng(5).normal(size=13))) is None
    assert weekdays(*_days(np.tile(np.arange(7.0), 2))) is None
    assert weekdays(*_days(np.full(21, 0.1))) is None
    assert weekdays(*_days(np.array([1.0]))) is None
