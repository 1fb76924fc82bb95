"""The short form of `make calibrate`: a few hundred replications, bounds with binomial tolerance, and the looks."""

import math

import numpy as np
import pytest

from analyzer.stats.anytime import Horizon, one_sided_multiplier, two_sided_multiplier
from tests.calibration import coverage, false_alarms, gates, missing, watches
from tests.calibration.ledgers import MeanLedger
from tests.calibration.looking import ANYTIME, PLANNED, SURELY_HELD, metric, misses, row
from tests.calibration.replicated import Results, Run, replicated
from tests.calibration.tables import Share
from tests.calibration.traffic import HEAVY, SLOW_LOAD, Draw, Rng

SEED = 2026


def _results(*runs: Run, times: int) -> Results:
    return replicated([Run(r.name, r.replicate, r.arguments) for r in runs], asked=times, seed=SEED, processes=1)


def _run(runs: tuple[Run, ...], name: str) -> Run:
    return next(run for run in runs if run.name == name)


def test_equal_arms_are_called_different_at_most_alpha_of_the_time_though_somebody_looks_at_every_block() -> None:
    """20,000 pairs, hundreds of looks; who takes 1.96 errors at each of them is wrong in more than 30 %."""
    found = _results(_run(false_alarms.RUNS, "false alarms mean iid"), times=60)["false alarms mean iid"]
    assert not Share.where(found["interval"]).surely_above(0.05)
    assert not Share.where(found["fixed"]).surely_above(0.05)
    assert Share.where(found["naive"]).value >= 0.30


@pytest.mark.parametrize(
    ("kind", "name"), [("log_ratio", "straddling"), ("rate", "rare"), ("ratio", "iid"), ("p50", "iid")]
)
def test_other_metrics_and_conversations_over_many_blocks_hold_their_level_too(kind: str, name: str) -> None:
    run = Run(f"short {kind} {name}", false_alarms.replicate, (kind, name, 5000))
    found = _results(run, times=100)[run.name]
    assert not Share.where(found["interval"]).surely_above(0.05)
    assert Share.where(found["naive"]).value > Share.where(found["interval"]).value


def test_conversations_that_straddle_blocks_need_the_error_over_buckets() -> None:
    """And load needs that over time: neither alone holds for both."""
    runs = [Run(f"short {name}", false_alarms.replicate, ("mean", name, 5000)) for name in ("straddling", "load-80")]
    straddling, loaded = _results(*runs, times=100).values()
    assert Share.where(straddling["time_only"]).surely_above(0.05)
    assert Share.where(loaded["buckets_only"]).surely_above(0.05)
    assert not any(Share.where(found["interval"]).surely_above(0.05) for found in (straddling, loaded))


@pytest.mark.parametrize(("kind", "name", "n"), [("mean", "iid", 2000), ("ratio", "iid", 2000), ("p95", "iid", 2000)])
def test_intervals_for_one_look_hold_the_truth_in_95_of_100(kind: str, name: str, n: int) -> None:
    """At least: the larger of two errors is a little too large."""
    found = _results(Run("short", coverage.replicate, (kind, name, n)), times=300)["short"]
    assert not Share.where(1 - found["covers"]).surely_above(0.05)
    assert Share.where(found["covers"]).value < 1


def test_a_gate_asked_at_every_block_passes_what_is_at_its_margin_in_5_of_100_at_most() -> None:
    wrong, right = (Run(f"short {d}", gates.replicate, (d, PLANNED)) for d in (-gates.MARGIN, 0.0))
    results = _results(wrong, right, times=40)
    at_margin, equal = results[wrong.name], results[right.name]
    assert not Share.where(~np.isnan(at_margin["passed"])).surely_above(0.05)
    assert Share.where(~np.isnan(at_margin["naive"])).surely_above(0.05)
    assert float(np.mean(equal["passed"] <= 3 * gates.FIXED_PAIRS)) >= 0.9


def test_drift_and_sample_ratio_are_quiet_where_nothing_happens_and_find_what_does() -> None:
    results = _results(*watches.RUNS, times=40)
    assert not Share.where(results["drift 0.0 0.0"]["false"] > 0).surely_above(0.15)
    assert float(np.isnan(results["drift 0.15 0.0"]["delay"]).mean()) < 0.1
    assert np.isnan(results["sample ratio 0.05"]["alarm"]).all()
    assert not np.isnan(results["sample ratio 0.055"]["alarm"]).any()


def test_timeouts_as_outcomes_leave_a_quantile_where_it_is_and_completers_do_not() -> None:
    found = _results(_run(missing.RUNS, "timeouts"), times=20)["timeouts"]
    assert np.abs(found["p90_outcome"] - found["p90_true"]).max() < 1e-6
    assert float(np.mean(found["p90_completers"] - found["p90_true"])) < -300
    assert float(np.mean(found["mean_outcome"])) == pytest.approx(missing.TRUE_CAPPED_MS, rel=0.05)


def test_worst_case_bounds_hold_where_the_longest_answers_were_lost() -> None:
    found = _results(_run(missing.RUNS, "lost"), times=100)["lost"]
    assert not Share.where(1 - found["bounded"]).surely_above(0.05)
    assert Share.where(found["plain"]).value < 0.5


def test_only_the_watermark_keeps_a_look_at_young_traffic_from_favouring_fast_pairs() -> None:
    found = _results(_run(missing.RUNS, "under way"), times=100)["under way"]
    behind, without = found["behind_15"], found["without_15"]
    true_s = missing.capped_mean(4.0, 0.6, 10.0) - missing.capped_mean(3.0, 0.55, 10.0)
    error = 4 * float(behind.std()) / math.sqrt(len(behind))
    assert float(behind.mean()) == pytest.approx(true_s, abs=error)
    assert float(without.mean()) < true_s - 0.1


@pytest.mark.parametrize("draw", [HEAVY, SLOW_LOAD])
def test_looks_that_are_not_worked_out_in_full_miss_nothing(draw: Draw, rng: Rng) -> None:
    """No multiplier is as small as the bound below which a look is passed over; rows made for each look agree."""
    ledger, of = MeanLedger(draw(rng, 4000)), metric("total_ms", "mean")
    said = [row(of, ledger.at(blocks), ANYTIME) for blocks in range(10, ledger.blocks + 1)]
    intervals = [one.interval for one in said if one.interval is not None]
    truth = intervals[-1].high + 1.0
    missed = any(not interval.low <= truth <= interval.high for interval in intervals)
    assert misses(ledger, of, truth=truth).interval is missed
    assert missed
    sizes = [Horizon(n, PLANNED) for n in (500, 2000, 5000, 20_000, 10**6)]
    assert min(one_sided_multiplier(size, 0.05) for size in sizes) > 1.3 * SURELY_HELD
    assert min(two_sided_multiplier(size, 0.05) for size in sizes) > 1.3 * SURELY_HELD
