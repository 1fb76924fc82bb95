import dataclasses
import io
import json

import pytest
from rich.console import Console

from analyzer.audit import Line
from analyzer.report.audit_form import as_json, as_table
from analyzer.report.fitting import ENDLESS_WIDTH
from tests.analyzer.rows import START


def line(fault: str | None = None) -> Line:
    return Line(
        hour=START,
        candidate="swift",
        received=1000,
        uncaptured={"unsampled": 900},
        skips={"budget": 10},
        skip_rows=10,
        admitted=90,
        pairs=80,
        open=5,
        recording=3,
        lost={"worker_lost": 2},
        fault=fault,
    )


def _shown(*lines: Line, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(as_table(lines))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_table_shows_the_sum() -> None:
    text = _shown(line())
    (row,) = [part.split() for part in text.splitlines() if part.startswith("2026-03-01 10:00")]
    assert row[2:] == ["swift", "1,000", "900", "10", "80", "5", "3", "2", "yes"]
    assert "swift: 900 unsampled, 10 budget, 2 worker_lost" in text
    assert "All 1 lines add up." in text


def test_the_table_says_when_it_does_not() -> None:
    text = _shown(line(), line("2 more pairs"))
    assert [part.split()[-1] for part in text.splitlines() if "swift  " in part] == ["yes", "no"]
    assert "1 of 2 lines do not add up." in text


def giant() -> Line:
    return dataclasses.replace(
        line(),
        candidate="a-candidate-with-a-name-of-some-length",
        received=1_234_567_890,
        uncaptured={"unsampled": 1_123_456_789},
        skips={"budget": 100_000_001},
        pairs=11_111_000,
        lost={"worker_lost": 1_234},
    )


@pytest.mark.parametrize("width", [30, 60, 75, 80, 100, 113, 200, ENDLESS_WIDTH])
@pytest.mark.parametrize("lines", [(line(), line("2 more pairs")), (giant(), line())], ids=["usual", "giant"])
def test_nothing_is_cut_however_narrow_the_terminal(lines: tuple[Line, ...], width: int) -> None:
    text = _shown(*lines, width=width)
    assert "…" not in text
    assert max(len(part.rstrip()) for part in text.splitlines()) <= width
    squeezed = "".join(text.split())
    for one in lines:
        sums = (sum(counts.values()) for counts in (one.uncaptured, one.skips, one.lost))
        for number in (one.received, one.pairs, one.open, one.recording, *sums):
            assert f"{number:,}" in text.replace(":", " ").split()
        assert one.candidate in squeezed
    for name in ("received", "unsampled", "skips", "pairs", "open", "storing", "lost", "add"):
        assert name in text


def test_80_columns_are_enough_for_a_table() -> None:
    text = _shown(line(), width=80)
    (row,) = [part.split() for part in text.splitlines() if part.startswith("2026-03-01")]
    assert row == ["2026-03-01", "swift", "1,000", "900", "10", "80", "5", "3", "2", "yes"]


def test_names_from_outside_are_no_markup() -> None:
    assert "[red]x" in _shown(dataclasses.replace(line(), candidate="[red]x"))


def test_nothing_received_is_nothing_to_add_up() -> None:
    assert "nothing to add up" in _shown()


def test_json_has_every_number() -> None:
    report = json.loads(json.dumps(as_json([line("wrong")])))
    assert (report["schema_version"], report["adds_up"]) == (1, False)
    (only,) = report["lines"]
    assert only == {
        "hour": "2026-03-01T10:00:00Z",
        "candidate": "swift",
        "received": 1000,
        "uncaptured": {"unsampled": 900},
        "skips": {"budget": 10},
        "skip_rows": 10,
        "admitted": 90,
        "pairs": 80,
        "open": 5,
        "recording": 3,
        "lost": {"worker_lost": 2},
        "adds_up": False,
        "fault": "wrong",
    }


def test_what_nobody_has_read_keeps_the_audit_from_saying_that_all_is_well() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(as_table([line()], 2))
    console.print(as_table([], 2))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "What was counted so far adds up; the capture log holds more." in text
    assert "The store knows of no request in the window." in text
    form = as_json([line()], 2)
    assert (form["adds_up"], form["unread_streams"]) == (False, 2)
    assert (as_json([line()])["adds_up"], as_json([line()])["unread_streams"]) == (True, 0)
