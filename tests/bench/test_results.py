"""A benchmark replaces its own section of the results and leaves the others alone."""

from pathlib import Path

from bench.results import spread, write_section


def test_a_section_is_replaced_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    for name, text in (("a", "first a"), ("b", "only b"), ("a", "second a")):
        write_section(name, text, path)
    text = path.read_text()
    assert "first a" not in text
    assert text.index("second a") < text.index("only b")
    assert text.count("<!-- a -->") == text.count("<!-- end of a -->") == 1


def test_writing_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write_section("a", "text", path)
    before = path.read_text()
    write_section("a", "text", path)
    assert path.read_text() == before


def test_a_spread_is_median_smallest_and_largest() -> None:
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 to 3.0)"
    assert spread([]) == "-"
