"""Everything a report says, from rows to words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter
from scipy import stats

from analyzer.figures import Compared, Figures
from analyzer.gathering import gather, known_candidates
from analyzer.metrics import METRICS
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.results import CandidateStudy, Comparison, Study
from analyzer.source import Window
from analyzer.study import adjusted, study
from analyzer.surroundings.results import Drift
from analyzer.verdict import Verdict
from config.policy import Policy
from store.watermark import Watermark
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START, random_rows

WINDOW = Window(START, START + timedelta(hours=1))
NOW = START + timedelta(hours=2)
ONE_LOOK = Plan(WINDOW, ("swift",), kind="fixed")


def made(source: FakeSource, plan: Plan = ONE_LOOK, now: datetime = NOW) -> Study:
    return study(gather(source, plan, Setting(), now=now), plan)


def _row(candidate: CandidateStudy, metric: str, estimand: str | None = None) -> Any:
    return next(r for r in candidate.comparisons if r.metric.name == metric and estimand in {None, r.metric.estimand})


def test_plain_differences_are_found_whichever_way_one_looks() -> None:
    source = FakeSource(
        [
            *random_rows(2500, seed=1),
            *random_rows(2500, seed=2, candidate="sage", experiment="e2", speed=1.6, cost=3.0),
            *random_rows(2500, seed=3, candidate="control", experiment="e0", speed=1.0, cost=1.0),
        ]
    )
    for kind in ("anytime", "fixed"):
        result = made(source, Plan(WINDOW, ("swift", "sage"), kind=kind))
        swift, sage = result.candidates
        for metric, estimand in (("total_ms", "p50"), ("total_ms", "log_ratio"), ("cost_usd", "mean")):
            assert _row(swift, metric, estimand).verdict is Verdict.BETTER
            assert _row(sage, metric, estimand).verdict is Verdict.WORSE
        assert result.control is not None
        # Of thirty intervals for one look some leave out 0 by chance.
        differs = [r for r in result.control.comparisons if r.verdict in {Verdict.BETTER, Verdict.WORSE}]
        assert len(differs) <= (0 if kind == "anytime" else 4)
        (between,) = result.between
        assert (between.first, between.second) == ("swift", "sage")
        slower = next(r for r in between.comparisons if r.metric.key == ("total_ms", "p50"))
        assert slower.verdict is Verdict.WORSE
        assert slower.difference == pytest.approx(
            _row(sage, "total_ms", "p50").difference - _row(swift, "total_ms", "p50").difference
        )


def test_a_biased_setup_is_seen_in_the_control() -> None:
    rows = [*random_rows(800, seed=1), *random_rows(800, seed=3, candidate="control", speed=0.7)]
    (swift,) = made(FakeSource(rows)).candidates
    assert swift.integrity.control is not None
    failed = {(c.metric, c.estimand) for c in swift.integrity.control if c.finding == "failed"}
    assert ("total_ms", "log_ratio") in failed
    assert any("control" in obstacle for obstacle in swift.integrity.obstacles)
    assert swift.decision == "wait"


def test_agreements_are_set_against_the_controls_own() -> None:
    rows = [*random_rows(900, seed=1), *random_rows(900, seed=3, candidate="control")]
    (swift,) = made(FakeSource(rows)).candidates
    agreed = _row(swift, "exact_match")
    own = [r["exact_match"] for r in rows[900:] if r["exact_match"] is not None and _both_ok(r)]
    mine = [r["exact_match"] for r in rows[:900] if r["exact_match"] is not None and _both_ok(r)]
    assert agreed.primary == pytest.approx(sum(own) / len(own))
    assert agreed.candidate == pytest.approx(sum(mine) / len(mine))
    assert agreed.difference == pytest.approx(agreed.candidate - agreed.primary)
    assert agreed.interval is not None
    (alone,) = made(FakeSource(rows[:900])).candidates
    assert (_row(alone, "exact_match").candidate, _row(alone, "exact_match").difference) == (agreed.candidate, None)


def _both_ok(row: Any) -> bool:
    return {row["primary_outcome"], row["candidate_outcome"]} == {"ok"}


def test_p_values_are_adjusted_over_candidates_and_not_over_the_control() -> None:
    rows = [
        *random_rows(400, seed=1, speed=0.97),
        *random_rows(400, seed=2, candidate="sage", experiment="e2", speed=0.95),
        *random_rows(400, seed=3, candidate="control", experiment="e0", speed=1.0),
    ]
    result = made(FakeSource(rows), Plan(WINDOW, ("swift", "sage", "control"), kind="fixed"))
    swift, sage = result.candidates
    raw = sorted([_row(c, "total_ms", "log_ratio") for c in (swift, sage)], key=lambda row: row.p_value)
    assert raw[0].p_adjusted == pytest.approx(min(1, 2 * raw[0].p_value))
    assert raw[1].p_adjusted == pytest.approx(max(raw[1].p_value, raw[0].p_adjusted))
    assert result.control is not None
    assert _row(result.control, "total_ms").p_adjusted is None


def test_who_is_shown_alone_is_judged_among_all() -> None:
    """Asking about one candidate does not make its evidence stronger."""
    source = FakeSource(
        [*random_rows(400, seed=1, speed=0.97), *random_rows(400, seed=2, candidate="sage", experiment="e2")]
    )
    plan = replace(ONE_LOOK, candidates=("swift", "sage"))
    (alone,) = made(source, replace(plan, shown=("sage",))).candidates
    assert alone == made(source, plan).candidates[1]


def test_what_moves_two_candidates_alike_cancels_between_them() -> None:
    """The same answers but for a tenth of a millisecond: surely alike, however widely both differ from the primary."""
    rows = [row for row in random_rows(900, seed=3) if row["candidate_outcome"] == "ok"]
    others = [
        {
            **row,
            "candidate": "sage",
            "experiment": "e2",
            "candidate_total_ms": row["candidate_total_ms"] + 0.1 * (i % 2),
        }
        for i, row in enumerate(rows)
    ]
    result = made(FakeSource([*rows, *others]), replace(ONE_LOOK, candidates=("swift", "sage")))
    interval = next(r for r in result.between[0].comparisons if r.metric.key == ("total_ms", "mean")).interval
    assert interval is not None
    assert (interval.low + interval.high) / 2 == pytest.approx(0.05, abs=0.005)
    own = _row(result.candidates[0], "total_ms", "p50").interval
    assert interval.high - interval.low < 0.05
    assert own.high - own.low > 10


def test_only_rows_with_p_values_are_adjusted() -> None:
    silent = Comparison(METRICS[0], "fixed", 0.95, 0, 0)
    rows = [replace(silent, p_value=p) for p in (0.01, None, 0.04)]
    assert [row.p_adjusted for row in adjusted(rows)] == [0.02, None, 0.04]


def test_only_the_latest_experiment_is_reported() -> None:
    old = random_rows(50, seed=1, experiment="old")
    new = [{**row, "ts": row["ts"] + timedelta(minutes=30)} for row in random_rows(70, seed=2, experiment="new")]
    (swift,) = made(FakeSource([*old, *new])).candidates
    assert (swift.experiment, swift.pairs, swift.states["pair"]) == ("new", 70, 120)
    assert any("50 pairs of earlier experiments are left out" in w for w in swift.integrity.warnings)
    assert 50 < _row(swift, "error_rate").n <= 70, "the clients of some went away"


def test_a_window_without_pairs_is_a_report_all_the_same() -> None:
    (swift,) = made(FakeSource()).candidates
    assert (swift.pairs, swift.experiment, swift.decision) == (0, None, "wait")
    assert swift.reasons[0] == "no pairs in the window"
    assert all(row.verdict is Verdict.UNDECIDED and row.reason for row in swift.comparisons)


@pytest.mark.parametrize("n", [1, 2, 29])
def test_the_first_pairs_decide_nothing_and_break_nothing(n: int) -> None:
    (swift,) = made(FakeSource(random_rows(n, seed=4))).candidates
    assert swift.pairs == n
    assert all(row.interval is None for row in swift.comparisons)


def test_a_candidate_that_always_fails_is_worse_and_has_no_latency() -> None:
    rows = [{**row, "candidate_outcome": "timeout", "primary_outcome": "ok"} for row in random_rows(400, seed=5)]
    for i, row in enumerate(rows):
        row["primary_outcome"] = "http_error" if i % 50 == 0 else "ok"
    (swift,) = made(FakeSource(rows)).candidates
    errors, latency = _row(swift, "error_rate"), _row(swift, "total_ms")
    assert (errors.candidate, errors.verdict) == (1.0, Verdict.WORSE)
    assert (latency.metric.estimand, latency.verdict) == ("mean", Verdict.WORSE)
    median = _row(swift, "total_ms", "p50")
    assert (median.candidate, median.interval, median.verdict) == (None, None, Verdict.UNDECIDED)
    assert median.reason == "p50 of the candidate lies among failures, or too near to them"


def test_a_candidate_that_alone_and_always_fails_is_worse() -> None:
    """No spread, and no doubt either."""
    rows = [{**r, "candidate_outcome": "timeout", "primary_outcome": "ok"} for r in random_rows(200, seed=5)]
    (swift,) = made(FakeSource(rows)).candidates
    errors = _row(swift, "error_rate")
    assert (errors.difference, errors.verdict) == (1.0, Verdict.WORSE)


def test_arms_that_both_always_fail_are_undecided_with_a_reason() -> None:
    rows = [{**r, "candidate_outcome": "timeout", "primary_outcome": "timeout"} for r in random_rows(200, seed=5)]
    (swift,) = made(FakeSource(rows)).candidates
    errors = _row(swift, "error_rate")
    assert (errors.difference, errors.verdict) == (0.0, Verdict.UNDECIDED)
    assert errors.interval is not None
    assert errors.interval.low == pytest.approx(-errors.interval.high)


def test_a_study_is_not_complete_while_requests_are_under_way() -> None:
    rows = random_rows(40, seed=6)
    counted = {"swift": {"received": 43, "admitted": 43}}
    plan = ONE_LOOK
    assert made(FakeSource(rows, counted), plan).watermark is None
    assert made(FakeSource(rows), plan).watermark == WINDOW.until
    early = START + timedelta(minutes=5)
    assert made(FakeSource(rows), plan, early).watermark == early


def test_while_requests_are_under_way_estimates_use_whole_blocks_behind_the_watermark() -> None:
    """The watermark lies in a block: it and all later ones are left to the counts."""
    rows = random_rows(600, seed=6)
    counted = {"swift": {"received": 603, "admitted": 603}}
    at = START + timedelta(minutes=3, seconds=41)
    source = FakeSource(rows, counted, complete=Watermark(at, 1, ("proxy-9",)))
    plan = Plan(WINDOW, ("swift",), kind="fixed", block_s=60.0)
    result = made(source, plan)
    behind = [row for row in rows if row["ts"] < START + timedelta(minutes=3)]
    assert 0 < len(behind) < len(rows)
    (swift,) = result.candidates
    assert result.watermark == at
    assert swift.pairs == 600
    (alone,) = made(FakeSource(behind)).candidates
    assert [(r.n, r.difference) for r in swift.comparisons] == [(r.n, r.difference) for r in alone.comparisons]
    assert any("proxy-9" in warning for warning in swift.integrity.warnings)


def test_a_store_that_is_behind_the_whole_window_gives_counts_and_no_estimate() -> None:
    counted = {"swift": {"received": 50, "admitted": 50}}
    source = FakeSource(random_rows(40, seed=6), counted, complete=Watermark(START - timedelta(hours=1), 1, ()))
    (swift,) = made(source, Plan(WINDOW, ("swift",), kind="fixed", block_s=60.0)).candidates
    assert (swift.pairs, {row.n for row in swift.comparisons}) == (40, {0})


def test_the_same_store_gives_the_same_study() -> None:
    source = FakeSource([*random_rows(100, seed=1), *random_rows(100, seed=2, candidate="control")])
    plan = ONE_LOOK
    assert made(source, plan) == made(source, plan)


def test_without_a_policy_nothing_is_promoted() -> None:
    (swift,) = made(FakeSource(random_rows(800, seed=1, speed=0.1))).candidates
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
    (swift,) = made(FakeSource()).candidates
    assert [row.metric for row in swift.comparisons] == list(METRICS)


def test_the_same_figures_written_down_and_read_again_give_the_same_study() -> None:
    source = FakeSource([*random_rows(400, seed=1), *random_rows(400, seed=2, candidate="control")])
    figures = gather(source, ONE_LOOK, Setting(), now=NOW)
    adapter = TypeAdapter(Figures)
    again = adapter.validate_json(adapter.dump_json(figures))
    assert study(again, ONE_LOOK) == study(figures, ONE_LOOK)


def _dearer(row: Any, is_dearer: bool) -> dict[str, Any]:
    is_priced = is_dearer and row.get("candidate_cost_usd") is not None
    return {"candidate_cost_usd": row["candidate_cost_usd"] * 2} if is_priced else {}


def test_labels_are_searched_and_what_is_found_is_exploratory() -> None:
    """One tenant of three is dear; the correction leaves it, and hardly more."""
    rows = [
        {**row, "labels": {"tenant": f"t{i % 3}"}, **_dearer(row, i % 3 == 0)}
        for i, row in enumerate(random_rows(4500, seed=8, speed=1.0, cost=1.0))
    ]
    result = made(FakeSource(rows))
    found = {(s.label, s.value, s.comparison.metric.name) for s in result.segments if s.is_found}
    assert ("tenant", "t0", "cost_usd") in found
    assert len(found) <= 2
    assert len(result.segments) >= 12
    assert [s.q_value for s in result.segments] == pytest.approx(
        stats.false_discovery_control([s.comparison.p_value for s in result.segments])
    )


def test_the_control_is_the_witness_of_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that the control sees, too, is one of the setup."""
    heard: list[str | None] = []

    def hear(compared: Compared, control: Compared | None, *_: object) -> Drift:
        heard.append(None if control is None else control.experiment.candidate)
        return Drift((), 0)

    monkeypatch.setattr("analyzer.study.drift", hear)
    made(FakeSource([*random_rows(60, seed=1), *random_rows(60, seed=3, candidate="control", experiment="e0")]))
    assert heard == ["control", None], "of the candidate, and of the control itself"


def test_a_policy_decides() -> None:
    policy = Policy.model_validate(
        {
            "primary_metrics": [{"metric": "total_ms", "estimand": "p50"}, {"metric": "cost_usd", "require": "better"}],
            "guardrails": [{"metric": "timeout_rate", "margin": 0.05}],
            "planned_pairs": 1000,
        }
    )
    plan = Plan(WINDOW, ("swift", "sage"), policy=policy)
    source = FakeSource(
        [
            *random_rows(2500, seed=1),
            *random_rows(2500, seed=2, candidate="sage", experiment="e2", speed=1.6, cost=3.0),
        ]
    )
    swift, sage = made(source, plan).candidates
    assert (swift.decision, {c.finding for c in swift.checks}) == ("promote", {"passed"})
    assert (sage.decision, [c.finding for c in sage.checks]) == ("reject", ["failed", "failed", "passed"])
    assert [r.role for r in swift.comparisons if r.role != "other"] == ["primary", "primary", "guardrail"]


def test_an_agreement_is_only_as_well_known_as_the_scarcer_side() -> None:
    """A control leg that ran for three time blocks says little, however many blocks the candidate has pairs in."""
    mine = random_rows(900, seed=1)
    brief = [row for row in random_rows(900, seed=3, candidate="control") if row["ts"] < START + timedelta(seconds=60)]
    few = {START + timedelta(seconds=k) for k in (3, 4, 5)}
    late = [{**row, "block": sorted(few)[i % 3]} for i, row in enumerate(brief)]
    (well,) = made(FakeSource([*mine, *brief])).candidates
    (swift,) = made(FakeSource([*mine, *late])).candidates
    assert _row(well, "exact_match").interval is not None
    assert _row(well, "exact_match").blocks <= 60
    assert _row(swift, "exact_match").interval is None
    assert _row(swift, "exact_match").reason == "one side has pairs in 3 time blocks; an interval needs 10"
