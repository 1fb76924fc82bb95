"""The experiment's id changes with what changes the answers, and with nothing else."""

import hashlib
import json
from typing import Any

import pytest

from config.experiment import experiments
from config.model import Config

CANDIDATE: dict[str, Any] = {
    "name": "a",
    "url": "http://a",
    "model": "m",
    "params": {"temperature": 0.2},
    "sample": 0.1,
}
BASE: dict[str, Any] = {"primary": {"url": "http://p"}, "candidates": [CANDIDATE]}


def experiment_id(candidate: dict[str, Any] | None = None, **settings: Any) -> str:
    values = {**BASE, **settings, "candidates": [{**CANDIDATE, **(candidate or {})}]}
    return experiments(Config.model_validate(values))["a"].id


@pytest.mark.parametrize(
    "candidate",
    [
        {"sample": 0.5},
        {"max_in_flight": 1},
        {"headers": {"authorization": "Bearer new"}},
        {"price": {"input_per_mtok": 1, "output_per_mtok": 1}},
        {"timeout": {"total": "1s"}},
    ],
)
def test_shares_limits_prices_and_secrets_go_on_with_the_same(candidate: dict[str, Any]) -> None:
    assert experiment_id(candidate) == experiment_id()


@pytest.mark.parametrize(
    "settings", [{"drain": "1s"}, {"sampling": {"seed": 7}}, {"control": {"sample": 1}}, {"listen": {"port": 1}}]
)
def test_settings_beside_the_arms_go_on_with_the_same(settings: dict[str, Any]) -> None:
    assert experiment_id(**settings) == experiment_id()


@pytest.mark.parametrize(
    "candidate",
    [
        {"model": "n"},
        {"model": None},
        {"url": "http://b"},
        {"params": {"temperature": 0.3}},
        {"params": {"temperature": None}},
    ],
)
def test_another_question_is_another_experiment(candidate: dict[str, Any]) -> None:
    assert experiment_id(candidate) != experiment_id()


def test_another_primary_is_another_experiment() -> None:
    assert experiment_id(primary={"url": "http://q"}) != experiment_id()


def test_the_order_of_params_does_not_matter() -> None:
    assert experiment_id({"params": {"a": 1, "b": 2}}) == experiment_id({"params": {"b": 2, "a": 1}})


def test_the_control_leg_is_one_when_it_is_on() -> None:
    assert set(experiments(Config.model_validate(BASE))) == {"a"}
    assert set(experiments(Config.model_validate({**BASE, "control": {"sample": 0.05}}))) == {"a", "control"}


RULE = {"metric": "total_ms", "estimand": "p95", "margin": "5%"}
POLICY: dict[str, Any] = {
    "primary_metrics": [RULE, {"metric": "cost_usd", "require": "better"}],
    "guardrails": [{"metric": "error_rate", "margin": 0.005}],
}


def policy_id(**changed: Any) -> str:
    return experiment_id(policy=POLICY | changed)


def test_without_a_policy_the_id_is_what_it_was_before_there_were_any() -> None:
    """SHA-256 over the canonical JSON of what is compared; worked out here, from its description alone."""
    candidate = '{"model":"m","name":"a","params":{"temperature":0.2},"url":"http://a"}'
    compared = f'{{"candidate":{candidate},"primary":{{"name":"primary","url":"http://p"}}}}'
    assert experiment_id() == hashlib.sha256(compared.encode()).hexdigest()[:16]
    found = experiments(Config.model_validate(BASE))["a"]
    assert (found.compared, found.policy, found.planned_pairs) == (compared, "", None)


def test_a_policy_starts_another() -> None:
    assert policy_id() != experiment_id()


@pytest.mark.parametrize(
    "changed",
    [
        {"primary_metrics": [RULE]},
        {"primary_metrics": [RULE | {"margin": "6%"}, POLICY["primary_metrics"][1]]},
        {"primary_metrics": [RULE | {"margin": 0.05}, POLICY["primary_metrics"][1]]},
        {"primary_metrics": [RULE | {"estimand": "p99"}, POLICY["primary_metrics"][1]]},
        {"primary_metrics": [RULE, {"metric": "cost_usd"}]},
        {"guardrails": []},
        {"level": 0.9},
        {"planned_pairs": 6000},
    ],
)
def test_what_decides_starts_another(changed: dict[str, Any]) -> None:
    assert policy_id(**changed) != policy_id()


@pytest.mark.parametrize(
    "changed",
    [
        {"minimum": {"pairs": 9, "days": 7}},
        {"weights": {}},
        {"control": {"within": 0.1, "required": True}},
        {"level": "95%"},
        {"planned_pairs": 5000},
        {"primary_metrics": [*reversed(POLICY["primary_metrics"])]},
        {"primary_metrics": [RULE | {"margin": {"value": 0.05, "relative": True}}, POLICY["primary_metrics"][1]]},
    ],
)
def test_what_only_says_when_to_believe_goes_on_with_the_same(changed: dict[str, Any]) -> None:
    """And so does the same policy in other words."""
    assert policy_id(**changed) == policy_id()


def test_the_control_leg_is_judged_by_the_policy_and_starts_another_too() -> None:
    control = {"control": {"sample": 0.05}}
    before, after = (experiments(Config.model_validate(BASE | control | policy)) for policy in ({}, {"policy": POLICY}))
    assert {before[name].id != after[name].id for name in ("a", "control")} == {True}


def test_what_decides_is_told_as_canonical_json() -> None:
    found = experiments(Config.model_validate(BASE | {"policy": POLICY | {"planned_pairs": 900}}))["a"]
    assert found.planned_pairs == 900
    told = json.loads(found.policy)
    assert told == {
        "level": 0.95,
        "planned_pairs": 900,
        "primary_metrics": [
            {"metric": "cost_usd", "estimand": None, "margin": None, "require": "better"},
            {
                "metric": "total_ms",
                "estimand": "p95",
                "margin": {"value": 0.05, "relative": True},
                "require": "not_worse",
            },
        ],
        "guardrails": [
            {
                "metric": "error_rate",
                "estimand": None,
                "margin": {"value": 0.005, "relative": False},
                "require": "not_worse",
            }
        ],
    }
    assert found.policy == json.dumps(told, sort_keys=True, separators=(",", ":"))


def test_the_question_stays_when_the_policy_changes() -> None:
    """By which budgets tell whether an answer may have another price now."""
    before, after = (experiments(Config.model_validate(BASE | p))["a"] for p in ({}, {"policy": POLICY}))
    assert before.id == before.question == after.question != after.id


def test_what_is_compared_holds_no_secret() -> None:
    config = Config.model_validate({**BASE, "candidates": [{**CANDIDATE, "headers": {"x-key": "s3cret"}}]})
    assert "s3cret" not in experiments(config)["a"].compared
