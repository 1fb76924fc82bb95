"""What is said of a sample: warnings, and what stands in the way of any decision."""

from typing import Any

import pytest

from analyzer.figures import Compared
from analyzer.integrity.figures import Conduct, HourSums, StartSkew
from analyzer.integrity.results import Integrity
from analyzer.integrity.summary import assess
from analyzer.metrics import METRICS
from analyzer.plan import Plan
from analyzer.results import Bound, Comparison
from analyzer.stats.interval import Interval
from config.policy import ControlRule, MetricRule, Policy
from tests.analyzer.integrity.making import AT, WINDOW, compared, experiment, figures, metric

TOTAL = metric("total_ms", "mean")
TARGETS = [(TOTAL, 20.0)]
HEALTHY = {"received": 10_000, "unsampled": 9_000, "admitted": 1_000}
EVEN = (4,) * 232 + (3,) * 24


def policy(**control: Any) -> Policy:
    return Policy(primary_metrics=(MetricRule(metric="total_ms"),), control=ControlRule(**control))


def control_row(low: float, high: float) -> Comparison:
    return Comparison(
        TOTAL, "fixed", 0.95, 500, 20, interval=Interval(low, high), bound=Bound("upper", high), surely=low
    )  # fmt: skip


def assessed(of: Compared | None = None, states: dict[str, int] | None = None, **fields: Any) -> Integrity:
    """Of the candidate `swift`; fields: of figures, and `policy`, `control`, `kind`."""
    policy, rows, kind = fields.pop("policy", None), fields.pop("control", ()), fields.pop("kind", "fixed")
    mine = {"swift": of or compared(Conduct(buckets=EVEN))}
    if rows:
        mine["control"] = compared(of=experiment(500, candidate="control", id="e0"))
    plan = Plan(WINDOW, ("swift",), kind=kind, policy=policy)
    counted = {"swift": HEALTHY if states is None else states}
    return assess("swift", figures(mine, counted, **fields), plan, rows, TARGETS)


def test_a_healthy_sample_has_nothing_to_tell() -> None:
    found = assessed()
    assert (found.warnings, found.obstacles, found.control) == ((), (), None)
    assert found.sample_ratio.finding == "passed"
    assert found.population is not None
    assert found.population.share == 1.0


@pytest.mark.parametrize("kind", ["fixed", "anytime"])
def test_a_mismatched_sample_stands_in_the_way(kind: str) -> None:
    states = {"received": 10_000, "unsampled": 8_750, "admitted": 1_000}
    found = assessed(states=states, kind=kind)
    assert "sampled 12.5 % instead of 10 %" in found.obstacles[0]
    assert found.warnings[0] == found.obstacles[0]


def test_the_control_stands_in_the_way_until_it_is_shown_to_be_equivalent() -> None:
    assert assessed(control=[control_row(-8, 8)]).obstacles == ()
    (undecided,) = assessed(control=[control_row(-12, 8)]).obstacles
    assert "not yet shown to be equivalent in time to last byte (mean): 500 control pairs are too few" in undecided
    (differs,) = assessed(control=[control_row(11, 30)]).obstacles
    assert "the control (primary against itself) differs in time to last byte (mean)" in differs


def test_of_many_metrics_the_first_are_named() -> None:
    of = {"swift": compared(), "control": compared(of=experiment(5, candidate="control"))}
    targets = [(m, 1.0) for m in METRICS]
    (said,) = assess("swift", figures(of), Plan(WINDOW, ("swift",)), [control_row(-1, 1)], targets).obstacles
    names = "time to last byte (mean), time to last byte (p50), time to last byte (p95) and "
    asked = sum(not m.measure.joint and m.measure.origin != "judgements" for m in METRICS)
    assert f"{names}{asked - 3} other metrics: 5 control pairs are too few" in said


def test_a_required_control_that_is_absent_stands_in_the_way() -> None:
    assert assessed(policy=policy()).obstacles == ()
    (said,) = assessed(policy=policy(required=True)).obstacles
    assert "requires a control leg" in said


def test_a_policy_says_which_part_of_the_margin_the_control_may_use() -> None:
    narrow = policy(within=0.3)
    found = assessed(policy=narrow, control=[control_row(-8, 8)])
    assert found.control is not None
    assert (found.control[0].limit, found.control[0].finding, found.control_pairs) == (6.0, "open", 500)


def test_the_control_itself_has_no_control() -> None:
    of = {"control": compared(of=experiment(500, candidate="control"))}
    required = Plan(WINDOW, (), policy=policy(required=True))
    found = assess("control", figures(of), required, (), TARGETS)
    assert (found.control, found.obstacles, found.population) == (None, (), None)


def test_copies_that_start_late_stand_in_the_way() -> None:
    late = Conduct(start=StartSkew(100, 100 * 8000, 20.0, 100, 0))
    (said,) = assessed(compared(late)).obstacles
    assert "copies start 8 ms after the primary on average, more than 5 ms" in said


def test_busy_loops_are_warned_of() -> None:
    busy = Conduct(start=StartSkew(100, 0, 1.0, 100, 10))
    (said,) = assessed(compared(busy)).warnings
    assert "late during 10 % of the pairs" in said


def test_requests_under_way_stand_in_the_way_only_where_nobody_knows_when_all_are_there() -> None:
    open_now = {**HEALTHY, "admitted": 1_050}
    behind = assessed(states=open_now)
    assert (behind.obstacles, len(behind.warnings)) == ((), 1)
    assert "50 requests are still under way" in behind.warnings[0]
    for fields in ({"watermark": None}, {"vanished": ("proxy-1",)}):
        (said,) = assessed(states=open_now, **fields).obstacles
        assert "50 of 1,050 admitted requests are still under way" in said
    assert assessed(states={**HEALTHY, "admitted": 1_009}, watermark=None).obstacles == ()


def test_given_up_workers_are_named() -> None:
    (said,) = assessed(vanished=("proxy-1", "proxy-2")).warnings
    assert "capture log of proxy-1, proxy-2" in said


def test_own_losses_above_one_percent_are_warned_of() -> None:
    (said,) = assessed(states={**HEALTHY, "memory": 30}).warnings
    assert "shadowbench itself lost 30 sampled requests (3 %)" in said
    assert assessed(states={**HEALTHY, "memory": 5}).warnings == ()


def _hour(n: int, ms: int, spread: int) -> HourSums:
    square = (ms * 1000) ** 2 + (spread * 1000) ** 2
    sums = {"rows": (n,), "total_us_n": (n,), "total_us": (n * ms * 1000,), "total_us_2": (n * square,)}
    return HourSums((0,), {**sums, "output_tokens_n": (0,), "output_tokens": (0,), "output_tokens_2": (0,)})


def test_skips_that_are_not_like_the_others_are_warned_of() -> None:
    conduct = Conduct(kept=_hour(1000, 800, 100), skipped={"memory": _hour(100, 1000, 100)})
    (said,) = assessed(compared(conduct)).warnings
    assert said == (
        "100 requests skipped for memory are not like the others: the primary's answers to them are 25 % slower"
    )


def test_earlier_experiments_and_changed_shares_are_warned_of() -> None:
    earlier, latest = experiment(40, id="e0"), experiment(60, share_high=0.2)
    found = assessed(compared(of=latest), experiments={"swift": (earlier, latest)})
    assert "the share changed within the window" in found.warnings[1]
    assert "40 pairs of earlier experiments" in found.warnings[2]


def test_failures_are_told_with_how_they_count() -> None:
    (said,) = assessed(compared(of=experiment(failures_candidate=90))).warnings
    assert "the candidate in 90 of 1,000 pairs" in said


def test_estimated_tokens_are_told() -> None:
    (said,) = assessed(
        compared(of=experiment(estimated_primary=10, estimated_candidate=10, estimated_both=10))
    ).warnings
    assert "neither arm reported usage" in said


def test_a_file_of_pairs_claims_nothing_that_it_does_not_know() -> None:
    found = assessed(compared(), states={}, watermark=AT)
    assert (found.population, found.skew, found.skip_bias, found.missing.ours_share) == (None, None, (), None)
    assert (found.sample_ratio.finding, found.warnings, found.obstacles) == ("open", (), ())


def test_a_candidate_without_pairs_is_assessed_all_the_same() -> None:
    found = assess("absent", figures({}), Plan(WINDOW, ("absent",)), (), [(m, 1.0) for m in METRICS])
    assert (found.obstacles, found.warnings, found.skew, found.population) == ((), (), None, None)
