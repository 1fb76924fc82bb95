"""The endpoint file: for its user's eyes, whole or not there."""

import stat
from pathlib import Path

import pytest

from store.endpoint.place import Endpoint, new_password, publish, read_endpoint, withdraw

ENDPOINT = Endpoint(pid=1, port=2, writer="w-secret", reader="r-secret", version="26.9", transient=False)


def test_what_is_published_is_read_and_can_be_withdrawn(tmp_path: Path) -> None:
    publish(tmp_path, ENDPOINT)
    assert read_endpoint(tmp_path) == ENDPOINT
    withdraw(tmp_path)
    withdraw(tmp_path)
    assert read_endpoint(tmp_path) is None


def test_only_its_user_can_read_it_even_where_another_file_was(tmp_path: Path) -> None:
    (tmp_path / "endpoint.json").write_text("{}")
    (tmp_path / "endpoint.json").chmod(0o644)
    publish(tmp_path, ENDPOINT)
    assert stat.S_IMODE((tmp_path / "endpoint.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["endpoint.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "port": 1}', "\0" * 100])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoint.json").write_text(text)
    assert read_endpoint(tmp_path) is None


def test_passwords_are_long_differ_and_are_not_shown() -> None:
    assert len({new_password() for _ in range(100)}) == 100
    assert len(new_password()) >= 32
    assert "secret" not in repr(ENDPOINT)
