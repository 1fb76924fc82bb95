"""A policy: what decides, as people write it; whatever could be taken in two ways is refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.load import load_config
from config.model import Config
from config.policy import Margin, Policy
from config.policy_file import read_policy
from config.source import ConfigError
from config.wire import from_wire, to_wire

RULE: dict[str, Any] = {"metric": "total_ms"}
SMALLEST: dict[str, Any] = {"primary_metrics": [RULE]}


def margin_of(written: Any) -> Margin | None:
    return Policy.model_validate({"primary_metrics": [RULE | {"margin": written}]}).primary_metrics[0].margin


def said_of(values: dict[str, Any]) -> list[tuple[str, str]]:
    """(place, message) of every fault."""
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(values)
    return [(".".join(map(str, e["loc"])), e["msg"]) for e in caught.value.errors()]


def faults_in(tmp_path: Path, text: str) -> list[str]:
    """Of a policy's own file, without the directory."""
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_policy(file, {})
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("written", "value", "relative"),
    [
        (200, 200.0, False),
        (0.05, 0.05, False),
        (0, 0.0, False),
        ("200", 200.0, False),
        ("5%", 0.05, True),
        (" 0.5 % ", 0.005, True),
        ({"value": 3, "relative": True}, 3.0, True),
    ],
)
def test_a_margin_is_a_number_in_the_metrics_unit_or_a_share(written: Any, value: float, relative: bool) -> None:
    assert margin_of(written) == Margin(value=value, relative=relative)


def test_without_a_margin_the_metric_has_its_own() -> None:
    assert margin_of(None) is None
    assert Policy.model_validate(SMALLEST).primary_metrics[0].margin is None


@pytest.mark.parametrize("written", [-1, "-5%", "inf", "nan", float("inf"), "much", "5 ms", True, [5], "%", ""])
def test_anything_else_is_no_margin(written: Any) -> None:
    with pytest.raises(ValidationError):
        margin_of(written)


def test_better_takes_no_margin_since_nobody_would_know_which_way_it_points() -> None:
    ((place, said),) = said_of({"primary_metrics": [RULE | {"require": "better", "margin": "10%"}]})
    assert place == "primary_metrics.0"
    assert "leave the margin out" in said
    assert Policy.model_validate({"primary_metrics": [RULE | {"require": "better"}]}).primary_metrics[0].margin is None


def test_nothing_is_equivalent_within_nothing() -> None:
    ((_, said),) = said_of({"guardrails": [RULE | {"require": "equivalent", "margin": 0}]})
    assert "margin above it" in said


@pytest.mark.parametrize("values", [{}, {"primary_metrics": [], "guardrails": []}, {"planned_pairs": 100}])
def test_a_policy_without_any_metric_is_one_fault(values: dict[str, Any]) -> None:
    ((place, said),) = said_of(values)
    assert place == ""
    assert "names no metric that decides" in said


@pytest.mark.parametrize("key", ["primary_metrics", "guardrails"])
def test_one_metric_is_enough_wherever_it_stands(key: str) -> None:
    assert len(list(Policy.model_validate({key: [RULE]}).rules())) == 1


def test_a_rule_that_stands_twice_is_named_with_the_first_of_its_kind() -> None:
    twice = {
        "primary_metrics": [RULE, RULE | {"estimand": "p95"}, RULE | {"margin": 5}],
        "guardrails": [RULE | {"estimand": "p95", "require": "better"}, {"metric": "error_rate"}],
    }
    assert said_of(twice) == [
        ("primary_metrics.2", "says the same as primary_metrics[0]; keep one"),
        ("guardrails.0", "says the same as primary_metrics[1]; keep one"),
    ]


def test_weights_add_up_to_one() -> None:
    ((place, said),) = said_of(SMALLEST | {"weights": {"quality": "50%", "cost": 0.35, "latency": 0.25}})
    assert place == "weights"
    assert "add up to 1.1 (quality 0.5, cost 0.35, latency 0.25)" in said
    weights = Policy.model_validate(SMALLEST | {"weights": {"quality": "40%", "cost": "35%", "latency": "25%"}}).weights
    assert weights is not None
    assert (weights.quality, weights.cost, weights.latency) == (0.40, 0.35, 0.25)


@pytest.mark.parametrize(("written", "level"), [(0.95, 0.95), ("99%", 0.99)])
def test_the_level_is_a_share(written: Any, level: float) -> None:
    assert Policy.model_validate(SMALLEST | {"level": written}).level == level


@pytest.mark.parametrize("written", [95, 0.4, 1, "100%", True, "nan"])
def test_a_level_that_would_decide_everything_or_nothing_is_refused(written: Any) -> None:
    assert [place for place, _ in said_of(SMALLEST | {"level": written})] == ["level"]


def test_the_policy_of_the_documentation(tmp_path: Path) -> None:
    """Every key of the example in the design."""
    text = """\
policy:
  level: 0.95
  primary_metrics:
    - {metric: judge_preference, margin: 0.05}
    - {metric: total_ms, estimand: p95, margin: 200}
    - {metric: cost_usd, require: better}
  guardrails: [{metric: error_rate, margin: 0.005}]
  minimum: {pairs: 500, blocks: 20, days: 7}
  planned_pairs: 20000
  weights: {quality: 0.40, cost: 0.35, latency: 0.25}
"""
    assert faults_of_config(tmp_path, text) == []


def faults_of_config(tmp_path: Path, policy: str) -> list[str]:
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p}\n" + policy)
    try:
        load_config(file, {})
    except ConfigError as error:
        return [str(fault).removeprefix(f"{tmp_path}/") for fault in error.faults]
    return []


rules = st.fixed_dictionaries(
    {"metric": st.sampled_from(["total_ms", "cost_usd", "error_rate", "win_rate"])},
    optional={
        "estimand": st.sampled_from(["mean", "p50", "p95", "rate", "log_ratio"]),
        "margin": st.one_of(st.floats(0, 1e9), st.integers(0, 10**6), st.integers(0, 300).map(lambda n: f"{n}%")),
    },
)


def key_of(rule: dict[str, Any]) -> tuple[str, str | None]:
    return rule["metric"], rule.get("estimand")


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    declared = draw(st.lists(rules, min_size=1, max_size=6, unique_by=key_of))
    cut = draw(st.integers(0, len(declared)))
    quality = draw(st.integers(0, 100))
    cost = draw(st.integers(0, 100 - quality))
    shares = {"quality": quality, "cost": cost, "latency": 100 - quality - cost}
    return {
        "level": draw(st.floats(0.5, 0.9999)),
        "primary_metrics": declared[:cut],
        "guardrails": declared[cut:],
        "minimum": {"pairs": draw(st.integers(1, 10**6)), "days": draw(st.floats(0, 100))},
        "planned_pairs": draw(st.integers(100, 10**9)),
        "weights": draw(st.sampled_from([None, {name: f"{share}%" for name, share in shares.items()}])),
        "control": {"within": draw(st.floats(0.01, 1)), "required": draw(st.booleans())},
    }


@given(policies())
def test_every_policy_survives_the_way_between_processes(policy: dict[str, Any]) -> None:
    config = Config.model_validate({"primary": {"url": "http://p"}, "policy": policy})
    encoded = msgspec.json.encode(to_wire(config))
    assert from_wire(msgspec.json.decode(encoded)) == config
    assert from_wire(json.loads(encoded)) == config


@pytest.mark.parametrize("text", ["guardrails: [{metric: x}]\n", "policy:\n  guardrails: [{metric: x}]\n"])
def test_a_file_of_its_own_has_the_keys_at_the_top_or_under_policy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    assert [rule.metric for rule in read_policy(file).policy.guardrails] == ["x"]


def test_a_whole_configuration_is_such_a_file_too(tmp_path: Path) -> None:
    """Its other keys are known, and nobody asks them."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "primary: {url: http://p}\nblocks: {length: 10s}\npolicy: {guardrails: [{metric: x, margin: 5%}]}\n"
    )
    assert read_policy(file).policy == load_config(file, {}).policy


def test_variables_are_expanded(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("guardrails: [{metric: x, margin: '${MARGIN}'}]\nplanned_pairs: ${N:-700}\n")
    policy = read_policy(file, {"MARGIN": "7%"}).policy
    assert policy.guardrails[0].margin == Margin(value=0.07, relative=True)
    assert policy.planned_pairs == 700


@pytest.mark.parametrize("below", ["", "policy"])
def test_all_faults_of_a_policy_file_come_at_once_with_line_and_key(tmp_path: Path, below: str) -> None:
    lines = [
        "primry_metrics: []",
        "primary_metrics:",
        "  - {metric: total_ms, margn: 5}",
        "  - {metric: cost_usd, margin: -1}",
        "  - {metric: ttft_ms, require: beter}",
        "minimum: {pairs: 0}",
    ]
    text = "\n".join([f"{below}:", *(f"  {line}" for line in lines)] if below else lines)
    first, prefix = (2, "policy.") if below else (1, "")
    assert faults_in(tmp_path, text) == [
        f"p.yaml:{first}: {prefix}primry_metrics: unknown key; did you mean 'primary_metrics'?",
        f"p.yaml:{first + 2}: {prefix}primary_metrics[0].margn: unknown key; did you mean 'margin'?",
        f"p.yaml:{first + 3}: {prefix}primary_metrics[1].margin: -1 does not fit; write at least 0.0",
        (
            f"p.yaml:{first + 4}: {prefix}primary_metrics[2].require: 'beter' does not fit; "
            "write 'not_worse', 'better' or 'equivalent'"
        ),
        f"p.yaml:{first + 5}: {prefix}minimum.pairs: 0 does not fit; write at least 1",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml: is empty; it needs at least `primary_metrics: [{metric: ...}]`"),
        ("- a\n", "p.yaml:1: holds no settings; it needs at least `primary_metrics: [{metric: ...}]`"),
        ("policy:\n", "p.yaml:1: policy: has no value; write settings below it, each as `key: value`"),
        ("level: 0.9\n", "p.yaml: names no metric that decides"),
        ("policy: {level: 0.9}\n", "p.yaml:1: policy: names no metric that decides"),
        ("policy: {guardrails: [{metric: x}]}\nlvel: 1\n", "p.yaml:2: lvel: unknown key"),
        ("guardrails: [{metric: x}]\nlevel: ${NOT_SET}\n", "p.yaml:2: level: the environment variable NOT_SET"),
        ("guardrails: [{metric: x}, {metric: x}]\n", "p.yaml:1: guardrails[1]: says the same as guardrails[0]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (line,) = faults_in(tmp_path, text)
    assert line.startswith(said)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_policy(tmp_path / "absent.yaml")


def test_a_policy_remembers_the_lines_of_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("policy:\n  guardrails:\n    - metric: x\n")
    fault = read_policy(file).fault(("guardrails", 0, "metric"), "there is none")
    assert str(fault) == f"{file}:3: policy.guardrails[0].metric: there is none"


def test_in_a_configuration_the_same_faults_name_the_same_lines(tmp_path: Path) -> None:
    assert faults_of_config(tmp_path, "policy:\n  guardrails:\n    - {metric: x, margin: yes}\n") == [
        "f.yaml:4: policy.guardrails[0].margin: is a number, not a truth value"
    ]
