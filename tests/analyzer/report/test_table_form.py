import io
import re
from datetime import timedelta

import pytest
from rich.console import Console

from analyzer.report.fitting import ENDLESS_WIDTH
from analyzer.report.table_form import as_table
from analyzer.source import Window
from analyzer.study import Plan, study
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START, random_rows

WINDOW = Window(START, START + timedelta(hours=1))


def shown(source: FakeSource, *names: str, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(as_table(study(source, Plan(WINDOW, names), now=START + timedelta(hours=2))))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def _line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_a_row_says_everything_in_words() -> None:
    text = shown(FakeSource(random_rows(600, seed=1)), "swift")
    row = _line(text, "time to last byte, ms").split()
    assert row[-1] == "better"
    assert " to " in _line(text, "time to last byte, ms")
    assert _line(text, "cost of 1,000 requests, $").endswith("better   ")


def test_the_headline_names_pairs_experiment_window_and_states() -> None:
    counted = {"swift": {"received": 6000, "unsampled": 5390, "budget": 10, "admitted": 600}}
    text = shown(FakeSource(random_rows(600, seed=1), counted), "swift", width=200)
    assert "2026-03-01 10:00:00 to 2026-03-01 11:00:00 UTC (60 min)" in text
    assert "swift against the primary: 600 pairs from 2026-03-01 10:00:" in text
    assert "experiment e1" in text
    assert "6,000 requests received: 600 pair, 5,390 unsampled, 10 budget" in text


def test_undecided_metrics_come_with_their_reason() -> None:
    text = shown(FakeSource(random_rows(12, seed=1)), "swift", width=300)
    assert "pairs count; a verdict needs 30): " in text
    assert "undecided" in _line(text, "time to last byte, ms")


def test_differences_show_no_digits_that_their_interval_does_not_carry() -> None:
    """

    import reHalf a width of about 13 ms leaves no decimals."""
    text = shown(FakeSource(random_rows(600, seed=1)), "swift")
    difference = _line(text, "time to last byte, ms").split()[7]
    assert difference.startswith("-")
    assert "." not in difference


def test_agreements_are_shown_beside_the_controls() -> None:
    rows = [*random_rows(200, seed=1), *random_rows(200, seed=2, candidate="control")]
    text = shown(FakeSource(rows), "swift")
    assert "same text in both arms: " in text
    assert "the primary with itself: " in text
    assert "control (the primary against itself): 200 pairs" in text


def test_a_window_without_pairs_says_so() -> None:
    text = shown(FakeSource(), "swift")
    assert "swift against the primary: 0 pairs" in text
    assert "no pairs in the window" in text


def test_without_candidates_there_is_nothing_to_report() -> None:
    assert "Nothing to report" in shown(FakeSource())


@pytest.mark.parametrize("n", [1, 2, 30])
@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_any_number_of_pairs_fits_any_terminal(n: int, width: int) -> None:
    text = shown(FakeSource(random_rows(n, seed=1)), "swift", width=width)
    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [30, 60, 72, 80, 100, 200, ENDLESS_WIDTH])
def test_nothing_is_cut_however_narrow_the_terminal(width: int) -> None:
    """Titles, levels, both ends of the interval, verdicts: every word of the widest form is in every other."""
    rows = random_rows(600, seed=1, candidate="a-candidate-with-a-name-of-some-length", cost=2e6)
    text = shown(FakeSource(rows), rows[0]["candidate"], width=width)
    widest = shown(FakeSource(rows), rows[0]["candidate"], width=ENDLESS_WIDTH)
    assert "…" not in text
    lines = [line for line in widest.splitlines() if line.rstrip().endswith(("better", "worse", "undecided"))]
    assert len(lines) >= 10
    words = {w.strip(",") for w in re.sub("[();:]", " ", text).split()}
    for line in lines:
        assert {w.strip(",") for w in line.split()} <= words


def test_the_verdict_is_beside_its_metric_in_80_columns() -> None:
    text = shown(FakeSource(random_rows(600, seed=1)), "swift", width=80)
    assert _line(text, "time to last byte, ms").split()[-1] == "better"
    assert _line(text, "cost of 1,000 requests, $").split()[-1] == "better"


def test_a_file_has_lines_that_people_can_read() -> None:
    """Sentences are broken, tables are not."""
    text = shown(FakeSource(random_rows(600, seed=1)), "swift", width=ENDLESS_WIDTH)
    assert max(len(line) for line in text.splitlines()) <= 110


def test_the_control_line_stands_below_the_controls_own_table_too() -> None:
    rows = random_rows(200, seed=2, candidate="control")
    text = shown(FakeSource(rows), "control")
    assert "control the primary against itself: 200 pairs" in text
    assert "control (the primary against itself): 200 pairs, " in text
    assert "; the primary with itself: " not in text


def test_names_from_outside_are_no_markup() -> None:
    rows = random_rows(5, seed=1, candidate="[red]x[/red]", experiment="[bold]")
    assert "[red]x[/red] against the primary" in shown(FakeSource(rows), "[red]x[/red]")
