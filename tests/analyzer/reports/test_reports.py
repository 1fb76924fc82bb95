"""Reports that write themselves: when, about what, and what stays on the shelf."""

import json
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.answering import Answer, Question, answer
from analyzer.metrics import METRICS
from analyzer.reports import press
from analyzer.reports.index import index_page, lines
from analyzer.reports.press import due, print_report, wait_s
from analyzer.reports.schedule import Schedule
from analyzer.reports.shelf import Decided, Shelf, ShelfBusy, Shelved
from analyzer.source import Window
from cli.main import run
from config.model import Store
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.report.studies import HOSTILE
from tests.analyzer.rows import random_rows

NIGHTLY = Schedule(86400.0, "02:00")
DUE = datetime(2026, 11, 21, 2, tzinfo=UTC)
ROWS = random_rows(300, seed=4)


def ask(window: Window) -> Answer:
    """Whatever the window, the same pairs."""
    first = min(row["ts"] for row in ROWS)
    later = window.since - first
    rows = [{**row, "ts": row["ts"] + later, "block": row["block"] + later} for row in ROWS]
    return answer(FakeSource(rows), Question(None, window, (), "anytime", None, METRICS), window.until)


def test_nightly_at_two() -> None:
    assert NIGHTLY.latest(DUE + timedelta(hours=9)) == DUE
    assert NIGHTLY.latest(DUE - timedelta(seconds=1)) == DUE - timedelta(days=1)
    assert NIGHTLY.next(DUE) == DUE + timedelta(days=1)
    assert NIGHTLY.window(DUE) == Window(DUE - timedelta(days=1), DUE)
    assert Schedule(86400.0, "02:00", 7 * 86400.0).window(DUE).since == DUE - timedelta(days=7)


@given(
    st.floats(60, 40 * 86400),
    st.integers(0, 23),
    st.integers(0, 59),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - hypothesis wants them so
)
def test_now_lies_between_the_latest_and_the_next(every_s: float, hour: int, minute: int, now: datetime) -> None:
    schedule, now = Schedule(every_s, f"{hour:02}:{minute:02}"), now.replace(tzinfo=UTC)
    assert schedule.latest(now) <= now < schedule.next(now)
    assert 1.0 <= wait_s(schedule, now) <= 60.0


def test_a_missed_report_is_written_once_and_only_when_its_pairs_are_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "reports")
    assert due(NIGHTLY, shelf, DUE + timedelta(seconds=press.SETTLE_S - 1)) is None
    assert due(NIGHTLY, shelf, DUE + timedelta(hours=5)) == DUE
    print_report(ask, NIGHTLY, shelf, DUE, keep=3, version="1.2.3")
    assert due(NIGHTLY, shelf, DUE + timedelta(hours=5)) is None
    assert due(NIGHTLY, shelf, DUE + timedelta(days=3, hours=1)) == DUE + timedelta(days=3)
    assert shelf.latest() == DUE


def test_the_shelf_keeps_the_newest_whole(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for day in range(5):
        print_report(ask, NIGHTLY, shelf, DUE + timedelta(days=day), keep=3, version="1.2.3")
    reports = shelf.reports()
    assert [r.due.day for r in reports] == [25, 24, 23]
    files = {f"202611{day}T020000Z.{ending}" for day in (23, 24, 25) for ending in ("html", "json", "md")}
    assert {p.name for p in tmp_path.iterdir()} == {".lock", "index.html", *files}
    assert reports[0].candidates[0].name == "swift"
    assert reports[0].candidates[0].pairs == 300
    page = (tmp_path / "index.html").read_text()
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert links == {p.name for p in tmp_path.iterdir()} - {".lock", "index.html"}


def test_what_a_crash_left_half_done_is_written_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    (tmp_path / "20261121T020000Z.html").write_text("<p>half")
    (tmp_path / ".20261121T020000Z.json.part").write_text("{")
    (tmp_path / "20261120T020000Z.json").write_text("{not json")
    (tmp_path / "notes.json").write_text("{}")
    assert due(NIGHTLY, shelf, DUE + timedelta(hours=1)) == DUE
    assert shelf.reports() == []
    print_report(ask, NIGHTLY, shelf, DUE, keep=9, version="1.2.3")
    assert [r.name for r in shelf.reports()] == ["20261121T020000Z"]
    assert "half" not in (shelf.text("20261121T020000Z", "html") or "half")


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with shelf.alone(), pytest.raises(ShelfBusy, match="another process"), Shelf(tmp_path).alone():
        pass
    with shelf.alone():
        pass


@pytest.mark.parametrize("name", ["../../etc/passwd", "20261121T020000Z/../x", "", "notes", "20261121T020000Z.json"])
def test_nothing_else_can_be_read_through_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.json").write_text("{}")
    assert Shelf(tmp_path).text(name, "json") is None
    assert Shelf(tmp_path).text("20261121T020000Z", "lock") is None


def shelved(day: int, **decisions: str) -> Shelved:
    at = DUE + timedelta(days=day)
    made = tuple(Decided(name, decision, 10, HOSTILE[0]) for name, decision in decisions.items())
    return Shelved(at.strftime("%Y%m%dT%H%M%SZ"), at, "a", "b", "id", made)


def test_the_index_shows_how_verdicts_moved() -> None:
    reports = [shelved(4, a="promote"), shelved(3, a="wait", b="reject"), shelved(2, b="wait"), shelved(1, a="wait")]
    first, second = lines(reports)
    assert first.name == "a"
    assert [m[1:] for m in first.moves] == [("wait", ""), ("wait", ""), ("promote", "wait to promote")]
    assert first.since == "20261125T020000Z"
    assert [m[2] for m in second.moves] == ["", "wait to reject"]
    page = index_page(reports)
    assert "<script" not in page.replace("&lt;script", "")
    assert "No report has been written yet" in index_page([])


@pytest.fixture
def config(filled_store: Store, tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(
        f"primary: {{url: http://127.0.0.1:9}}\n"
        f"candidates: [{{name: swift, url: http://127.0.0.1:9, sample: 10%}}]\n"
        f"store: {{dir: {filled_store.dir}}}\ncapture: {{dir: {tmp_path}/capture}}\n"
    )
    return file


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "03:00"], "say --every, too"),
        (["--every", "24h", "--at", "25:00"], "--at '25:00': write a time of day, HH:MM"),
        (["--every", "soon"], "--every 'soon': write a number and a unit"),
        (["--every", "24h", "--format", "json"], "nothing else"),
        (["--every", "24h", "--since", "2026-01-01"], "the length of each window"),
        (["--every", "1s"], "--every '1s'"),
    ],
)
def test_wrong_usage_is_one_line(
    config: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "-c", str(config), *options]) == 64
    text = capsys.readouterr().err
    assert said in text
    assert text.count("\n") == 1


def test_the_command_writes_the_report_that_is_due_and_ends_when_told(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "shelf"
    at = datetime.now(UTC) - timedelta(hours=1)
    command = [sys.executable, "-m", "cli.main", "report", "-c", str(config), "--every", "24h", "--at", f"{at:%H:%M}"]
    process = subprocess.Popen([*command, "--keep", "2", "--out", str(out)], stderr=subprocess.PIPE, text=True)
    lines_: list[str] = []
    assert process.stderr is not None
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        for line in process.stderr:
            lines_.append(line)
            if "written" in line:
                process.terminate()
        code = process.wait(30)
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stderr.close()
    assert code == 0, lines_
    (found,) = Shelf(out).reports()
    report: dict[str, Any] = json.loads(Shelf(out).text(found.name, "json") or "")
    assert report["window"]["asked"]["until"] == found.due.strftime("%Y-%m-%dT%H:%M:%SZ")
