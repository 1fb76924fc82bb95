"""The demonstration's folder belongs to one run at a time."""

from pathlib import Path

import pytest

from cli.demo.place import claimed
from cli.demo.processes import DemoError


def test_a_second_demonstration_in_the_same_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(DemoError, match=r"already runs.*Ctrl-C"), claimed(tmp_path):
        pass


def test_data_of_earlier_runs_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with claimed(tmp_path) as first:
        (first / "capture").mkdir()
    with claimed(tmp_path) as second:
        assert not first.exists() or first == second
        assert list(second.iterdir()) == []
    assert (tmp_path / "notes.txt").read_text() == "mine"
