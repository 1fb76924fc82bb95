"""Estimated tokens: what a report says of them, and when they are too coarse for a verdict on money."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from analyzer.integrity.estimates import ASSUMED_ERROR, checked, estimator_error, warnings
from analyzer.results import Bound, Comparison
from analyzer.source import Experiment
from analyzer.stats.interval import Interval
from analyzer.verdict import Verdict
from tests.analyzer.integrity.making import metric

AT = datetime(2026, 3, 1, tzinfo=UTC)


def experiment(**fields: Any) -> Experiment:
    values: dict[str, Any] = {"held": 0, "gateway_cached": 0, "client_aborts": 0}
    values |= {"failures_primary": 0, "failures_candidate": 0}
    return Experiment("swift", "e1", 1000, AT, AT, 0.1, 0.1, **{**values, **fields})


def compared(name: str = "cost_usd", margin: float | None = None) -> Comparison:
    """10 against 8, the interval of the difference -2.5 to -1.5."""
    return Comparison(
        metric(name), "fixed", 0.95, 1000, 20, primary=10.0, candidate=8.0, difference=-2.0, margin=margin,
        interval=Interval(-2.5, -1.5), bound=Bound("upper", -1.6), surely=-2.4, p_value=0.001, verdict=Verdict.BETTER,
    )  # fmt: skip


def test_reported_tokens_leave_every_verdict_alone() -> None:
    assert checked(compared(), experiment()) == compared()
    assert checked(compared(), experiment(estimated_primary=400)) == compared()
    assert warnings(experiment()) == []


def test_a_verdict_on_money_stands_while_the_estimators_error_cannot_turn_it() -> None:
    """All estimated, 5 % off: at most 0.05 * (10 + 8) = 0.9, which leaves -2.5 - 0.9 to -1.5 + 0.9 = -0.6: below 0."""
    little = experiment(estimated_both=1000, estimator_error_primary=0.05, estimator_error_candidate=0.01)
    assert checked(compared(), little).verdict is Verdict.BETTER


def test_a_verdict_that_the_estimators_error_could_turn_is_not_given() -> None:
    """10 % off: 1.8, and the interval reaches 0.3. The numbers stay; the reason says why there is no word."""
    more = experiment(estimated_both=1000, estimator_error_primary=0.1, estimator_error_candidate=0.01)
    row = checked(compared(), more)
    assert (row.verdict, row.difference) == (Verdict.UNDECIDED, -2.0)
    assert row.reason is not None
    assert "tokens of 1000 pairs are estimated" in row.reason
    assert "10 % off" in row.reason


def test_only_the_estimated_part_of_the_pairs_brings_the_error_in() -> None:
    """A tenth of the pairs at 50 %: 0.1 * 0.5 * 18 = 0.9, as above."""
    assert checked(compared(), experiment(estimated_both=100)).verdict is Verdict.BETTER
    assert checked(compared(), experiment(estimated_both=200)).verdict is Verdict.UNDECIDED


def test_an_arm_that_never_reported_is_taken_to_be_as_wrong_as_assumed() -> None:
    assert estimator_error(experiment(estimator_error_primary=0.05)) == ASSUMED_ERROR
    assert estimator_error(experiment(estimator_error_primary=0.05, estimator_error_candidate=0.2)) == 0.2


def test_not_worse_rests_on_the_bound_not_on_the_interval() -> None:
    """Bound 0.5 against a margin of 1.5, the interval up to 0.8: a tenth estimated at 50 % may add 0.9, which leaves
    1.4; a seventh part more would be too much."""
    row = dataclasses.replace(
        compared(margin=1.5), interval=Interval(-2.5, 0.8), bound=Bound("upper", 0.5), verdict=Verdict.NOT_WORSE
    )
    assert checked(row, experiment(estimated_both=100)).verdict is Verdict.NOT_WORSE
    assert checked(row, experiment(estimated_both=120)).verdict is Verdict.UNDECIDED


def test_estimates_and_missing_requests_hurt_together() -> None:
    """Alone, 0.9 for the estimates leave -0.6, and 0.7 for missing requests -0.8; both leave 0.1."""
    row = dataclasses.replace(compared(), worst=Interval(-3.2, -0.8))
    assert checked(row, experiment(estimated_both=1)).verdict is Verdict.BETTER
    assert checked(row, experiment(estimated_both=100)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("name", ["total_ms", "error_rate", "tokens_per_second"])
def test_what_is_not_money_keeps_its_verdict(name: str) -> None:
    row = compared(name)
    assert checked(row, experiment(estimated_both=1000)) is row


def test_the_report_says_in_how_many_pairs_tokens_are_estimates() -> None:
    mixed, both = warnings(experiment(estimated_primary=50, estimated_candidate=300, estimated_both=20))
    assert "in 310 of 1000 pairs one arm reported no usage" in mixed
    assert "in 20 of 1000 pairs neither arm reported usage" in both
    assert "50 % off" in both
