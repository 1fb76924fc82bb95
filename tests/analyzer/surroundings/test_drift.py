"""Changes over time are found with their date, seldom where there are none, and put down to whom they belong."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.figures import Compared
from analyzer.surroundings.drift import drift
from analyzer.surroundings.figures import Named, Surroundings
from analyzer.surroundings.results import Change, Drift
from tests.analyzer.surroundings.made import START_S, compared, estimates

STEP_S, BLOCKS, PER_BLOCK = 1800, 336, 20
AT = 200
"""Block of the change."""


def _week(
    seed: int, *, candidate: float = 1.0, primary: float = 1.0, cycle: float = 0.3, failing: float = 0.01, **more: Any
) -> Compared:
    """Seven days of pairs; from `AT` on, latencies and failures of an arm are so many times as large."""
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(BLOCKS), PER_BLOCK)
    at_s = START_S + block * STEP_S
    after = block >= AT
    load = cycle * np.sin(2 * np.pi * at_s / 86_400) + 0.05 * rng.normal(size=BLOCKS)[block]
    request = np.exp(rng.normal(6, 0.5, len(block)) + load) * np.where(after, primary, 1)
    primary_ms = request * np.exp(rng.normal(0, 0.3, len(block)))
    candidate_ms = 0.9 * request * np.exp(rng.normal(0, 0.3, len(block))) * np.where(after, candidate, 1)
    failed = rng.random(len(block)) < failing, rng.random(len(block)) < failing * np.where(after, candidate, 1)
    return compared(at_s, primary_ms, candidate_ms, failed, **more)


def _drift(made: Compared, control: Compared | None = None) -> Drift:
    return drift(made, control, estimates(made), 0.95)


def _of(found: Drift, what: str, metric: str = "total_ms", estimand: str | None = None) -> list[Change]:
    return [c for c in found.changes if (c.what, c.metric) == (what, metric) and estimand in {None, c.estimand}]


def test_weeks_without_a_change_give_no_alarm() -> None:
    """50 weeks with a daily cycle and failures. All series together may have an alarm in 2,000 blocks, hence 50 x 336 /
    2,000 = 8.4 on average at most; in truth the sequences are wider than that."""
    found = [_drift(_week(seed)) for seed in range(50)]
    assert sum(bool(one.changes) for one in found) <= 8
    assert all(one.blocks >= BLOCKS // 2 for one in found)


def test_a_slower_candidate_is_found_with_its_date() -> None:
    """20 weeks in which it becomes 15 % slower: each time found, the median date within three blocks."""
    dates = []
    for seed in range(20):
        (change,) = _of(_drift(_week(seed, candidate=1.15)), "difference", estimand="log_ratio")
        assert change.at is not None
        assert change.before is not None
        assert change.after is not None
        assert change.log_e is not None
        assert change.after - change.before == pytest.approx(np.log(1.15), abs=0.05)
        assert change.log_e >= np.log(2000)
        dates.append((change.at.timestamp() - START_S) / STEP_S - AT)
    assert abs(np.median(dates)) <= 3


def test_a_slower_primary_is_found_as_such() -> None:
    """Both arms are 40 % slower: the level changed, the ratio of the arms did not."""
    found = _drift(_week(1, primary=1.4))
    (change,) = _of(found, "primary")
    assert change.before is not None
    assert change.after is not None
    assert change.after / change.before == pytest.approx(1.4, rel=0.1)
    assert change.sentence.startswith("The primary's own time to last byte changed about 2026-03-0")
    assert _of(found, "difference", estimand="log_ratio") == []


def test_more_failures_are_found() -> None:
    """From 2 to 10 % in the candidate."""
    (change,) = _of(_drift(_week(2, candidate=5.0, failing=0.02)), "difference", "error_rate")
    assert change.after == pytest.approx(0.08, abs=0.03)
    assert "share of failed requests" in change.sentence
    assert " points" in change.sentence


def test_rare_failures_are_no_alarm() -> None:
    """20 windows with a failure in 200 requests, ten to a block: runs of blocks without any are not surprising."""
    for seed in range(20):
        found = _drift(_week(seed, failing=0.005))
        assert _of(found, "difference", "error_rate") == []
        assert _of(found, "primary", "error_rate") == []


@pytest.mark.parametrize("share", [0.0005, 0.002, 0.01])
def test_rare_failures_of_one_arm_alone_are_no_alarm(share: float) -> None:
    """Ten blocks without any would be a sequence without an error, and the next failure a change."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        at_s = START_S + np.repeat(np.arange(300), 10) * 60
        primary_ms = np.exp(rng.normal(6, 0.5, len(at_s)))
        failed = np.zeros(len(at_s), dtype=bool), rng.random(len(at_s)) < share
        made = compared(at_s, primary_ms, primary_ms * np.exp(rng.normal(0, 0.3, len(at_s))), failed)
        assert _of(_drift(made), "difference", "error_rate") == []


def test_the_control_is_the_witness() -> None:
    """The same change, seen with a control that stayed, with one that changed as well, and without any."""
    made = _week(3, candidate=1.3)
    stayed, moved = _week(4), _week(4, candidate=1.3)

    def sentence(control: Compared | None) -> str:
        (change,) = _of(_drift(made, control), "difference", estimand="log_ratio")
        return change.sentence

    assert sentence(stayed).endswith("The control's difference did not change: only the candidate did.")
    assert "The control's difference changed at the same time" in sentence(moved)
    assert sentence(moved).endswith("the setup changed.")
    assert "There is no control to tell whether the setup changed." in sentence(None)


def test_a_change_of_the_primary_alone_is_put_down_to_it() -> None:
    """The primary becomes twice as fast; the copy of it in the control does so, too."""
    rng = np.random.default_rng(5)
    block = np.repeat(np.arange(BLOCKS), PER_BLOCK)
    request = np.exp(rng.normal(6, 0.3, len(block)))
    faster = np.where(block >= AT, 0.5, 1)
    at_s = START_S + block * STEP_S
    made = compared(at_s, request * faster, request * np.exp(rng.normal(0, 0.1, len(block))))
    control = compared(at_s, request * faster, request * faster * np.exp(rng.normal(0, 0.1, len(block))))
    (change,) = _of(_drift(made, control), "difference", estimand="mean")
    assert change.sentence.endswith("the primary or the traffic changed.")
    assert "The control's difference did not change." in change.sentence


def test_short_windows_say_that_the_hour_may_be_the_reason() -> None:
    """Five hours, blocks of a minute: a change is shown, but the primary's own level is not watched."""
    rng = np.random.default_rng(6)
    block = np.repeat(np.arange(300), 20)
    request = np.exp(rng.normal(6, 0.3, len(block))) * np.where(block >= 150, 2, 1)
    made = compared(START_S + block * 60, request, request * np.where(block >= 150, 1.5, 1))
    found = _drift(made)
    (change,) = _of(found, "difference", estimand="log_ratio")
    assert change.sentence.endswith("The window is too short to tell a change from the time of day.")
    assert _of(found, "primary") == []


def test_a_weekend_is_a_change_by_weekday() -> None:
    """Four weeks in which the candidate is half as slow again on Saturdays and Sundays."""
    rng = np.random.default_rng(7)
    block = np.repeat(np.arange(28 * 12), 20)
    at_s = START_S + block * 7200
    weekend = (at_s - START_S) // 86_400 % 7 >= 5
    request = np.exp(rng.normal(6, 0.3, len(block)))
    made = compared(at_s, request, request * np.where(weekend, 1.5, 1) * np.exp(rng.normal(0, 0.1, len(block))))
    (change,) = _of(_drift(made), "weekday", estimand="log_ratio")
    assert change.at is None
    assert "depends on the day of the week" in change.sentence
    assert "on Sundays (UTC)." in change.sentence


def test_another_name_of_the_model_is_a_change_with_its_date() -> None:
    hours = [START_S + h * 3600 for h in range(168)]
    models = (
        Named("candidate", "m-2025", tuple(hours[:100]), (40,) * 100),
        Named("candidate", "m-2026", tuple(hours[100:]), (40,) * 68),
    )
    (change,) = _drift(_week(8, surroundings=Surroundings(models=models))).changes
    assert (change.what, change.metric, change.at) == (
        "model",
        "candidate_model",
        datetime.fromtimestamp(hours[100], UTC),
    )
    assert change.sentence == (
        "The candidate's answers name the model m-2026 since 2026-03-06 04:00 UTC; the name m-2025 was last seen in "
        "the hour from 2026-03-06 03:00 UTC."
    )


def test_nothing_to_look_at_is_no_drift() -> None:
    """No estimates, one that has an obstacle, and one block."""
    made = _week(9)
    assert drift(made, None, {}, 0.95).changes == ()
    blocked = {key: replace(value, obstacle="too few successes") for key, value in estimates(made).items()}
    assert _of(drift(made, None, blocked, 0.95), "difference") == []
    one = compared(np.full(50, START_S), np.full(50, 10.0), np.full(50, 10.0))
    assert drift(one, one, estimates(one), 0.95) == Drift((), 0)


@settings(max_examples=30)
@given(st.integers(1, 60), st.sampled_from([60, 3600, 86_400]), st.sampled_from([0.0, 1.0]), st.booleans())
def test_no_series_makes_it_fail(groups: int, step_s: int, spread: float, failing: bool) -> None:
    """Constants, all failures, few blocks, long blocks."""
    rng = np.random.default_rng(groups)
    block = np.repeat(np.arange(groups), 30)
    request = 100 + spread * rng.normal(size=len(block))
    failed = np.full(len(block), failing)
    made = compared(START_S + block * step_s, request, request * 1.1, (failed, failed))
    assert isinstance(_drift(made, made), Drift)
