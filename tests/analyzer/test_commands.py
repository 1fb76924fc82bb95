"""`shadowbench report` and `shadowbench audit` on a store with known rows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from analyzer.moments import Moment
from cli.commands.options import MomentType, window
from cli.main import run
from config.model import Store

SINCE, UNTIL = "2026-03-01T10:00", "2026-03-01T11:00"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def config(filled_store: Store, tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(
        f"primary: {{url: http://127.0.0.1:9}}\n"
        f"candidates:\n"
        f"  - {{name: swift, url: http://127.0.0.1:9, sample: 10%}}\n"
        f"  - {{name: sage, url: http://127.0.0.1:9, sample: 10%}}\n"
        f"store: {{dir: {filled_store.dir}}}\n"
        f"capture: {{dir: {tmp_path}/capture}}\n"
    )
    return file


def _report(config: Path, *options: str) -> int:
    return run(["report", "-c", str(config), "--since", SINCE, "--until", UNTIL, *options])


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_compares_every_candidate(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(config) == 0
    text = capsys.readouterr().out
    assert "swift against the primary: 850 pairs" in text
    assert "sage against the primary: 900 pairs" in text
    assert "control (the primary against itself): 500 pairs" in text
    assert "…" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert _report(config, "--all") == 0
    assert len(capsys.readouterr().out.splitlines()) > len(text.splitlines())


def test_json_goes_to_a_program(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(config, "--format", "json") == 0
    report = _json(capsys)
    assert [c["name"] for c in report["candidates"]] == ["swift", "sage"]
    assert report["candidates"][0]["integrity"]["control"]["pairs"] == 500
    assert report["window"]["since"] == "2026-03-01T10:00:00Z"
    swift = report["candidates"][0]
    assert swift["states"]["breaker_open"] == 8
    errors = next(m for m in swift["metrics"] if m["metric"] == "error_rate")
    assert errors["n"] > 800


def test_one_candidate_can_be_asked_for(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(config, "--candidate", "sage", "--format", "json") == 0
    assert [c["name"] for c in _json(capsys)["candidates"]] == ["sage"]


def test_the_control_has_its_own_table_when_it_is_asked_for(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(config, "--candidate", "control") == 0
    assert "control the primary against itself: 500 pairs" in capsys.readouterr().out


def test_a_report_can_go_to_a_file(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(config, "--format", "json", "--out", str(tmp_path / "r.json")) == 0
    assert json.loads((tmp_path / "r.json").read_text())["schema_version"] == 1
    assert _report(config, "--out", str(tmp_path / "r.txt")) == 0
    assert "swift against the primary" in (tmp_path / "r.txt").read_text()
    assert capsys.readouterr().out == ""


def test_a_window_without_requests_is_reported_as_such(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "-c", str(config), "--since", "2020-01-01", "--until", "2020-01-02"]) == 0
    assert "swift against the primary: 0 pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--candidate", "nobody"),
            "no candidate 'nobody' is configured or has pairs in the window; known: swift, sage",
        ),
        (("--since", "yesterday"), "'yesterday' is no time; write how long ago"),
        (("--since", "5x"), "'5x' is no time"),
        (("--since", "2026-03-01T12:00"), "the window ends (2026-03-01 11:00:00) before it starts"),
        (("--format", "pdf"), "'pdf' is not one of"),
        (("--out", "/nowhere/at/all"), "--out /nowhere/at/all: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_64(
    config: Path, options: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(config, *options) == 64
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_without_a_configuration_the_demos_store_is_read(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report"]) == 64
    assert "name a configuration with -c FILE" in capsys.readouterr().err
    (tmp_path / ".demo").mkdir()
    config.rename(tmp_path / ".demo" / "shadowbench.yaml")
    assert run(["report", "--since", SINCE, "--until", UNTIL]) == 0
    assert "swift against the primary: 850 pairs" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["report", "audit"])
def test_a_store_that_does_not_answer_is_one_line_and_70(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "primary: {url: http://127.0.0.1:9}\nstore: {url: 'clickhouse://user:secret@127.0.0.1:9/shadowbench'}\n"
    )
    assert run([command, "-c", str(file)]) == 70
    error = capsys.readouterr().err
    assert "does not answer" in error
    assert "secret" not in error
    assert error.count("\n") == 1


def test_the_audit_ends_with_0_when_everything_adds_up(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "-c", str(config), "--since", SINCE, "--until", UNTIL]) == 0
    text = capsys.readouterr().out
    assert "All 3 lines add up." in text
    heading = "hour (UTC) candidate received = unsampled + skips + pairs + open + storing + lost adds up"
    assert heading in [" ".join(line.split()) for line in text.splitlines()]


def test_the_audit_ends_with_1_and_names_hour_and_candidate(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "-c", str(config), "--since", SINCE, "--until", "2026-03-02", "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == (
        "audit: sage, 2026-03-01 20:00 UTC: 5 admitted requests are neither pairs nor counted as lost\n"
    )
    report = json.loads(captured.out)
    assert report["adds_up"] is False
    assert [line["adds_up"] for line in report["lines"]] == [True, True, True, False]


def test_the_audit_counts_whole_hours(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half an hour of pairs against a whole hour of counts would never add up."""
    window = ["--since", "2026-03-01T10:05", "--until", "2026-03-01T10:06"]
    assert run(["audit", "-c", str(config), *window, "--json"]) == 0
    assert {line["received"] for line in _json(capsys)["lines"]} == {9000, 900, 500}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - timedelta(hours=24)),
        ("90s", NOW - timedelta(seconds=90)),
        ("now", NOW),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:30", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30:00Z", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30+02:00", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_times_as_people_write_them(text: str, moment: datetime) -> None:
    assert MomentType().convert(text, None, None).resolve(NOW) == moment


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "2026-13-01", "99999999999d", "1e3s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        MomentType().convert(text, None, None)


def test_a_window_must_not_end_before_it_starts() -> None:
    with pytest.raises(click.UsageError, match="before it starts"):
        window(Moment(ago=timedelta(hours=1)), Moment(ago=timedelta(hours=1)), NOW)
