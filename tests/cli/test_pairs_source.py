"""`--pairs FILE`: what a person gets who has a file and no store."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import click
import pytest

from analyzer.moments import Moment
from cli.commands.pairs_source import RefusedFile, file_window, pairs_source
from cli.main import run
from config.model import Config

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def plain(i: int, **more: Any) -> dict[str, Any]:
    random = Random(i)
    base = random.lognormvariate(6, 0.4)
    times = {"primary_total_ms": base, "candidate_total_ms": 0.7 * base * random.lognormvariate(0, 0.1)}
    return {"candidate": "swift", **times, **more}


def written(directory: Path, rows: list[dict[str, Any]]) -> Path:
    path = directory / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def report(path: Path, *more: str) -> int:
    return run(["report", "--pairs", str(path), *more])


def candidate_of(text: str) -> dict[str, Any]:
    (found,) = json.loads(text)["candidates"]
    return dict(found)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration is near."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_a_file_without_times_can_be_decided_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two thousand pairs whose candidate takes 0.7 of the time, by 50 runs of neighbours; neither store nor engine."""
    assert report(written(tmp_path, [plain(i) for i in range(2000)]), "--format", "json") == 0
    out, err = capsys.readouterr()
    (p50,) = [m for m in candidate_of(out)["metrics"] if (m["metric"], m["estimand"]) == ("total_ms", "p50")]
    assert p50["verdict"] == "better"
    assert p50["blocks"] == 50
    assert err == ""
    assert not any(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([plain(0)], "1 pair", id="one pair"),
        pytest.param([plain(i, candidate_total_ms=5.0, primary_total_ms=5.0) for i in range(400)], "", id="constants"),
        pytest.param([plain(i, conversation=1) for i in range(400)], "", id="one cluster"),
        pytest.param([plain(i, ts="2026-03-01T00:00:00Z") for i in range(400)], "", id="one block"),
        pytest.param(
            [
                {"candidate": "swift", "primary_outcome": "timeout", "candidate_outcome": "http_error"}
                for _ in range(400)
            ],
            "",
            id="only failures",
        ),
        pytest.param([plain(i, preference=0) for i in range(400)], "", id="all ties"),
    ],
)
def test_what_says_too_little_is_undecided_with_a_reason(
    rows: list[dict[str, Any]], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(written(tmp_path, rows), "--format", "json") == 0
    out, _ = capsys.readouterr()
    found = candidate_of(out)
    assert found["decision"] == "wait"
    assert found["reasons"]
    for metric in found["metrics"]:
        assert metric["verdict"] in {"undecided", "equivalent", "not_worse"} or metric["metric"] == "error_rate"


def test_an_empty_file_has_nothing_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(written(tmp_path, [])) == 0
    out, err = capsys.readouterr()
    assert "the file holds no pairs" in out
    assert err == ""


def test_each_bad_row_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, [plain(0), plain(1, latency=3), plain(2, primary_total_ms="NaN"), plain(3)])
    assert report(path) == 64
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith(f"{path}:2: latency: no such column")
    assert lines[1].startswith(f"{path}:3: primary_total_ms: 'NaN' is not a number")
    assert lines[2].endswith("nothing was computed; mend these rows, and try again")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("missing.jsonl", None, "No such file"),
        ("pairs.txt", b"", "its name says no form; end it with .jsonl, .csv or .parquet (.ndjson is known, too"),
        ("pairs.csv", b"", "empty; the first line of a CSV file names its columns"),
        ("pairs.csv", b"candidate,speed\nswift,3\n", "speed"),
        ("pairs.parquet", b"PAR1", "no Parquet file"),
        ("pairs.jsonl.zst", b"xyz", "is damaged"),
    ],
)
def test_what_is_no_file_of_pairs_is_wrong_usage(
    name: str, data: bytes | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    assert report(path) == 64
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert says in err


def test_a_file_may_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(written(tmp_path, [plain(0, **{"a\x1b[31mb": 1})])) == 64
    assert "\x1b" not in capsys.readouterr().err


def test_without_times_there_is_no_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(written(tmp_path, [plain(i) for i in range(20)]), "--since", "1h") == 64
    assert "the file has no times" in capsys.readouterr().err


def test_the_window_is_the_whole_file_unless_said_otherwise(tmp_path: Path) -> None:
    file = pairs_source(written(tmp_path, [plain(i, ts=f"2026-03-01T{i:02}:00:00Z") for i in range(24)]), None)
    whole = file_window(file, None, None, NOW)
    assert (whole.since, whole.until) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 23, 0, 1, tzinfo=UTC))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert file_window(file, Moment(at=noon), None, NOW).since == noon
    assert [e.pairs for e in file.experiments(file_window(file, None, Moment(at=noon), NOW))] == [12]
    with pytest.raises(click.UsageError, match="before it starts"):
        file_window(file, Moment(at=datetime(2026, 5, 1, tzinfo=UTC)), None, NOW)


def test_the_configuration_says_how_long_blocks_are(tmp_path: Path) -> None:
    rows = [plain(i, ts=f"2026-03-01T00:{i:02}:30Z") for i in range(60)]
    path = written(tmp_path, rows)
    config = Config.model_validate({"primary": {"url": "http://127.0.0.1:1"}, "blocks": {"length": "10m"}})
    assert len(set(pairs_source(path, config).loaded.pairs.block_s.tolist())) == 6
    assert len(set(pairs_source(path, None).loaded.pairs.block_s.tolist())) == 60


def test_refused_rows_end_with_code_64(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, [plain(0, **{f"foo{i}": 1}) for i in range(60)])
    with pytest.raises(RefusedFile, match="10 more faults") as refused:
        pairs_source(path, None)
    assert refused.value.exit_code == 64
    assert len(capsys.readouterr().err.splitlines()) == 50


def test_a_fault_of_every_row_leaves_room_for_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, [plain(i, conversation=-1, foo=1) for i in range(1200)] + [plain(0, held_ms=-1)])
    assert report(path) == 64
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{path}:").split(" ")[1] for line in lines[:5]] == [
        "conversation:",
        "foo:",
        "conversation:",
        "conversation:",
        "held_ms:",
    ]
    assert lines[5] == "conversation: 1,197 more rows with such a fault"
    assert lines[6].endswith("nothing was computed; mend these rows, and try again")


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "pairs.jsonl"
    directory.mkdir()
    assert report(directory) == 64
    assert "is no file" in capsys.readouterr().err
    assert os.listdir() == []
