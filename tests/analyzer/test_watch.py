"""`shadowbench watch`: the study of `report` in a terminal, again and again, whatever the store does."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analyzer.report.strip_text import WIDTH, strip_text
from analyzer.report.watch_form import as_watch
from analyzer.results import Bound
from analyzer.stats.interval import Interval
from cli.commands import watch as watching
from cli.commands.options import StoreTrouble
from cli.commands.studying import answer as answer_
from cli.main import run
from config.model import Store
from tests.analyzer.report.studies import HOSTILE, hostile, latency, made, row

SINCE = "2026-03-01T10:00"


@pytest.fixture
def config(filled_store: Store, tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(
        f"primary: {{url: http://127.0.0.1:9}}\n"
        f"candidates: [{{name: swift, url: http://127.0.0.1:9, sample: 10%}}]\n"
        f"store: {{dir: {filled_store.dir}}}\ncapture: {{dir: {tmp_path}/capture}}\n"
    )
    return file


def test_one_view_says_what_the_report_says(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "-c", str(config), "--since", SINCE, "--once", "--json"]) == 0
    watched = json.loads(capsys.readouterr().out)
    assert run(["report", "-c", str(config), "--since", SINCE, "--format", "json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    for moving in ("id", "generated_at", "window"):
        watched.pop(moving), reported.pop(moving)
    assert watched == reported
    assert run(["watch", "-c", str(config), "--since", SINCE, "--once"]) == 0
    said = capsys.readouterr().out
    assert "swift against the primary: 850 pairs" in said
    assert "●" in said


def test_the_strip_has_every_mark_at_its_place() -> None:
    """Half the width are 224 ms: the margin of 200 and some room."""
    strip = strip_text(latency(), Interval(-5.0, 6.0)).plain
    assert len(strip) == WIDTH
    middle, unit = WIDTH // 2, (WIDTH // 2) / 224.0
    assert strip[middle] == "│"
    assert strip[middle + round(200 * unit)] == "╎"
    assert strip[middle + round(-171.8 * unit)] == "●"
    assert strip[middle + round(-190 * unit)] == "┣"


def test_an_endless_interval_has_an_arrow() -> None:
    made_ = row("error_rate", interval=Interval(float("-inf"), 0.01), bound=Bound("upper", 0.008), difference=0.0)
    assert strip_text(made_).plain.startswith("◀")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_of_others_steers_the_terminal(text: str, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, record=True)
    console.print(as_watch(hostile(text), trouble=text))
    said = console.export_text(styles=False)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)


def test_a_stale_view_says_since_when() -> None:
    study = made()
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(as_watch(study, stale_since=study.generated_at, trouble="the store does not answer"))
    said = console.export_text()
    assert "stale since" in said
    assert "the store does not answer; this is the last view" in said


def test_a_stream_goes_on_over_an_outage(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three views; in between the store is away. Then Ctrl-C."""
    real = answer_
    calls: list[None] = []

    def answer(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == 2:
            raise StoreTrouble("the store does not answer")
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(watching, "answer", answer)
    monkeypatch.setattr(watching, "_wait", lambda begun_s, every_s: None)
    assert run(["watch", "-c", str(config), "--since", SINCE, "--json"]) == 130
    captured = capsys.readouterr()
    assert len([json.loads(line) for line in captured.out.splitlines()]) == 2
    assert captured.err == "shadowbench watch: no new view: the store does not answer\n"


def test_a_terminal_is_redrawn_until_ctrl_c_and_keeps_the_last_view(config: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli.main", "watch", "-c", str(config), "--since", SINCE, "--every", "1"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "COLUMNS": "180", "LINES": "60"}
    )
    os.close(theirs)
    shown = b""
    try:
        deadline = time.monotonic() + 60
        while shown.count("●".encode()) < 4 and time.monotonic() < deadline:
            if select.select([ours], [], [], 1.0)[0]:
                shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        while select.select([ours], [], [], 5.0)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # its other end is closed
                break
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"swift" in shown
    assert b"\x1b[?1049l" in shown  # the screen of before is back
    assert b"swift" in shown.partition(b"\x1b[?1049l")[2]
