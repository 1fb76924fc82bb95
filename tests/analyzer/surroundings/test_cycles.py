"""Daily and weekly cycles are taken out where a window tells them from a change, and nothing else is."""

import numpy as np
import pytest

from analyzer.stats.influence import Influence
from analyzer.surroundings.cycles import covered_s, without_cycles
from tests.analyzer.surroundings.made import START_S

DAY_S = 86_400


def _blocks(values: np.ndarray, step_s: int, n: np.ndarray | None = None) -> Influence:
    weights = np.full(len(values), 8.0) if n is None else n
    mean = weights @ values / weights.sum()
    return Influence(weights, weights * (values - mean), START_S + np.arange(len(values)) * step_s)


def test_two_harmonics_of_a_day_vanish() -> None:
    """Whatever the blocks' sizes: what is left is 0."""
    phase = 2 * np.pi * np.arange(96) / 48
    values = 3 * np.sin(phase + 1) - 2 * np.cos(2 * phase)
    blocks = _blocks(values, DAY_S // 48, np.random.default_rng(1).uniform(1, 9, 96))
    assert np.abs(without_cycles(blocks).sums).max() < 1e-9


def test_a_week_vanishes_with_two_of_them() -> None:
    phase = 2 * np.pi * np.arange(14 * 12) / (7 * 12)
    left = without_cycles(_blocks(np.sin(phase) + np.cos(2 * phase), 7200))
    assert np.abs(left.sums).max() < 1e-9


def test_a_step_keeps_its_height() -> None:
    """Ten days with a cycle of height 5, and a step of 1 after six: 1 is left between both sides' means, within what
    the fitted harmonics may take (4 of 240 degrees of freedom)."""
    k = np.arange(240)
    values = 5 * np.sin(2 * np.pi * k / 24) + (k >= 144)
    left = without_cycles(_blocks(values, 3600))
    means = left.sums / left.n
    assert means[144:].mean() - means[:144].mean() == pytest.approx(1, abs=0.02)
    assert means[:144].std() < 0.1


def test_short_windows_and_long_blocks_stay_as_they_are() -> None:
    short = _blocks(np.sin(np.arange(40)), 3600)
    assert without_cycles(short) is short
    daily = _blocks(np.sin(np.arange(10)), DAY_S)
    assert without_cycles(daily) is daily
    single = _blocks(np.ones(1), 3600)
    assert without_cycles(single) is single
    assert (covered_s(single), covered_s(short)) == (0, 40 * 3600)


def test_influence_stays_influence() -> None:
    """All together it is 0."""
    rng = np.random.default_rng(2)
    left = without_cycles(_blocks(rng.normal(size=100), 3600, rng.uniform(1, 50, 100)))
    assert left.sums.sum() == pytest.approx(0, abs=1e-9)
