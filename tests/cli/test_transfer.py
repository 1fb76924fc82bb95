"""`shadowbench export` and `import`: what a person, a script and a bad file get."""

import contextlib
import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from store.endpoint.place import read_endpoint
from tests.fakes.running import ROOT, until_gone

pytestmark = pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="needs shadowbench[embedded]")
ROWS = [
    {"candidate": c, "primary_total_ms": 100 + n, "candidate_total_ms": 50, "labels": {"tenant": f"t{n}"}}
    for n, c in enumerate(["a", "b", "a"])
]
EVER = ("--since", "9999d")
Asked = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store that holds three pairs, and whose owner the first command starts."""
    directory = tmp_path_factory.mktemp("transfer")
    (directory / "shadowbench.yaml").write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {dir: ./data/store}\n")
    (directory / "three.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["import", str(directory / "three.jsonl"), "-c", str(directory / "shadowbench.yaml")]) == 0
    yield directory
    if (endpoint := read_endpoint(directory / "data" / "store")) is not None:
        os.kill(endpoint.pid, 15)
        until_gone(endpoint.pid)


@pytest.fixture
def ask(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Asked:
    """(exit code, standard output, standard error) of a command, run elsewhere."""
    monkeypatch.chdir(tmp_path)

    def asked(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "-c", str(folder / "shadowbench.yaml")])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return asked


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.jsonl", "p.csv.gz", "p.jsonl.zst"])
def test_what_is_exported_can_be_imported(name: str, ask: Asked, tmp_path: Path) -> None:
    assert ask("export", *EVER, "--out", name) == (0, f"3 pairs in {name}\n", "")
    assert ask("import", name) == (0, f"0 of 3 pairs of {name} are new; 3 rows were there already\n", "")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_standard_output_gets_lines_and_nothing_else(ask: Asked) -> None:
    code, out, err = ask("export", *EVER, "--out", "-")
    assert (code, err) == (0, "3 pairs\n")
    assert [json.loads(line)["candidate"] for line in out.splitlines()] == ["a", "a", "b"]
    code, out, _ = ask("export", *EVER, "--out", "-", "--format", "csv", "--candidate", "b")
    assert [row["primary_total_ms"] for row in csv.DictReader(io.StringIO(out))] == ["101.0"]
    code, out, _ = ask("export", *EVER, "--out", "-", "--label", "tenant=t2")
    assert [json.loads(line)["labels"] for line in out.splitlines()] == [{"tenant": "t2"}]
    assert ask("export", "--since", "2000-01-01", "--until", "2000-01-02", "--out", "-") == (0, "", "0 pairs\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "p.xyz"], "p.xyz: its name says no form"),
        (["--out", "none/p.csv"], "none/p.csv: the directory none is not there"),
        (["--out", "-", "--format", "parquet"], "Parquet cannot go to standard output"),
        (["--out", "p.csv", "--label", "tenant"], "write NAME=VALUE"),
        (["--out", "p.csv", "--label", "a=1", "--label", "a=2"], "name each label once"),
        (
            ["--out", "p.csv", "--candidate", "lama"],
            "no candidate 'lama' is configured or has pairs in the window; known: a, b",
        ),
        ([], "Missing option '--out'"),
    ],
)
def test_wrong_usage_of_export_is_one_line_and_leaves_no_file(
    arguments: list[str], says: str, ask: Asked, tmp_path: Path
) -> None:
    code, out, err = ask("export", *EVER, *arguments)
    assert (code, out) == (64, "")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_on_demand(ask: Asked, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("mine")
    code, _, err = ask("export", *EVER, "--out", "p.csv")
    assert (code, path.read_text()) == (64, "mine")
    assert "p.csv: is there already; --force replaces it" in err
    assert ask("export", *EVER, "--out", "p.csv", "--force")[0] == 0
    assert path.read_text().startswith("request_id,")


@pytest.mark.parametrize("name", ["p.parquet", "p.csv.gz"])
def test_a_disk_that_takes_no_more_leaves_no_file(
    name: str, ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("store.transfer.target.os.fsync", full)
    code, _, err = ask("export", *EVER, "--out", name)
    assert (code, err) == (70, f"shadowbench: {name}: No space left on device; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_texts_is_for_its_owner_alone(ask: Asked, tmp_path: Path) -> None:
    assert ask("export", *EVER, "--texts", "--out", "p.jsonl")[0] == 0
    assert (tmp_path / "p.jsonl").stat().st_mode & 0o077 == 0


def test_a_bad_file_cannot_steer_the_terminal(ask: Asked, tmp_path: Path) -> None:
    (tmp_path / "evil.jsonl").write_text('{"candi\\u001b[31mdate": "a"}\n{"candidate": "b\\u001b]0;title\\u0007"}\n')
    code, out, err = ask("import", "evil.jsonl")
    assert (code, out) == (64, "")
    assert "evil.jsonl:1: candidate: no such column" in err
    assert "evil.jsonl:2: candidate: " in err
    assert not set(err) & {"\x1b", "\x07"}


def test_a_bad_row_is_named_and_nothing_is_imported(ask: Asked, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(
        "candidate,primary_status,candidate_status\nfresh,200,200\nfresh,70000,200\n,200,200\n"
    )
    code, out, err = ask("import", "bad.csv")
    assert (code, out) == (64, "")
    assert err.splitlines() == [
        "bad.csv:3: primary_status: '70000' is not a whole number from 0 to 65535",
        "bad.csv:4: candidate: missing; each row names the candidate that it compares with the primary",
        "shadowbench import: nothing was imported; mend these rows, and import the file again",
    ]
    assert ask("sql", "SELECT count() AS n FROM pairs WHERE candidate = 'fresh'", "--format", "json")[1] == '{"n": 0}\n'


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("none.csv", None, "none.csv: No such file or directory"),
        ("p.csv", "candidate,candidate_totl_ms\n", "the nearest is 'candidate_total_ms'; if a newer shadowbench wrote"),
        ("p.parquet", "PAR1", "p.parquet: no Parquet file"),
        ("p.txt", "", "p.txt: its name says no form"),
    ],
)
def test_a_file_that_is_no_file_of_pairs_is_wrong_usage_in_one_line(
    name: str, text: str | None, says: str, ask: Asked, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    code, out, err = ask("import", name)
    assert (code, out) == (64, "")
    assert says in err
    assert err.count("\n") == 1


def test_without_pyarrow_it_is_said_what_to_install(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "store.transfer.parquet_form", None)
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    for arguments in (["import", "p.parquet"], ["export", *EVER, "--out", "q.parquet"]):
        code, _, err = ask(*arguments)
        assert code == 64
        assert "pip install 'shadowbench[parquet]'" in err
        assert err.count("\n") == 1
    assert not (tmp_path / "q.parquet").exists()


def test_programs_get_json_and_judgements_are_counted(ask: Asked, tmp_path: Path) -> None:
    row: dict[str, Any] = {"candidate": "judged", "preference": 1, "primary_response_text": "x"}
    (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n")
    code, out, _ = ask("import", "p.jsonl", "--experiment", "mine", "--json")
    assert code == 0
    assert json.loads(out) == {
        "file": "p.jsonl", "rows": 1, "pairs": 1, "already_there": 0, "judgements": 1, "texts": 1, "texts_left_out": 0,
    }  # fmt: skip
    stored = ask(
        "sql", "SELECT experiment, count() AS n FROM pairs WHERE candidate = 'judged' GROUP BY 1", "--format", "json"
    )
    assert json.loads(stored[1]) == {"experiment": "mine", "n": 1}


def test_texts_are_left_out_where_the_configuration_keeps_none(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "none.yaml"
    config.write_text(
        f"primary: {{url: 'http://127.0.0.1:9'}}\nstore: {{dir: '{folder}/data/store'}}\nprivacy: {{bodies: none}}\n"
    )
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"candidate": "c", "preference": 1, "candidate_response_text": "secret"}) + "\n")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run(["import", str(file), "-c", str(config)]) == 0
    assert out.getvalue().endswith("texts of 1 rows were left out, because privacy.bodies is none\n")


def test_imported_pairs_leave_the_audit_as_it_was(ask: Asked) -> None:
    assert ask("audit", "--since", "2d")[0] == 0


def test_a_reader_of_the_lines_may_go_away(folder: Path) -> None:
    """`shadowbench export --out - | head -0`"""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "cli.main", "export", *EVER, "--out", "-", "-c", "shadowbench.yaml"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")


def test_an_empty_window_makes_a_file_that_can_be_imported(ask: Asked) -> None:
    for name in ("p.parquet", "p.csv", "p.jsonl"):
        assert ask("export", "--since", "2000-01-01", "--until", "2000-01-02", "--out", name)[0] == 0
        assert ask("import", name) == (0, f"0 of 0 pairs of {name} are new\n", "")
