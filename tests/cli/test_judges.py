"""What `check` and `serve` say of a configuration's judge: every fault in its place, and what it will do."""

import json
from pathlib import Path

import pytest

from analyzer.judge.rubric import load
from cli.main import run

CANDIDATE = "primary: {url: http://p}\ncandidates:\n  - {name: mini, url: http://c, model: gpt-4o-mini, sample: 10%}\n"
JUDGE = CANDIDATE + (
    "judge:\n"
    "  sample: 25%\n"
    "  models:\n"
    "    - {name: large, url: https://api.openai.com, model: gpt-4o}\n"
    "    - {name: own, url: http://j, model: nobody-7b, price: {input_per_mtok: 1, output_per_mtok: 2}}\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.yaml"


def said(file: Path, text: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `check` prints of a valid file about the judge."""
    file.write_text(text)
    assert run(["check", "-c", str(file)]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("judge: ")]


def test_who_is_asked_what_and_by_what_measure(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked, metrics, warning = said(file, JUDGE, capsys)
    assert asked == (
        "judge: asks large (gpt-4o) and own (nobody-7b) about 25 % of the pairs whose answers differ: "
        f"which answer is better (asked in both orders); by {load('helpfulness').id}"
    )
    assert metrics == "judge: metrics of texts without a model: rouge_l, token_f1"
    assert warning.startswith("judge: warning: large (gpt-4o) is of the family of mini (gpt-4o-mini): ")


@pytest.mark.parametrize(
    ("settings", "question"),
    [
        ("orders: random", "which answer is better (in a random order)"),
        ("mode: pointwise", "how good each answer is (1 to 10)"),
        ("mode: both", "which answer is better (asked in both orders), and how good each answer is (1 to 10)"),
    ],
)
def test_what_is_asked(settings: str, question: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = said(file, JUDGE.replace("  sample: 25%\n", f"  {settings}\n"), capsys)[0]
    assert f" about 20 % of the pairs whose answers differ: {question}; by " in asked


def test_without_models_no_one_is_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(file, CANDIDATE + "judge: {metrics: []}\n", capsys)
    assert lines == ["judge: no model is asked; equal answers are found, and metrics of texts computed"]


def test_without_a_judge_there_is_nothing_to_say(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(file, CANDIDATE, capsys) == []


def test_the_same_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(JUDGE)
    assert run(["check", "-c", str(file), "--format", "json"]) == 0
    judge = json.loads(capsys.readouterr().out)["judge"]
    assert [model["name"] for model in judge["models"]] == ["large", "own"]
    assert (judge["sample"], judge["usd_per_day"], judge["rubric"]) == (0.25, "10", load("helpfulness").id)
    assert len(judge["warnings"]) == 1


FAULTY = CANDIDATE + (
    "judge:\n"
    "  rubric: none.yaml\n"
    "  metrics: [rouge_l, token_f2]\n"
    "  models:\n"
    "    - {name: a, url: http://j, model: nobody-7b}\n"
    "policy: {guardrails: [{metric: error_rat}]}\n"
)


def faults(file: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.replace(f"{file.parent}/", "").splitlines()


def test_every_fault_at_once_in_the_order_of_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FAULTY)
    assert run(["check", "-c", str(file)]) == 64
    assert [line.partition("; ")[0] for line in faults(file, capsys)] == [
        "own.yaml:5: judge.rubric: there is no file none.yaml",
        "own.yaml:6: judge.metrics[1]: there is no metric of texts 'token_f2'",
        "own.yaml:8: judge.models[0].model: no price of nobody-7b is known, and a budget cannot be kept without one",
        "own.yaml:9: policy.guardrails[0].metric: there is no metric 'error_rat'",
    ]


@pytest.mark.parametrize("role", [[], ["--role", "judge"]])
def test_serve_refuses_a_judge_that_cannot_work(
    role: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started, and with the same lines; the policy's metrics are no matter of serving."""
    file.write_text(FAULTY)
    assert run(["serve", "-c", str(file), *role]) == 64
    assert [line.partition(": ")[0] for line in faults(file, capsys)] == [f"own.yaml:{n}" for n in (5, 6, 8)]


def test_a_fault_in_a_rubric_file_is_named_with_its_own_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file.parent / "mine.yaml").write_text("name: mine\ntitle: Mine\ncriterias: []\n")
    file.write_text(CANDIDATE + "judge: {rubric: mine.yaml}\n")
    assert run(["check", "-c", str(file)]) == 64
    assert any(line.startswith("mine.yaml:3: criterias: unknown key") for line in faults(file, capsys))


def test_a_price_that_no_budget_allows_is_a_fault(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1,024 tokens at $10,000 a million cost $10.24 at most, above the $10 of a day."""
    text = (
        "judge:\n  models:\n    - {name: a, url: http://j, model: m, price: {input_per_mtok: 1, output_per_mtok: %d}}\n"
    )
    file.write_text(CANDIDATE + text % 10_000)
    assert run(["check", "-c", str(file)]) == 64
    (fault,) = faults(file, capsys)
    assert "nothing would ever be asked" in fault
    assert said(file, CANDIDATE + text % 1_000, capsys)
