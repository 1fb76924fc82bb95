"""A policy asks for metrics that exist, in ways that they can answer."""

from dataclasses import replace
from typing import Any

import pytest

from analyzer.metrics import METRICS, Metric
from analyzer.policy_names import metric_of, placed_faults
from config.policy import MetricRule, Policy
from config.source import key_text


def faults(*rules: dict[str, Any], guardrails: tuple[dict[str, Any], ...] = ()) -> list[str]:
    policy = Policy.model_validate({"primary_metrics": list(rules), "guardrails": list(guardrails)})
    return [f"{key_text(path)}: {text}" for path, text in placed_faults(policy, METRICS)]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: " ".join(m.key))
def test_every_metric_can_be_declared(metric: Metric) -> None:
    require = "not_worse" if metric.better else "equivalent"
    assert faults({"metric": metric.name, "estimand": metric.estimand, "require": require}) == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: " ".join(m.key))
def test_a_rule_finds_its_metric_and_without_an_estimand_the_first(metric: Metric) -> None:
    assert metric_of(MetricRule(metric=metric.name, estimand=metric.estimand), METRICS) is metric
    first = next(m for m in METRICS if m.name == metric.name)
    assert metric_of(MetricRule(metric=metric.name), METRICS) is first


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"metric": "total_mss"},
            "primary_metrics[0].metric: there is no metric 'total_mss'; did you mean 'total_ms'?",
        ),
        (
            {"metric": "judge_preferense"},
            "primary_metrics[0].metric: there is no metric 'judge_preferense'; did you mean 'judge_preference'?",
        ),
        (
            {"metric": "cost_usd", "estimand": "p95"},
            "primary_metrics[0].estimand: cost_usd has no p95; there is only mean",
        ),
        (
            {"metric": "total_ms", "estimand": "rate"},
            "primary_metrics[0].estimand: total_ms has no rate; there are mean, p50, p95, p99, log_ratio",
        ),
        (
            {"metric": "output_tokens"},
            (
                "primary_metrics[0].require: neither direction of output_tokens is better by itself; "
                "write `require: equivalent`"
            ),
        ),
        (
            {"metric": "error_rate", "margin": 2},
            (
                "primary_metrics[0].margin: error_rate is a share from 0 to 1, so a margin of 2 allows everything; "
                "write 0.02 for 2 percentage points"
            ),
        ),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(rule: dict[str, Any], said: str) -> None:
    assert faults(rule) == [said]


def test_a_name_like_no_other_is_answered_with_all_of_them() -> None:
    (said,) = faults({"metric": "zzzzzz"})
    assert all(metric.name in said for metric in METRICS)


def test_the_first_estimand_in_words_and_without_is_the_same_rule() -> None:
    assert faults({"metric": "total_ms"}, guardrails=({"metric": "total_ms", "estimand": "mean"},)) == [
        "guardrails[0].metric: total_ms mean is what primary_metrics[0] asks already; keep one"
    ]


def test_all_faults_come_at_once_with_their_places() -> None:
    policy = Policy.model_validate(
        {
            "primary_metrics": [{"metric": "a"}, {"metric": "cost_usd", "estimand": "p50"}],
            "guardrails": [{"metric": "b"}],
        }
    )
    assert [place for place, _ in placed_faults(policy, METRICS)] == [
        ("primary_metrics", 0, "metric"),
        ("primary_metrics", 1, "estimand"),
        ("guardrails", 0, "metric"),
    ]


def test_a_margin_of_a_share_may_be_a_share_of_the_primarys() -> None:
    assert faults({"metric": "error_rate", "margin": "150%"}) == []


def test_metrics_of_plug_ins_can_be_declared() -> None:
    own = replace(METRICS[0], measure=replace(METRICS[0].measure, metric="tone"))
    policy = Policy.model_validate({"primary_metrics": [{"metric": "tone"}]})
    assert placed_faults(policy, (*METRICS, own)) == []
    assert len(placed_faults(policy, METRICS)) == 1
