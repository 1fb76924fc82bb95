"""An insert is acknowledged when its rows are stored, and for no other reason."""

from pathlib import Path
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from store.endpoint import incoming
from store.endpoint.incoming import Incoming, emptied


def test_an_error_of_the_last_step_is_an_error(writer: Client) -> None:
    """A view that fails, fails the insert, in whatever form its rows came."""
    writer.command("CREATE TABLE seen (a UInt32) ENGINE = MergeTree ORDER BY a")
    writer.command("CREATE TABLE made (a UInt32) ENGINE = MergeTree ORDER BY a")
    writer.command("CREATE MATERIALIZED VIEW making TO made AS SELECT throwIf(a = 2, 'no twos') + a AS a FROM seen")
    try:
        with pytest.raises(DatabaseError, match="no twos") as caught:
            writer.insert("seen", [[1], [2]], column_names=["a"])
        assert caught.value.code == 395
        with pytest.raises(DatabaseError, match="no twos"):
            writer.raw_insert("seen", ["a"], "2\n", fmt="CSV")
        with pytest.raises(DatabaseError, match="no twos"):
            writer.command("INSERT INTO seen VALUES (2)")
        writer.insert("seen", [[1], [3]], column_names=["a"])
        assert writer.query("SELECT a FROM made ORDER BY a").result_rows == [(1,), (3,)]
    finally:
        for name in ("making", "made", "seen"):
            writer.command(f"DROP TABLE {name}")


def test_an_insert_larger_than_memory_may_hold_arrives_and_leaves_no_file(writer: Client, shared_dir: Path) -> None:
    writer.command("CREATE TABLE large (a String) ENGINE = MergeTree ORDER BY tuple()")
    line = b"x" * 2**20 + b"\n"
    writer.raw_insert("large", ["a"], (line for _ in range(40)), fmt="TSV")
    assert writer.query("SELECT count(), sum(length(a)) FROM large").result_rows == [(40, 40 * 2**20)]
    assert list((shared_dir / "incoming").iterdir()) == []
    writer.command("DROP TABLE large")


def test_settings_and_parameters_of_an_insert_count(writer: Client) -> None:
    writer.command(
        "CREATE TABLE once (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 9"
    )
    for _ in range(2):
        writer.command(
            "INSERT INTO {t:Identifier} SETTINGS insert_deduplication_token = 'same' VALUES (1)", {"t": "once"}
        )
    assert writer.command("SELECT count() FROM once") == 1
    writer.command("DROP TABLE once")


@pytest.mark.parametrize("limit_bytes", [0, 10, 1000])
def test_what_was_added_is_what_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int) -> None:
    """In memory, on disk, and when it moves from the one to the other."""
    monkeypatch.setattr(incoming, "_IN_MEMORY_BYTES", limit_bytes)
    rows = Incoming(tmp_path)
    for piece in (b"abc", b"", b"x" * 20, b"end"):
        rows.add(piece)
    rows.complete()
    assert Path(rows.path).read_bytes() == b"abc" + b"x" * 20 + b"end"
    assert len(list(tmp_path.iterdir())) == (limit_bytes < 26)
    rows.close()
    assert list(tmp_path.iterdir()) == []


def test_without_files_in_memory_rows_wait_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    rows = Incoming(tmp_path)
    rows.complete()
    assert Path(rows.path).read_bytes() == b""
    assert Path(rows.path).stat().st_mode & 0o777 == 0o600
    rows.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    place = tmp_path / "incoming"
    place.mkdir()
    (place / uuid4().hex).write_text("texts of somebody")
    assert list(emptied(place).iterdir()) == []
    assert place.stat().st_mode & 0o777 == 0o700
