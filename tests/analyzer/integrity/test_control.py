"""The control passes by equivalence: data makes it pass or fail, the lack of data leaves it open."""

import numpy as np
import pytest
from scipy import stats

from analyzer.inference import Asked, compare
from analyzer.integrity.control import both_bounds, control_checks
from analyzer.integrity.results import ControlCheck
from analyzer.metrics import METRICS, Metric
from analyzer.results import Bound, Comparison
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.stats.interval import Interval
from tests.analyzer.integrity.making import metric

TOTAL = metric("total_ms", "mean")


def row(low: float, high: float, of: Metric = TOTAL) -> Comparison:
    """With one-sided bounds; the two-sided interval is wider."""
    return Comparison(
        of, "fixed", 0.95, 1000, 20, difference=(low + high) / 2, interval=Interval(low - 1, high + 1),
        bound=Bound("upper", high), surely=low,
    )  # fmt: skip


def check(of: Comparison, margin: float | None = 20.0) -> ControlCheck:
    (found,) = control_checks([of], [(of.metric, margin)], 0.5)
    return found


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (-9.9, 9.9, "passed"),
        (1.0, 9.9, "passed"),
        (-10.1, 9.0, "open"),
        (-3.0, 10.1, "open"),
        (9.0, 11.0, "open"),
        (10.1, 30.0, "failed"),
        (-30.0, -10.1, "failed"),
    ],
)
def test_both_bounds_within_the_part_of_the_margin(low: float, high: float, finding: str) -> None:
    """A difference that is surely there, and surely small, passes; no null test would let it."""
    found = check(row(low, high))
    assert (found.finding, found.limit, found.low, found.high) == (finding, 10.0, low, high)


def test_higher_is_better_has_its_bounds_the_other_way_round() -> None:
    of = Comparison(
        metric("tokens_per_second"), "fixed", 0.95, 1000, 20, interval=Interval(-2, 2),
        bound=Bound("lower", -1.0), surely=1.5,
    )  # fmt: skip
    assert both_bounds(of) == Interval(-1.0, 1.5)


def test_without_a_direction_the_two_sided_interval_stands_for_the_bounds() -> None:
    of = Comparison(metric("output_tokens"), "fixed", 0.95, 1000, 20, interval=Interval(-2, 2))
    assert (check(of).low, check(of).high) == (-2, 2)


def test_an_unknown_interval_leaves_it_open() -> None:
    silent = Comparison(TOTAL, "fixed", 0.95, 5, 1)
    assert check(silent) == ControlCheck("total_ms", "mean", 10.0, None, None, "open")
    (absent,) = control_checks([], [(TOTAL, 20.0)], 0.5)
    assert absent.finding == "open"


def test_what_the_control_cannot_answer_is_not_asked() -> None:
    """Agreement with itself, judgements, and equivalence within nothing."""
    asked = [(m, 1.0) for m in METRICS]
    names = {found.metric for found in control_checks([], asked, 0.5)}
    assert names.isdisjoint({"exact_match", "tool_call_agreement", "judge_preference", "win_rate", "judge_score"})
    assert control_checks([], [(TOTAL, None), (TOTAL, 0.0)], 0.5) == ()


def _study(rng: np.random.Generator, true: float, n: int = 1600) -> Comparison:
    d = rng.normal(true, 100.0, n)
    psi = d - d.mean()
    groups = Influence.of(np.full(40, n / 40), psi.reshape(40, -1).sum(axis=1))
    of = Estimate(n, 1000.0, 1000.0 + float(d.mean()), float(d.mean()), float(d.std() / np.sqrt(n)), groups, groups)
    return compare(TOTAL, of, Asked("fixed", 0.95, 1600)).row


def test_a_control_at_its_limit_passes_no_more_often_than_the_level_allows() -> None:
    """Two one-sided tests at 5 %: of 600 controls that differ by just the limit of 10 ms at most 5 % pass (and 3
    standard errors); of those without a difference, whose error is 2.5 ms, nearly all."""
    rng = np.random.default_rng(12)
    passed = sum(check(_study(rng, 10.0)).finding == "passed" for _ in range(600))
    assert passed <= stats.binom.ppf(0.99865, 600, 0.05)
    assert sum(check(_study(rng, 0.0)).finding == "passed" for _ in range(100)) > 90
