"""`shadowbench report`: forms, files and wrong usage; on a store it is tested in tests/analyzer/test_commands.py."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from cli.main import run
from tests.analyzer.report.schema import REPORT
from tests.cli.pairs_files import pairs_file


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two candidates and the control, in a folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    path = pairs_file(tmp_path / "pairs.jsonl", 400)
    pairs_file(path, 400, candidate="sage", speed=1.5, seed=8)
    return pairs_file(path, 300, candidate="control", speed=1.0, seed=9)


def reported(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert run(["report", "--format", "json", *options]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    found: dict[str, Any] = json.loads(captured.out)
    return found


def test_a_file_of_pairs_needs_no_configuration(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = reported(capsys, "--pairs", str(pairs))
    jsonschema.validate(report, REPORT)
    assert [(c["name"], c["pairs"]) for c in report["candidates"]] == [("sage", 400), ("swift", 400)]
    assert report["control"]["pairs"] == 300
    assert report["candidates"][0]["decision"] == "wait"
    assert "no policy declared" in report["candidates"][0]["reasons"][0]
    assert report["window"]["asked"] == {"since": "2026-03-01T10:00:00Z", "until": "2026-03-01T10:19:58Z"}
    assert report["between"][0]["first"], "candidates on the same requests are compared with each other"


def test_intervals_hold_at_any_time_unless_one_look_is_asked_for(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fixed-horizon interval is narrower: the price of looking again and again is not paid."""
    Path("own.yaml").write_text(
        "primary: {url: 'http://127.0.0.1:9'}\n"
        "policy: {guardrails: [{metric: total_ms, estimand: p50}], planned_pairs: 400}\n"
    )
    widths = {}
    for kind, options in {"anytime": (), "fixed": ("--fixed",)}.items():
        report = reported(capsys, "--pairs", str(pairs), "-c", "own.yaml", *options)
        (found,) = [
            m for m in report["candidates"][0]["metrics"] if (m["metric"], m["estimand"]) == ("total_ms", "p50")
        ]
        assert (report["kind"], found["interval"]["kind"]) == (kind, kind)
        widths[kind] = found["interval"]["high"] - found["interval"]["low"]
    assert widths["fixed"] < widths["anytime"]


def test_a_part_of_a_file_can_be_asked_for(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = reported(
        capsys,
        "--pairs",
        str(pairs),
        "--since",
        "2026-03-01T10:10",
        "--until",
        "2026-03-01T10:15",
        "--candidate",
        "sage",
    )
    # One pair every three seconds: 300 s hold 100.
    assert [(c["name"], c["pairs"]) for c in report["candidates"]] == [("sage", 100)]


def test_asking_about_one_candidate_makes_its_evidence_no_stronger(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its p-values are corrected over all candidates, shown or not."""
    whole = reported(capsys, "--pairs", str(pairs), "--fixed")
    rows = [row for candidate in whole["candidates"] for row in candidate["metrics"] if row["p_value"] is not None]
    assert any(row["p_adjusted"] > row["p_value"] for row in rows)
    for candidate in whole["candidates"]:
        alone = reported(capsys, "--pairs", str(pairs), "--fixed", "--candidate", candidate["name"])
        assert alone["candidates"] == [candidate]
        assert alone["between"] == []


def test_the_policy_of_a_configuration_decides(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shadowbench.yaml").write_text(
        "primary: {url: 'http://127.0.0.1:9'}\n"
        "policy: {primary_metrics: [{metric: total_ms, estimand: p50, margin: 5%}], minimum: {pairs: 200}}\n"
    )
    report = reported(capsys, "--pairs", str(pairs), "-c", "shadowbench.yaml", "--candidate", "sage")
    assert report["policy"]["primary_metrics"][0]["metric"] == "total_ms"
    assert report["candidates"][0]["checks"][0]["metric"] == "total_ms"


def test_every_form_can_be_asked_for_and_go_to_a_file(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    for form in ("table", "json", "md", "junit"):
        assert run(["report", "--pairs", str(pairs), "--format", form, "--out", str(out)]) == 0
        text = out.read_text(encoding="utf-8")
        match form:
            case "json":
                assert json.loads(text)["schema_version"] == 1
            case "junit":
                assert ElementTree.fromstring(text).tag == "testsuites"
            case "md":
                assert text.startswith("### shadowbench report\n")
            case _:
                assert text.startswith("shadowbench report   2026-03-01 10:00:00")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pairs", "none.jsonl"), "none.jsonl"),
        (
            ("--pairs", "pairs.jsonl", "--candidate", "nobody"),
            "no candidate 'nobody' has pairs in the file and window; ",
        ),
        (("--pairs", "pairs.jsonl", "--format", "pdf"), "'pdf' is not one of"),
        (("--pairs", "pairs.jsonl", "--out", "/nowhere/at/all"), "--out /nowhere/at/all: No such file or directory"),
        (("--pairs", "pairs.jsonl", "-c", "none.yaml"), "none.yaml: cannot be read"),
        ((), "name a configuration with -c FILE"),
    ],
)
def test_wrong_usage_is_one_line_and_64(
    pairs: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", *options]) == 64
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_policy_of_metrics_that_are_none_is_refused(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shadowbench.yaml").write_text(
        "primary: {url: 'http://127.0.0.1:9'}\npolicy: {guardrails: [{metric: eror_rate}]}\n"
    )
    assert run(["report", "--pairs", str(pairs), "-c", "shadowbench.yaml"]) == 64
    error = capsys.readouterr().err
    assert "guardrails[0].metric: there is no metric 'eror_rate'; did you mean 'error_rate'?" in error


def test_a_file_without_pairs_is_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    code = run(["report", "--pairs", str(tmp_path / "empty.jsonl")])
    captured = capsys.readouterr()
    assert code in {0, 64}
    assert "Nothing to report" in captured.out or captured.err.count("\n") == 1
