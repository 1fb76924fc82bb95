"""The capture directory is looked at before anything starts."""

import os
from pathlib import Path

import pytest

from cli.supervisor.place import PlaceError, prepare


def test_it_is_made_private(tmp_path: Path) -> None:
    prepare(tmp_path / "data" / "capture")
    assert (tmp_path / "data" / "capture").stat().st_mode & 0o777 == 0o700
    prepare(tmp_path / "data" / "capture")


def test_a_file_in_its_place_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match=r"^the capture directory \S+ is no directory; .*capture\.dir$"):
        prepare(tmp_path / "file")
    with pytest.raises(PlaceError, match=r"cannot be made \(Not a directory\); .*capture\.dir$"):
        prepare(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(PlaceError, match=r"may not be read and written by this user"):
        prepare(tmp_path / "closed")
