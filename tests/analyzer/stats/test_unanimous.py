import pytest
from scipy import stats

from analyzer.stats.unanimous import least_share, p_by_chance


@pytest.mark.parametrize("units", [1, 5, 20, 300])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.975])
def test_the_limit_is_that_of_clopper_and_pearson(units: int, level: float) -> None:
    theirs = stats.binomtest(units, units, alternative="greater").proportion_ci(level, method="exact")
    assert least_share(units, level) == pytest.approx(theirs.low)


@pytest.mark.parametrize("units", [1, 2, 10, 30])
def test_the_p_value_is_that_of_the_sign_test(units: int) -> None:
    assert p_by_chance(units) == pytest.approx(stats.binomtest(units, units, 0.5).pvalue)
