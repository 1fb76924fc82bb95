"""`shadowbench labels`: from a store to a blind sheet, to a person, and back."""

import csv
import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analyzer.labels_in.key import read_key
from cli.main import run
from tests.cli.judged import CONFIG, RUBRIC, Asked, key_of, write_lines


def sheet(ask: Asked, name: str, labeler: str, number: int) -> list[dict[str, str]]:
    code, out, _ = ask("labels", "export", "--unlabelled", str(number), "--labeler", labeler, "--out", name)
    assert (code, out) == (0, f"{number} pairs in {name}\n")
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def fill(name: str, rows: list[dict[str, str]]) -> None:
    """As a spreadsheet writes it."""
    with Path(name).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def labels_of(ask: Asked, labeler: str) -> dict[str, dict[str, Any]]:
    code, out, _ = ask("labels", "export", "--labeler", labeler, "--out", "-")
    assert code == 0
    return {row["request_id"]: row for row in map(json.loads, out.splitlines())}


def test_a_sheet_is_filled_in_and_comes_back(ask: Asked) -> None:
    """Whoever always says which answer is the candidate's gets +1, with the order drawn for each pair."""
    rows = sheet(ask, "s.csv", "anna", 12)
    assert list(rows[0]) == ["key", "rubric", "labeler", "prompt", "answer_a", "answer_b", "winner", "rationale"]
    for row in rows[:10]:
        row["winner"] = "A" if row["answer_a"].startswith("candidate") else "b"
    rows[10]["winner"] = "tie"
    rows[0]["rationale"] = "ask joe@example.com"
    fill("filled.csv", rows)
    assert ask("labels", "import", "filled.csv")[:2] == (
        0,
        "11 of 12 labels of filled.csv are new; 1 row is not filled in\n",
    )
    found = labels_of(ask, "anna")
    assert Counter(row["preference"] for row in found.values()) == {1.0: 10, 0.0: 1}
    assert {row["rubric"] for row in found.values()} == {RUBRIC}
    assert found[str(read_key(rows[0]["key"]).request_id)]["rationale"] == "ask [email]"
    assert ask("labels", "import", "filled.csv", "--json")[1] == (
        '{"file": "filled.csv", "rows": 12, "labels": 0, "replaced": 0, "already_there": 11, "older": 0, '
        '"unfilled": 1, "bad": 0}\n'
    )
    left = sheet(ask, "more.csv", "anna", 9)
    assert not {read_key(row["key"]).request_id for row in left} & {read_key(r["key"]).request_id for r in rows[:11]}


def test_a_sheet_names_nobody_and_mixes_the_places(ask: Asked) -> None:
    rows = sheet(ask, "s.csv", "blind", 20)
    first = Counter(row["answer_a"].lstrip("'=")[:4] for row in rows)
    assert set(first) == {"prim", "cand"}, "20 fair coins are alike once in 500,000 times"
    assert all(row["prompt"].startswith("[user]\nQuestion ") for row in rows)
    hidden = {name: value for row in rows for name, value in row.items() if name not in {"answer_a", "answer_b"}}
    assert not any("llama" in value for value in hidden.values())
    assert stat.S_IMODE(Path("s.csv").stat().st_mode) == 0o600


def test_what_a_model_wrote_is_no_formula(ask: Asked) -> None:
    rows = sheet(ask, "s.csv", "safe", 3)
    assert {cell[0] for row in rows for cell in row.values() if cell} <= set("'kh[cs")
    code, out, _ = ask("labels", "export", "--unlabelled", "3", "--labeler", "safe", "--out", "-", "--format", "jsonl")
    assert code == 0
    texts = [row[name] for row in map(json.loads, out.splitlines()) for name in ("answer_a", "answer_b")]
    assert sum(text.startswith("=primary(") for text in texts) == 3, "what no spreadsheet opens is left as it is"


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl.gz", "l.parquet"])
def test_what_is_exported_can_be_imported(name: str, ask: Asked, tmp_path: Path) -> None:
    rows = [{**key_of(n), "labeler": "ben", "preference": n / 4, "rationale": 'a,\n"b"'} for n in range(3)]
    write_lines(tmp_path / "in.jsonl", rows)
    assert ask("labels", "import", "in.jsonl")[0] == 0
    assert ask("labels", "export", "--labeler", "ben", "--out", name)[:2] == (0, f"3 labels in {name}\n")
    assert ask("labels", "import", name)[:2] == (0, f"0 of 3 labels of {name} are new; 3 were there already\n")


def test_who_thinks_again_replaces_what_was_said_and_old_files_do_not(ask: Asked, tmp_path: Path) -> None:
    said = [
        {**key_of(n), "labeler": "cleo", "winner": "primary", "labeled_at": "2026-01-01T00:00:00"} for n in range(2)
    ]
    write_lines(tmp_path / "old.jsonl", said)
    write_lines(tmp_path / "new.jsonl", [{**key_of(0), "labeler": "cleo", "winner": "tie"}])
    assert ask("labels", "import", "old.jsonl")[1] == "2 of 2 labels of old.jsonl are new\n"
    assert ask("labels", "import", "new.jsonl")[1] == (
        "0 of 1 labels of new.jsonl are new; 1 replaces what the same person said before\n"
    )
    assert ask("labels", "import", "old.jsonl")[1] == (
        "0 of 2 labels of old.jsonl are new; 1 was there already; 1 is older than what its labeler said since\n"
    )
    found = labels_of(ask, "cleo")
    assert [row["preference"] for row in found.values()] == [-1.0, 0.0], "the later request first"


BAD = [
    {**key_of(1), "labeler": "dora", "winner": "candidate"},
    {**key_of(999), "labeler": "dora", "winner": "candidate"},
    {**key_of(2), "labeler": "dora", "winner": "better"},
]


def test_a_bad_row_keeps_all_out_unless_it_is_to_be_skipped(ask: Asked, tmp_path: Path) -> None:
    """Rows that cannot be and pairs that are not there are told in one go."""
    write_lines(tmp_path / "bad.jsonl", BAD)
    code, out, err = ask("labels", "import", "bad.jsonl")
    assert (code, out) == (64, "")
    first, second, last = err.splitlines()
    assert first.startswith("bad.jsonl:3: winner: 'better' is none of primary, candidate, tie")
    assert second.startswith(f"bad.jsonl:2: no pair of request {key_of(999)['request_id']} and candidate 'llama'")
    assert last.endswith("nothing was imported; mend these rows and import the file again, or add --skip-bad")
    assert labels_of(ask, "dora") == {}
    code, out, err = ask("labels", "import", "bad.jsonl", "--skip-bad")
    assert (code, out) == (0, "1 of 3 labels of bad.jsonl are new; 2 bad rows were left out\n")
    assert err.splitlines() == [first, second]
    assert len(labels_of(ask, "dora")) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import", "none.csv"], "none.csv: No such file or directory"),
        (["import", "l.txt"], "l.txt: its name says no form"),
        (["import", "l.csv", "--labeler", " "], "--labeler is empty"),
        (["import", "l.csv", "--rubric", "kind"], "--rubric: 'kind' is no rubric: write helpfulness, "),
        (["import", "l.csv", "--rubric", "none.yaml"], "none.yaml: cannot be read: No such file"),
        (["export", "--out", "none/l.csv"], "none/l.csv: the directory none is not there"),
        (["export", "--out", "-", "--format", "parquet"], "Parquet cannot go to standard output"),
        (["export", "--unlabelled", "3", "--out", "s.csv"], "say with --labeler who will fill in the sheet"),
        (["export", "--unlabelled", "0", "--labeler", "a", "--out", "s.csv"], "0 is not in the range 1<=x<=100000"),
        (
            ["export", "--unlabelled", "3", "--labeler", "a", "--since", "10s", "--out", "s.csv"],
            f"no pair with texts that was judged by {RUBRIC} and not labelled by a",
        ),
        ([], "Usage: "),
    ],
)
def test_wrong_usage_is_told_and_leaves_no_file(
    arguments: list[str], says: str, ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "l.txt").touch()
    (tmp_path / "l.csv").write_text("request_id,candidate,winner\n")
    code, out, err = ask("labels", *arguments) if arguments else (run(["labels"]), "", says)
    assert (code, out) == (64, "")
    assert says in err
    assert {path.name for path in tmp_path.iterdir()} == {"l.txt", "l.csv"}


def test_a_sheet_is_about_one_candidate(judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "two.yaml"
    two = CONFIG.replace("sample: 1}]", "sample: 1}, {name: b, url: 'http://127.0.0.1:9', sample: 1}]")
    config.write_text(two.replace("./data", str(judged / "data")))
    sheet_of = ["labels", "export", "-c", str(config), "--unlabelled", "3", "--labeler", "e", "--out"]
    assert run([*sheet_of, str(tmp_path / "s.csv")]) == 64
    assert "name one with --candidate: a sheet is about one candidate; there are llama, b" in capsys.readouterr().err
    assert run([*sheet_of, str(tmp_path / "s.csv"), "--candidate", "llama"]) == 0


def test_a_hostile_file_cannot_steer_the_terminal(ask: Asked, tmp_path: Path) -> None:
    row = {"request_id": "x\x1b[31m", "candidate": "\x1b]0;title\x07", "winner": "\u202etie", "labeler": "\x9b1m"}
    write_lines(tmp_path / "evil.jsonl", [row, {**key_of(1), "candidate": "\x1b[2J", "labeler": "e", "winner": "tie"}])
    code, _, err = ask("labels", "import", "evil.jsonl")
    assert code == 64
    assert not set(err) & {"\x1b", "\x07", "\x9b", "\u202e"}
