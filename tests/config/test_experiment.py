"""The experiment's id changes with what changes the answers, and with nothing else."""

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


def test_what_is_compared_holds_no_secret() -> None:
    config = Config.model_validate({**BASE, "candidates": [{**CANDIDATE, "headers": {"x-key": "s3cret"}}]})
    assert "s3cret" not in experiments(config)["a"].compared
