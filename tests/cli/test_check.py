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
