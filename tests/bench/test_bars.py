"""The table of bars says what was measured, and by how much a bar is missed."""

from pathlib import Path

import pytest

from bench.bars import BARS, Bar, bars_table, section, verdict, write_bars
from bench.measured import Figure, Measured, load, save

BAR = Bar("latency", "added_p99_ms", "p99", 1.0, 0.5, " ms", 2)


def measured(**figures: Figure) -> Measured:
    return Measured("2026-01-01 00:00 UTC", "python -m bench.latency", "a machine", {"commit": "abc"}, figures)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (None, "not measured"),
        (Figure(0.4, 0.3, 0.6), "met, goal too"),
        (Figure(0.5, 0.5, 0.5), "met, goal too"),
        (Figure(0.8, 0.7, 1.0), "met"),
        (Figure(1.0, 1.0, 1.0), "met"),
        (Figure(0.8, 0.7, 1.25), "not certain: up to 1.25 ms"),
        (Figure(1.5, 1.2, 1.8), "**missed** by 0.50 ms"),
    ],
)
def test_a_bar_is_met_missed_or_not_certain(figure: Figure | None, said: str) -> None:
    assert verdict(BAR, figure) == said


def test_a_number_that_must_be_reached_counts_from_below() -> None:
    streams = next(bar for bar in BARS if bar.figure == "streams")
    assert verdict(streams, Figure(6_000, 6_000, 6_000)) == "met"
    assert verdict(streams, Figure(1_500, 1_500, 1_500)) == "**missed**: 25% of it"


def test_what_was_never_measured_is_not_zero() -> None:
    text = bars_table({"latency": measured(added_p50_ms=Figure(0.1, 0.1, 0.2))})
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines()[2:]}
    assert len(rows) == len(BARS)
    assert "0.100 ms (0.100 to 0.200) | met |" in rows["added latency at 2,000 requests/s, p50"]
    assert "| - | not measured |" in rows["added latency at 2,000 requests/s, p99"]


def test_the_section_names_when_where_and_how() -> None:
    assert "* latency: `python -m bench.latency`, 2026-01-01 00:00 UTC. a machine; commit abc." in section(
        {"latency": measured(), "streams": None}
    )


def test_figures_come_back_as_they_were_saved(tmp_path: Path) -> None:
    value = measured(added_p50_ms=Figure(0.1, 0.05, 0.2))
    save("latency", value, tmp_path)
    assert load("latency", tmp_path) == value
    assert load("streams", tmp_path) is None


def test_the_table_stands_before_all_other_sections_and_stays_there(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text("# Title\n\nText.\n\n<!-- mirror -->\nold\n<!-- end of mirror -->\n")
    first = write_bars(tmp_path, path)
    text = path.read_text()
    assert text.startswith("# Title\n\nText.\n\n<!-- bars -->\n")
    assert text.index("<!-- end of bars -->") < text.index("<!-- mirror -->\nold\n<!-- end of mirror -->")
    assert write_bars(tmp_path, path) == first
    assert path.read_text() == text
