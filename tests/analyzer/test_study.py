from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analyzer.measures import BY_NAME
from analyzer.source import Window
from analyzer.study import CandidateStudy, Plan, known_candidates, study
from analyzer.verdict import Verdict
from store.watermark import Watermark
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START, random_rows

WINDOW = Window(START, START + timedelta(hours=1))
NOW = START + timedelta(hours=2)


def _row(candidate: CandidateStudy, metric: str) -> Any:
    return next(row for row in candidate.comparisons if row.measure.metric == metric)


def test_plain_differences_are_found_and_the_control_is_clean() -> None:
    source = FakeSource(
        [
            *random_rows(800, seed=1),
            *random_rows(800, seed=2, candidate="sage", experiment="e2", speed=1.6, cost=3.0),
            *random_rows(800, seed=3, candidate="control", experiment="e0", speed=1.0, cost=1.0),
        ]
    )
    result = study(source, Plan(WINDOW, ("swift", "sage")), now=NOW)
    swift, sage = result.candidates
    assert (_row(swift, "total_ms").verdict, _row(sage, "total_ms").verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert (_row(swift, "cost_usd").verdict, _row(sage, "cost_usd").verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert swift.integrity.control is not None
    assert (swift.integrity.control.pairs, swift.integrity.control.differs) == (800, ())


def test_a_biased_setup_is_seen_in_the_control() -> None:
    rows = [*random_rows(800, seed=1), *random_rows(800, seed=3, candidate="control", speed=0.7)]
    (swift,) = study(FakeSource(rows), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert swift.integrity.control is not None
    assert "total_ms" in swift.integrity.control.differs
    assert any("the control (primary against itself) differs in" in w for w in swift.integrity.warnings)


def test_the_controls_metrics_are_corrected_for_each_other() -> None:
    """An interval that leaves out 0 is said of the metric by itself; Holm over all metrics decides on the setup."""
    chance = 0
    for seed in range(40):
        rows = random_rows(120, seed=seed, candidate="control", speed=1.0, cost=1.0)
        (control,) = study(FakeSource(rows), Plan(WINDOW, ("control",)), now=NOW).candidates
        found = control.integrity.control
        assert found is not None
        decided = {r.measure.metric for r in control.comparisons if r.verdict in (Verdict.BETTER, Verdict.WORSE)}
        directed = {r.measure.metric for r in control.comparisons if r.measure.better is not None}
        assert decided == set(found.differs_alone) & directed
        adjusted = {row.measure.metric: row.p_adjusted for row in found.asked}
        smallest = min(found.asked, key=lambda row: row.p_value or 0.0)
        assert smallest.p_value is not None
        assert adjusted[smallest.measure.metric] == pytest.approx(min(1.0, smallest.p_value * len(found.asked)))
        assert set(found.differs) == {m for m, p in adjusted.items() if p is not None and p < 0.05}
        assert set(found.differs) <= set(found.differs_alone)
        chance += bool(found.differs_alone) and not found.differs
    assert chance > 0  # or nothing was proved


def test_p_values_are_adjusted_over_candidates_and_not_over_the_control() -> None:
    rows = [
        *random_rows(400, seed=1, speed=0.97),
        *random_rows(400, seed=2, candidate="sage", experiment="e2", speed=0.95),
        *random_rows(400, seed=3, candidate="control", experiment="e0", speed=1.0),
    ]
    swift, sage, control = study(FakeSource(rows), Plan(WINDOW, ("swift", "sage", "control")), now=NOW).candidates
    raw = sorted([_row(swift, "total_ms"), _row(sage, "total_ms")], key=lambda row: row.p_value)
    assert raw[0].p_adjusted == pytest.approx(min(1, 2 * raw[0].p_value))
    assert raw[1].p_adjusted == pytest.approx(max(raw[1].p_value, raw[0].p_adjusted))
    assert _row(control, "total_ms").p_adjusted is None


def test_only_the_latest_experiment_is_reported() -> None:
    old = random_rows(50, seed=1, experiment="old")
    new = [{**row, "ts": row["ts"] + timedelta(minutes=30)} for row in random_rows(70, seed=2, experiment="new")]
    (swift,) = study(FakeSource([*old, *new]), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert (swift.experiment, swift.pairs, swift.states["pair"]) == ("new", 70, 120)
    assert any("50 pairs of earlier experiments are left out" in w for w in swift.integrity.warnings)


def test_a_window_without_pairs_is_a_report_all_the_same() -> None:
    (swift,) = study(FakeSource(), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert (swift.pairs, swift.experiment, swift.decision) == (0, None, "wait")
    assert swift.reasons[0] == "no pairs in the window"
    assert all(row.verdict is Verdict.UNDECIDED and row.reason for row in swift.comparisons)


@pytest.mark.parametrize("n", [1, 2, 29, 30])
def test_the_first_pairs_decide_nothing_and_break_nothing(n: int) -> None:
    (swift,) = study(FakeSource(random_rows(n, seed=4)), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert swift.pairs == n
    assert all(row.interval is None for row in swift.comparisons)


def test_a_candidate_that_always_fails_is_worse_and_has_no_latency() -> None:
    rows = [{**row, "candidate_outcome": "timeout", "primary_outcome": "ok"} for row in random_rows(200, seed=5)]
    for i, row in enumerate(rows):
        row["primary_outcome"] = "http_error" if i % 50 == 0 else "ok"
    (swift,) = study(FakeSource(rows), Plan(WINDOW, ("swift",)), now=NOW).candidates
    errors, latency = _row(swift, "error_rate"), _row(swift, "total_ms")
    assert (errors.candidate, errors.verdict) == (1.0, Verdict.WORSE)
    assert (latency.n, latency.verdict) == (0, Verdict.UNDECIDED)


def test_a_candidate_that_alone_and_always_fails_is_worse() -> None:
    """No spread, and no doubt either."""
    rows = [{**r, "candidate_outcome": "timeout", "primary_outcome": "ok"} for r in random_rows(200, seed=5)]
    (swift,) = study(FakeSource(rows), Plan(WINDOW, ("swift",)), now=NOW).candidates
    errors = _row(swift, "error_rate")
    assert (errors.difference, errors.verdict) == (1.0, Verdict.WORSE)


def test_arms_that_both_always_fail_are_undecided_with_a_reason() -> None:
    rows = [{**r, "candidate_outcome": "timeout", "primary_outcome": "timeout"} for r in random_rows(200, seed=5)]
    (swift,) = study(FakeSource(rows), Plan(WINDOW, ("swift",)), now=NOW).candidates
    errors = _row(swift, "error_rate")
    assert (errors.difference, errors.verdict) == (0.0, Verdict.UNDECIDED)
    assert errors.reason == "the arms differ in 0 pairs; a verdict needs 10"


def test_a_study_is_not_complete_while_requests_are_under_way() -> None:
    rows = random_rows(40, seed=6)
    counted = {"swift": {"received": 43, "admitted": 43}}
    plan = Plan(WINDOW, ("swift",))
    assert study(FakeSource(rows, counted), plan, now=NOW).watermark is None
    assert study(FakeSource(rows), plan, now=NOW).watermark == WINDOW.until
    early = START + timedelta(minutes=5)
    assert study(FakeSource(rows), plan, now=early).watermark == early


def test_while_requests_are_under_way_estimates_use_whole_blocks_behind_the_watermark() -> None:
    """The watermark lies in a block: it and all later ones are left to the counts."""
    rows = random_rows(600, seed=6)
    counted = {"swift": {"received": 603, "admitted": 603}}
    at = START + timedelta(minutes=3, seconds=41)
    source = FakeSource(rows, counted, complete=Watermark(at, 1, ("proxy-9",)))
    plan = Plan(WINDOW, ("swift",), block_s=60.0)
    result = study(source, plan, now=NOW)
    behind = [row for row in rows if row["ts"] < START + timedelta(minutes=3)]
    assert 0 < len(behind) < len(rows)
    (swift,) = result.candidates
    assert result.watermark == at
    assert swift.pairs == 600
    (alone,) = study(FakeSource(behind), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert [(r.n, r.difference) for r in swift.comparisons] == [(r.n, r.difference) for r in alone.comparisons]
    assert any("proxy-9" in warning for warning in swift.integrity.warnings)


def test_a_store_that_is_behind_the_whole_window_gives_counts_and_no_estimate() -> None:
    counted = {"swift": {"received": 50, "admitted": 50}}
    source = FakeSource(random_rows(40, seed=6), counted, complete=Watermark(START - timedelta(hours=1), 1, ()))
    (swift,) = study(source, Plan(WINDOW, ("swift",), block_s=60.0), now=NOW).candidates
    assert (swift.pairs, {row.n for row in swift.comparisons}) == (40, {0})


def test_the_same_store_gives_the_same_study() -> None:
    source = FakeSource([*random_rows(100, seed=1), *random_rows(100, seed=2, candidate="control")])
    plan = Plan(WINDOW, ("swift",))
    assert study(source, plan, now=NOW) == study(source, plan, now=NOW)


def test_without_a_policy_nothing_is_promoted() -> None:
    (swift,) = study(FakeSource(random_rows(800, seed=1, speed=0.1)), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert swift.decision == "wait"
    assert any("no policy declared" in reason for reason in swift.reasons)


def test_candidates_are_configured_ones_first_and_the_control_last() -> None:
    rows = [*random_rows(3, seed=1, candidate="control"), *random_rows(3, seed=2, candidate="gone")]
    source = FakeSource(rows, {"counted-only": {"received": 3}})
    assert known_candidates(source, WINDOW, ["swift"]) == ("swift", "counted-only", "gone", "control")
    assert known_candidates(FakeSource(), WINDOW) == ()


def test_the_window_is_half_open() -> None:
    rows = random_rows(1, seed=1)
    at = rows[0]["ts"]
    assert FakeSource(rows).experiments(Window(at, at + timedelta(seconds=1)))
    assert not FakeSource(rows).experiments(Window(datetime(2026, 1, 1, tzinfo=UTC), at))


def test_every_metric_has_its_row() -> None:
    (swift,) = study(FakeSource(), Plan(WINDOW, ("swift",)), now=NOW).candidates
    assert [row.measure.metric for row in swift.comparisons] == list(BY_NAME)
