"""A witness says yes, no, or that it cannot tell."""

import numpy as np
import pytest

from analyzer.stats.influence import Influence
from analyzer.surroundings.witness import hear


def _series(shift: float, noise: float, groups: int = 200, seed: int = 1) -> tuple[Influence, float]:
    rng = np.random.default_rng(seed)
    values = noise * rng.normal(size=groups) + shift * (np.arange(groups) >= groups // 2)
    mean = float(values.mean())
    return Influence(np.full(groups, 20.0), 20 * (values - mean), np.arange(groups) * 60), mean


@pytest.mark.parametrize(
    ("shift", "noise", "said"), [(1.0, 1.0, True), (0.0, 1.0, False), (0.0, 20.0, None)], ids=["yes", "no", "unclear"]
)
def test_it_says_whether_it_changed_with_a_change_of_one(shift: float, noise: float, said: bool | None) -> None:
    found = hear(*_series(shift, noise), at=100 * 60, change=1.0)
    assert found is not None
    assert found.moved is said


def test_levels_are_those_before_and_after() -> None:
    found = hear(*_series(3.0, 0.001), at=100 * 60, change=1.0)
    assert found is not None
    assert (found.before, found.after) == pytest.approx((0, 3), abs=0.01)


def test_it_never_says_no_about_another_unit() -> None:
    found = hear(*_series(0.0, 0.001), at=100 * 60, change=None)
    assert found is not None
    assert found.moved is None


def test_it_is_not_asked_with_few_blocks() -> None:
    blocks, value = _series(0.0, 1.0)
    assert hear(blocks, value, at=4 * 60, change=1.0) is None
    assert hear(blocks, value, at=10**9, change=1.0) is None


def test_a_false_yes_is_rare() -> None:
    """1,000 series that do not change: 1 % say so, within 3 standard errors."""
    said = [hear(*_series(0.0, 1.0, 60, seed), at=30 * 60, change=1.0) for seed in range(1000)]
    wrong = sum(one is not None and one.moved is True for one in said)
    assert wrong <= 10 + 3 * np.sqrt(1000 * 0.01 * 0.99)
