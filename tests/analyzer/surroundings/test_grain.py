"""However large a window is, about as much of it is read; all of it where that is little."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.source import Experiment, Window
from analyzer.surroundings.grain import ENOUGH_PAIRS, STEPS, grain

START = datetime(2026, 3, 1, tzinfo=UTC)


def _experiment(pairs: int, hours: float) -> tuple[Window, Experiment]:
    until = START + timedelta(hours=hours)
    window = Window(START - timedelta(days=30), until + timedelta(days=30))
    return window, Experiment("swift", "e1", pairs, START, until, 0.1, 0.1, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("pairs", "hours", "expected"),
    [
        (1000, 1, (60, 1, 256)),
        (400_000, 24, (360, 1, 256)),
        (10_000_000, 7 * 24, (180, 20, 16)),
        # An hour has 60 blocks: too few to leave any out.
        (10_000_000, 1, (60, 1, 16)),
    ],
)
def test_steps_and_shares_are_as_documented(pairs: int, hours: float, expected: tuple[int, int, int]) -> None:
    found = grain(*_experiment(pairs, hours), 60.0)
    assert (found.step_s, found.one_in, found.buckets) == expected


@given(st.integers(0, 10**9), st.floats(0, 24 * 90), st.sampled_from([None, 0.5, 1.0, 60.0, 900.0]))
def test_there_are_never_many_steps(pairs: int, hours: float, block_s: float | None) -> None:
    window, experiment = _experiment(pairs, hours)
    found = grain(window, experiment, block_s)
    assert found.step_s % max(1, block_s or 60) == 0
    assert found.one_in >= 1
    assert 16 <= found.buckets <= 256
    assert hours * 3600 / found.step_s / found.one_in <= STEPS + 1
    if pairs <= ENOUGH_PAIRS:
        assert (found.one_in, found.buckets) == (1, 256)
