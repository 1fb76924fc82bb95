"""`shadowbench check` says what a valid configuration copies, and everything that is wrong with another."""

import json
from pathlib import Path

import pytest

from cli.main import run

VALID = """\
primary: {url: http://gateway:4000}
candidates:
  - {name: listed, url: https://api.openai.com, model: gpt-4o, sample: 10%}
  - {name: unlisted, url: http://vllm:8000, model: nobody-knows-7b, sample: 0.5}
  - {name: clients, url: http://vllm:8000, sample: 1%}
  - {name: priced, url: http://vllm:8000, model: x, sample: 1%, price: {input_per_mtok: 1, output_per_mtok: 2}}
  - {name: idle, url: http://vllm:8000}
control: {sample: 2%}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.yaml"


def test_shares_and_prices_are_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(VALID)
    assert run(["check", "-c", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.pop().startswith("no forecast of copies and dollars per day: ")
    assert lines == [
        "valid; clients are answered by http://gateway:4000",
        "listed: 10% of requests -> https://api.openai.com, model gpt-4o; price known from the list",
        (
            "unlisted: 50% of requests -> http://vllm:8000, model nobody-knows-7b; "
            "price unknown: costs stay empty until `price` is set"
        ),
        "clients: 1% of requests -> http://vllm:8000, the client's model; price by the model of each request",
        "priced: 1% of requests -> http://vllm:8000, model x; your own price",
        "idle: nothing is copied to http://vllm:8000 (sample is 0)",
        "control: 2% of requests -> http://gateway:4000, the client's model; price by the model of each request",
    ]


def test_the_same_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(VALID)
    assert run(["check", "-c", str(file), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is True
    assert [(a["name"], a["sample"], a["price"]) for a in answer["mirrored"]] == [
        ("listed", 0.1, "listed"),
        ("unlisted", 0.5, "unknown"),
        ("clients", 0.01, "by_model"),
        ("priced", 0.01, "own"),
        ("idle", 0.0, "by_model"),
        ("control", 0.02, "by_model"),
    ]


def test_a_cluster_is_said_with_what_is_not_proven_of_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("primary: {url: http://p}\nstore: {url: 'clickhouse://127.0.0.1:1/db', cluster: prod}\n")
    assert run(["check", "-c", str(file)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("store: "))
    assert "on cluster 'prod'" in line
    assert "not run on a cluster" in line


def test_a_configuration_that_copies_nothing_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("primary: {url: http://p}\n")
    assert run(["check", "-c", str(file)]) == 0
    assert "nothing is copied" in capsys.readouterr().out


def test_every_fault_at_once_with_file_line_and_key(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("primary: {url: gateway}\ncandidates:\n  - {name: a, url: http://a, smple: 1}\ndrain: 5\n")
    assert run(["check", "-c", str(file)]) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(": ")[0] for line in said.err.splitlines()] == [f"{file}:{n}" for n in (1, 3, 4)]
    assert "candidates[0].smple: unknown key; did you mean 'sample'?" in said.err


def test_faults_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("primary: {url: http://p}\nlisen: {}\n")
    assert run(["check", "-c", str(file), "--format", "json"]) == 64
    assert json.loads(capsys.readouterr().out) == {
        "valid": False,
        "faults": [{"where": f"{file}:2", "key": "lisen", "message": "unknown key; did you mean 'listen'?"}],
    }


POLICY = """\
policy:
  primary_metrics:
    - {metric: total_ms, estimand: p95, margin: 200}
    - {metric: cost_usd, require: better}
    - {metric: output_tokens, margin: 10%, require: equivalent}
  guardrails: [{metric: error_rate}]
  minimum: {pairs: 1500, days: 7}
"""


def test_a_policy_is_said_in_words(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("primary: {url: http://p}\n" + POLICY)
    assert run(["check", "-c", str(file)]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("policy: ")] == [
        (
            "policy: promotes who passes all of these: total_ms p95 not worse by 200 ms or more; "
            "cost_usd (cost of 1,000 requests) better; output_tokens equivalent within 10 %; "
            "error_rate not worse by 0.5 percentage points or more (the metric's own margin)"
        ),
        "policy: bounds at 95 %, planned for 5,000 pairs; decides nothing before 1,500 pairs over 7 days",
    ]


def test_a_policy_that_waits_for_a_control_leg_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for policy, why in (
        ("{guardrails: [{metric: error_rate}], control: {required: true}}", "it requires a control leg"),
        ("{guardrails: [{metric: exact_match}]}", "exact_match says something only beside the primary's agreement"),
    ):
        file.write_text(f"primary: {{url: http://p}}\npolicy: {policy}\n")
        assert run(["check", "-c", str(file), "--format", "json"]) == 0
        assert why in json.loads(capsys.readouterr().out)["policy"][-1]
        file.write_text(f"primary: {{url: http://p}}\ncontrol: {{sample: 5%}}\npolicy: {policy}\n")
        assert run(["check", "-c", str(file)]) == 0
        assert why not in capsys.readouterr().out


def test_metrics_that_do_not_exist_are_named_with_file_line_and_key(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        "primary: {url: http://p}\n"
        + POLICY.replace("cost_usd", "costs_usd").replace("error_rate", "error_rate, estimand: p95")
    )
    assert run(["check", "-c", str(file)]) == 64
    assert capsys.readouterr().err.splitlines() == [
        f"{file}:5: policy.primary_metrics[1].metric: there is no metric 'costs_usd'; did you mean 'cost_usd'?",
        f"{file}:7: policy.guardrails[0].estimand: error_rate has no p95; there is only rate",
    ]
    assert run(["check", "-c", str(file), "--format", "json"]) == 64
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert [fault["where"] for fault in faults] == [f"{file}:5", f"{file}:7"]
