from decimal import Decimal
from typing import Any

import pytest

from analyzer.measures import BY_NAME, MEASURES, Shown, of_texts
from record.finish import CUT_SHORT
from tests.analyzer.text_metrics.making import metric

OK: dict[str, Any] = {"primary_outcome": "ok", "candidate_outcome": "ok"}


def taken(metric: str, **columns: Any) -> tuple[float, ...] | None:
    return BY_NAME[metric].taken({**OK, **columns})


def test_names_are_those_of_the_report_and_unique() -> None:
    names = [m.metric for m in MEASURES]
    assert len(set(names)) == len(names)
    assert names[:3] == ["total_ms", "ttft_ms", "itl_ms"]


def test_latency_is_candidate_then_primary() -> None:
    assert taken("total_ms", candidate_total_ms=640.0, primary_total_ms=812.0) == (640.0, 812.0)


@pytest.mark.parametrize(
    "circumstance",
    [
        {"held_ms": 0.5},
        {"gateway_cache": True},
        {"changed": ["store", "n"]},
        {"candidate_outcome": "timeout"},
        {"primary_outcome": "http_error"},
        {"primary_total_ms": None},
        {"candidate_total_ms": float("nan")},
        {"candidate_total_ms": float("inf")},
    ],
)
def test_latency_leaves_out_what_is_not_the_arms_own_time(circumstance: dict[str, Any]) -> None:
    assert taken("total_ms", **{"candidate_total_ms": 640.0, "primary_total_ms": 812.0, **circumstance}) is None


@pytest.mark.parametrize("failure", ["timeout", "http_error", "connect_error", "truncated", "invalid", "unavailable"])
def test_every_failure_counts_as_an_error(failure: str) -> None:
    assert taken("error_rate", candidate_outcome=failure) == (1.0, 0.0)


def test_a_timeout_is_an_error_and_a_timeout() -> None:
    assert taken("timeout_rate", candidate_outcome="timeout") == (1.0, 0.0)
    assert taken("timeout_rate", candidate_outcome="http_error") == (0.0, 0.0)


@pytest.mark.parametrize("metric", ["error_rate", "timeout_rate", "cost_usd", "cost_per_success", "valid_json_rate"])
def test_a_client_that_went_away_says_nothing_about_either_arm(metric: str) -> None:
    known = {f"{arm}_{name}": 1 for arm in ("primary", "candidate") for name in ("cost_usd", "valid_json")}
    assert taken(metric, **known, primary_outcome="client_abort") is None


@pytest.mark.parametrize("metric", ["output_tokens", "tokens_per_second"])
def test_where_an_arm_reports_no_tokens_both_are_counted_by_the_estimator(metric: str) -> None:
    """One second each: 40 reported tokens are never held against 30 estimated ones; 36 by the same rule are."""
    known = {"primary_total_ms": 1000, "candidate_total_ms": 1000, "primary_output_tokens": 40}
    both = known | {"candidate_output_tokens": 44}
    assert taken(metric, **both) == (44, 40)
    estimated = {"primary_estimated_output_tokens": 36, "candidate_estimated_output_tokens": 30}
    missing = known | {"candidate_output_tokens": 30, "candidate_tokens_estimated": True}
    assert taken(metric, **missing, **estimated) == (30, 36)
    assert taken(metric, **missing, candidate_estimated_output_tokens=30) is None
    assert taken(metric, **both, **estimated) == (44, 40)


@pytest.mark.parametrize("reason", CUT_SHORT)
def test_an_answer_that_hit_a_limit_is_cut_short_whatever_its_api_calls_that(reason: str) -> None:
    assert taken("truncation_rate", primary_finish_reason="stop", candidate_finish_reason=reason) == (1, 0)
    assert taken("truncation_rate", primary_finish_reason=reason.upper(), candidate_finish_reason="end_turn") == (0, 1)


@pytest.mark.parametrize("metric", ["cost_usd", "cost_per_success", "cost_per_1k_tokens"])
def test_estimated_tokens_are_never_compared_with_reported_ones(metric: str) -> None:
    known = {
        f"{arm}_{n}": 8
        for arm in ("primary", "candidate")
        for n in ("cost_usd", "input_tokens", "output_tokens", "total_ms")
    }
    assert taken(metric, **known) is not None
    assert taken(metric, **known, primary_tokens_estimated=True) is None
    assert taken(metric, **known, primary_tokens_estimated=True, candidate_tokens_estimated=True) is not None


def test_cost_is_a_number_of_dollars() -> None:
    costs = {"candidate_cost_usd": Decimal("0.000042"), "primary_cost_usd": Decimal("0.00042")}
    assert taken("cost_usd", **costs) == (0.000042, 0.00042)
    assert taken("cost_usd", **{**costs, "candidate_cost_usd": None}) is None


def test_cost_per_success_counts_what_failures_cost() -> None:
    costs = {"candidate_cost_usd": 0.2, "primary_cost_usd": 0.1, "candidate_outcome": "truncated"}
    assert taken("cost_per_success", **costs) == (0.2, 0.0, 0.1, 1.0)


def test_cost_per_thousand_tokens_counts_input_and_output() -> None:
    row = {
        "candidate_cost_usd": 0.2,
        "primary_cost_usd": 0.1,
        "candidate_input_tokens": 1500,
        "candidate_output_tokens": 500,
        "primary_input_tokens": 900,
        "primary_output_tokens": 100,
    }
    assert taken("cost_per_1k_tokens", **row) == (0.2, 2.0, 0.1, 1.0)


def test_output_speed_is_tokens_over_seconds() -> None:
    row = {
        "candidate_output_tokens": 50,
        "candidate_total_ms": 500.0,
        "primary_output_tokens": 30,
        "primary_total_ms": 1000.0,
    }
    assert taken("tokens_per_second", **row) == (100.0, 30.0)
    assert taken("tokens_per_second", **{**row, "primary_total_ms": 0.0}) is None


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens"])
def test_an_answer_is_cut_short_in_every_dialect(reason: str) -> None:
    assert taken("truncation_rate", candidate_finish_reason=reason, primary_finish_reason="stop") == (1.0, 0.0)


def test_a_broken_connection_cuts_an_answer_short() -> None:
    assert taken("truncation_rate", candidate_outcome="truncated") == (1.0, 0.0)
    assert taken("truncation_rate", candidate_outcome="http_error") is None


def test_a_failed_answer_is_no_valid_json() -> None:
    assert taken("valid_json_rate", primary_valid_json=True, candidate_outcome="http_error") == (0.0, 1.0)


def test_json_counts_only_where_it_was_asked_for() -> None:
    assert taken("valid_json_rate") is None
    assert taken("valid_json_rate", candidate_outcome="http_error") is None


def test_agreements_belong_to_both_arms() -> None:
    assert taken("exact_match", exact_match=True) == (1.0, 0.0)
    assert taken("tool_call_agreement", tool_call_agreement=0.5) == (0.5, 0.0)
    assert taken("exact_match") is None


def test_scores_of_texts_stand_under_the_metrics_name() -> None:
    assert taken("rouge_l", rouge_l=0.25) == (0.25, 0.0)
    assert taken("regex_match", regex_match_primary=1, regex_match_candidate=0) == (0.0, 1.0)
    assert taken("regex_match", regex_match_candidate=0) is None


def test_a_metric_of_texts_is_measured_as_it_is_declared() -> None:
    share, other = (of_texts(metric(unit=unit, joint=True, bounds=(0, 9))) for unit in ("share", "points"))
    assert (share.shown, other.shown) == (Shown("answer length", "%", 100), Shown("answer length", "points"))
    assert (share.origin, share.joint, share.bounds, share.taken_sql()) == (
        "scores",
        True,
        (0, 9),
        ("score_candidate", "0."),
    )
    assert of_texts(metric()).taken_sql() == ("score_candidate", "score_primary")


def test_a_row_with_missing_columns_counts_nowhere() -> None:
    assert [m.metric for m in MEASURES if m.taken({}) is not None] == []
