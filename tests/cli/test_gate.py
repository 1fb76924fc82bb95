"""`shadowbench gate`: every exit code, end to end; 1 and 2 mean a verdict and nothing else."""

import contextlib
import gzip
import importlib.util
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.main import run
from config.load import load_config
from store.endpoint.place import read_endpoint
from store.errors import StoreRefused
from store.locate import close, connect
from tests.cli.pairs_files import POLICY, pairs_file
from tests.fakes.running import until_gone

PASS, FAIL, UNDECIDED, USAGE, INTERNAL = 0, 1, 2, 64, 70
N = 420


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy, and files whose outcome is plain."""
    directory = tmp_path_factory.mktemp("gate")
    (directory / "policy.yaml").write_text(POLICY)
    pairs_file(directory / "pass.jsonl", N)
    pairs_file(directory / "fail.jsonl", N, error_share=0.3)
    pairs_file(directory / "open.jsonl", N, speed=1.04)
    pairs_file(directory / "few.jsonl", 40)
    (directory / "one.jsonl").write_text((directory / "few.jsonl").read_text().splitlines()[0] + "\n")
    for name, others in {"both": "sage", "mixed": "fail", "waiting": "open"}.items():
        path = pairs_file(directory / f"{name}.jsonl", N)
        share, speed = {"sage": (0.0, 0.7), "fail": (0.3, 0.6), "open": (0.0, 1.04)}[others]
        pairs_file(path, N, candidate="sage", seed=8, error_share=share, speed=speed)
    return directory


@pytest.fixture
def gate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The exit code for a file of pairs."""
    monkeypatch.chdir(folder)

    def gated(name: str, *options: str) -> int:
        return run(["gate", "--pairs", f"{name}.jsonl", "--policy", "policy.yaml", *options])

    return gated


Gate = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("pass", PASS, "gate: pass (swift: promote)"),
        ("fail", FAIL, "gate: fail (swift: reject)"),
        ("open", UNDECIDED, "gate: undecided (swift: wait)"),
        ("few", UNDECIDED, "gate: undecided (swift: wait)"),
        ("one", UNDECIDED, "gate: undecided (swift: wait)"),
        ("both", PASS, "gate: pass (sage: promote, swift: promote)"),
        ("mixed", FAIL, "gate: fail (sage: reject, swift: promote)"),
        ("waiting", UNDECIDED, "gate: undecided (sage: wait, swift: promote)"),
    ],
)
def test_the_exit_code_is_the_decision(name: str, code: int, said: str, gate: Gate, capsys: Captured) -> None:
    """Pass: all promote. Fail: at least one rejects. Undecided: the rest."""
    assert gate(name) == code
    captured = capsys.readouterr()
    assert captured.err == f"{said}\n"
    assert captured.out.startswith("shadowbench gate ")


def test_only_candidates_that_are_asked_for_count(gate: Gate) -> None:
    assert gate("mixed", "--candidate", "swift") == PASS
    assert gate("mixed", "--candidate", "sage") == FAIL


def test_one_look_may_decide_what_many_may_not_yet(gate: Gate, capsys: Captured) -> None:
    assert gate("pass", "--fixed", "--format", "json") == PASS
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "fixed"
    assert "one look" in report["candidates"][0]["reasons"][0]


def test_every_form_holds_the_decision(gate: Gate, folder: Path, capsys: Captured) -> None:
    out = folder / "out"
    report: dict[str, Any] = {}
    for form in ("table", "json", "md", "junit"):
        assert gate("fail", "--format", form, "--out", str(out)) == FAIL
        text = out.read_text()
        if form == "junit":
            suites = ElementTree.fromstring(text)
            findings = [check["finding"] for check in report["checks"]]
            said = [int(suites.get(name, "")) for name in ("tests", "failures", "skipped")]
            # The case of the decision, a failure here, stands beside those of the rules.
            assert said == [len(findings) + 1, findings.count("failed") + 1, findings.count("open")]
        elif form == "json":
            (report,) = json.loads(text)["candidates"]
            assert report["decision"] == "reject"
        else:
            assert "swift: reject" in text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pairs", "pass.jsonl"), "nothing says what decides; name a policy with --policy FILE"),
        (("--policy", "policy.yaml"), "name a configuration with -c FILE"),
        (("--pairs", "pass.jsonl", "--policy", "none.yaml"), "none.yaml: cannot be read"),
        (("--pairs", "none.jsonl", "--policy", "policy.yaml"), "none.jsonl"),
        (("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--candidate", "nobody"), "no candidate 'nobody'"),
        (("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--candidate", "control"), "the control is the primary"),
        (
            ("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--verdict", "no/v.json"),
            "--verdict no/v.json: the dir",
        ),
        (("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--verdict", "."), "--verdict"),
        (("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--out", "no/out"), "--out no/out: No such file"),
        (("--verify", "v.json", "--policy", "policy.yaml"), "--verify needs the verdict file and nothing else"),
        (("--verify", "v.json", "--fixed"), "--verify needs the verdict file and nothing else"),
        (("--verify", "none.json"), "none.json: No such file"),
        (("--verify", "policy.yaml"), "policy.yaml: is damaged, or no verdict file"),
        (("--frob",), "No such option"),
        (("--pairs", "pass.jsonl", "--policy", "policy.yaml", "--since", "2030-01-01"), "the window"),
    ],
)
def test_wrong_usage_is_one_line_and_64(
    options: tuple[str, ...], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(folder)
    assert run(["gate", *options]) == USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_every_fault_of_a_policy_is_named_with_its_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(folder)
    Path("bad.yaml").write_text(
        "primary_metrics:\n  - {metric: totl_ms}\n  - {metric: error_rate, estimand: p95}\nguardrails: []\n"
    )
    assert run(["gate", "--pairs", "pass.jsonl", "--policy", "bad.yaml"]) == USAGE
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("bad.yaml:2: primary_metrics[0].metric: there is no metric 'totl_ms'; did you mean")
    assert lines[1].startswith("bad.yaml:3: primary_metrics[1].estimand: error_rate has no p95")


@pytest.mark.parametrize(
    "place",
    ["analyzer.answering.gather", "analyzer.answering.study", "cli.commands.rendering.as_table",
     "cli.commands.gate.contents", "cli.commands.gate.answer", "cli.commands.gate.read_policy"],
)  # fmt: skip
@pytest.mark.parametrize("error", [RuntimeError, AssertionError, MemoryError, RecursionError, ZeroDivisionError])
def test_a_crash_anywhere_is_70(
    place: str, error: type[Exception], gate: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Never 1 or 2: those are verdicts."""

    def crash(*_: object, **__: object) -> None:
        raise error("out of order")

    monkeypatch.setattr(place, crash)
    assert gate("fail", "--verdict", str(folder / "crashed.json")) == INTERNAL
    captured = capsys.readouterr()
    assert "internal error" in captured.err
    assert "gate: fail" not in captured.err


# --- verdict files


@pytest.fixture(scope="module")
def verdicts(folder: Path) -> dict[str, Path]:
    """By name of the pairs' file."""
    made = {}
    for name in ("pass", "fail", "few"):
        made[name] = folder / f"{name}.json.gz"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(["gate", "--pairs", str(folder / f"{name}.jsonl"), "--policy", str(folder / "policy.yaml"),
                 "--verdict", str(made[name])])  # fmt: skip
    return made


@pytest.mark.parametrize(("name", "code"), [("pass", PASS), ("fail", FAIL), ("few", UNDECIDED)])
def test_a_verdict_verifies_with_the_code_of_its_decision(
    name: str, code: int, verdicts: dict[str, Path], capsys: Captured
) -> None:
    assert run(["gate", "--verify", str(verdicts[name])]) == code
    captured = capsys.readouterr()
    assert "verifies: its figures and its policy give its report and its decisions (swift: " in captured.out
    assert captured.err == ""


def test_a_verdict_that_does_not_verify_is_no_verdict(
    verdicts: dict[str, Path], tmp_path: Path, capsys: Captured
) -> None:
    """Its exit code says so, and each difference has a line."""
    values = json.loads(gzip.decompress(verdicts["fail"].read_bytes()))
    values["decisions"] = {"swift": "promote"}
    values["exit_code"] = 0
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(values))
    assert run(["gate", "--verify", str(altered)]) == INTERNAL
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert "gate: decisions.swift: stored 'promote', computed 'reject'" in lines
    assert "gate: exit_code: stored 0, computed 1" in lines
    assert lines[-1].endswith("does not verify (3 differences): do not rely on it")


def test_a_damaged_verdict_is_wrong_usage(verdicts: dict[str, Path], tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "cut.json.gz").write_bytes(verdicts["pass"].read_bytes()[:-100])
    assert run(["gate", "--verify", str(tmp_path / "cut.json.gz")]) == USAGE
    assert "cannot be unpacked" in capsys.readouterr().err


def test_a_disk_that_takes_no_more_is_70_and_leaves_no_verdict(
    gate: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("store.transfer.target.os.fsync", full)
    assert gate("fail", "--verdict", str(folder / "full.json")) == INTERNAL
    assert "No space left on device; nothing was written" in capsys.readouterr().err
    assert not list(folder.glob("*full.json*"))


# --- with a store


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration with a policy, and a store that holds pairs which pass."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("gate-store")
    config = directory / "own.yaml"
    policy = "".join(f"  {line}\n" for line in POLICY.splitlines())
    config.write_text(f"primary: {{url: 'http://127.0.0.1:9'}}\nstore: {{dir: ./store}}\npolicy:\n{policy}")
    pairs_file(directory / "pass.jsonl", N)
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["import", str(directory / "pass.jsonl"), "-c", str(config)]) == 0
    yield config
    if (endpoint := read_endpoint(directory / "store")) is not None:
        os.kill(endpoint.pid, 15)
        until_gone(endpoint.pid)


WINDOW = ("--since", "2026-03-01", "--until", "2026-03-02")


def decisions(config: Path) -> list[dict[str, Any]]:
    client = connect(load_config(config).store, access="reader", start_owner=True)
    try:
        return list(client.query("SELECT * FROM decisions ORDER BY decided_at").named_results())
    finally:
        close(client)


def test_a_store_decides_like_the_file_and_keeps_the_decision(own: Path, tmp_path: Path, capsys: Captured) -> None:
    verdict = tmp_path / "v.json"
    assert run(["gate", "-c", str(own), *WINDOW, "--format", "json", "--verdict", str(verdict)]) == PASS
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == "gate: pass (swift: promote)\n"
    (row,) = decisions(own)
    assert (row["candidate"], row["source"], row["decision"], row["pairs"]) == ("swift", "gate", "promote", N)
    assert row["experiment"] == report["candidates"][0]["experiment"]
    assert list(row["reasons"]) == report["candidates"][0]["reasons"]
    values = json.loads(verdict.read_text())
    assert row["policy_digest"] == values["policy_digest"]
    assert row["report_digest"] == values["report_digest"]
    assert len(values["config_digest"]) == 64
    assert run(["gate", "--verify", str(verdict)]) == PASS


def test_pairs_of_a_file_leave_no_decision_in_the_store(own: Path, capsys: Captured) -> None:
    before = len(decisions(own))
    assert run(["gate", "-c", str(own), "--pairs", str(own.parent / "pass.jsonl")]) == PASS
    assert len(decisions(own)) == before


def test_a_store_that_takes_no_decision_is_a_warning(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def refuse(*_: object) -> None:
        raise StoreRefused("decisions: Cannot execute query in readonly mode")

    monkeypatch.setattr("cli.commands.deciding.write_decisions", refuse)
    assert run(["gate", "-c", str(own), *WINDOW, "--format", "json"]) == PASS
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "gate: the decision is not in the store: decisions: Cannot execute query in readonly mode",
        "gate: pass (swift: promote)",
    ]


def test_another_policy_than_the_one_declared_is_said(own: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "other.yaml").write_text(POLICY.replace("5%", "50%"))
    assert run(["gate", "-c", str(own), *WINDOW, "--policy", str(tmp_path / "other.yaml"), "--format", "md"]) == PASS
    assert "the policy is not the one of the configuration" in capsys.readouterr().err


def test_a_window_without_pairs_is_undecided_or_nothing_to_decide(own: Path, capsys: Captured) -> None:
    """Without a configured candidate nobody is asked about; with one it waits."""
    empty = ("--since", "2020-01-01", "--until", "2020-01-02")
    assert run(["gate", "-c", str(own), *empty]) == USAGE
    assert "there is nothing to decide" in capsys.readouterr().err
    named = own.with_name("named.yaml")
    named.write_text(f"{own.read_text()}candidates: [{{name: swift, url: 'http://127.0.0.1:9', sample: 10%}}]\n")
    assert run(["gate", "-c", str(named), *empty]) == UNDECIDED
    assert "no pairs in the window" in capsys.readouterr().out


def test_a_configuration_without_a_policy_is_wrong_usage(own: Path, capsys: Captured) -> None:
    bare = own.with_name("bare.yaml")
    bare.write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {dir: ./store}\n")
    assert run(["gate", "-c", str(bare), *WINDOW]) == USAGE
    assert "has no `policy:`" in capsys.readouterr().err


def test_a_store_that_does_not_answer_is_70(tmp_path: Path, capsys: Captured) -> None:
    config = tmp_path / "away.yaml"
    config.write_text(
        "primary: {url: 'http://127.0.0.1:9'}\nstore: {url: 'clickhouse://user:secret@127.0.0.1:9/shadowbench'}\n"
        "policy: {guardrails: [{metric: error_rate}]}\n"
    )
    assert run(["gate", "-c", str(config)]) == INTERNAL
    error = capsys.readouterr().err
    assert "does not answer" in error
    assert "secret" not in error
    assert error.count("\n") == 1
