"""Settings of judging, the dashboard, reports and webhooks: what excludes what is said with file, line and key."""

from pathlib import Path
from typing import Any

import pytest

from config.load import load_config
from config.model import Config
from config.source import ConfigError
from config.wire import from_wire, to_wire

BEGIN = "primary: {url: http://p}\ncandidates: [{name: a, url: http://a, model: gpt-4o-2024-08-06}]\n"
PRICE = {"input_per_mtok": 1, "output_per_mtok": 2}
JUDGE = "models: [{name: j, url: https://api.example.com, model: judge-large, api_key: judge-secret}]"


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "f.yaml"
    file.write_text(BEGIN + text + "\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"privacy: {{bodies: none}}\njudge: {{{JUDGE}}}", "f.yaml:4: judge: nobody can judge texts that are not kept"),
        (
            "judge: {models: [{name: j, url: http://j, model: openai/gpt-4o}]}",
            "f.yaml:3: judge.models[0].model: openai/gpt-4o is what a runs",
        ),
        ("judge: {rubric: nicest}", "f.yaml:3: judge.rubric: write helpfulness, factual_consistency, instruction"),
        ("judge: {sample: 120%}", "f.yaml:3: judge.sample: '120%' does not fit"),
        ("judge: {metrics: [regex_match]}", "f.yaml:3: judge: `metrics` has to name regex_match, and `patterns`"),
        ("judge: {patterns: {must: ['(']}}", "f.yaml:3: judge.patterns.must[0]: '(' is no regular expression"),
        ("judge: {patterns: {}}", "f.yaml:3: judge.patterns: write at least one expression"),
        (
            "judge: {models: [{name: j, url: http://j, model: m, api: anthropic, seed: 1}]}",
            "f.yaml:3: judge.models[0]: `seed` and `logprobs` exist with `api: openai` only",
        ),
        (
            "judge: {models: [{name: j, url: http://j, model: m}, {name: j, url: http://k, model: n}]}",
            "f.yaml:3: judge: two judges are called 'j'",
        ),
        ("judge: {budget: {usd_per_day: 0}}", "f.yaml:3: judge.budget.usd_per_day: 0 does not fit"),
        ("dashboard: {host: 0.0.0.0}", "f.yaml:3: dashboard.host: 0.0.0.0 can be reached from other machines"),
        ("dashboard: {port: 8081}", "f.yaml:3: dashboard.port: 8081 is admin.port too"),
        ("dashboard: {port: 8080}", "f.yaml:3: dashboard.port: 8080 is listen.port too"),
        ("reports: {at: '24:00'}", "f.yaml:3: reports.at:"),
        ("reports: {every: 10s}", "f.yaml:3: reports.every:"),
        ("webhooks: [{url: 'ftp://h/s3cret-path'}]", "f.yaml:3: webhooks[0].url: write an address like"),
        ("webhooks: [{url: 'http://h/s3cret-path', on: [party]}]", "f.yaml:3: webhooks[0].on[0]: 'party' does not fit"),
        ("telemetry: {endpoint: nowhere}", "f.yaml:3: telemetry.endpoint: write an address like"),
    ],
)
def test_what_excludes_what_is_said(tmp_path: Path, text: str, said: str) -> None:
    found = faults(tmp_path, text)
    assert any(line.startswith(said) for line in found), found
    assert not [line for line in found if "s3cret" in line or "judge-secret" in line]


def test_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(
        BEGIN
        + "judge: {rubric: own.yaml, models: [{name: j, url: https://j, model: m, tls: {ca: ca.pem}}]}\n"
        + "reports: {dir: nightly}\n"
    )
    config = load_config(file, {})
    assert config.judge is not None
    assert config.reports is not None
    assert config.judge.rubric == str(tmp_path / "own.yaml")
    assert config.judge.models[0].tls.ca == str(tmp_path / "ca.pem")
    assert config.reports.dir == str(tmp_path / "nightly")


def test_a_shipped_rubric_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(BEGIN + "judge: {}\n")
    judge = load_config(file, {}).judge
    assert judge is not None
    assert judge.rubric == "helpfulness"


def test_everything_survives_the_way_to_a_role() -> None:
    values: dict[str, Any] = {
        "primary": {"url": "http://p"},
        "judge": {
            "models": [{"name": "j", "url": "https://j", "model": "m", "api_key": "k-1", "price": PRICE}],
            "patterns": {"must": ["a+"]},
            "metrics": ["regex_match", "rouge_l"],
            "budget": {"usd_per_day": None},
        },
        "reports": {"every": "12h", "since": "7d"},
        "webhooks": [{"url": "https://hooks.example/secret", "on": ["drift"], "format": "slack"}],
        "telemetry": {"endpoint": "http://c:4318", "headers": {"x-key": "v"}},
    }
    config = Config.model_validate(values)
    assert from_wire(to_wire(config)) == config
    assert "k-1" not in repr(config)
    assert "hooks.example" not in repr(config)
