"""A batch whose part a crash took is stored when it is sent again, though the engine had noted its token."""

import importlib.util
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.endpoint.tokens import forget_lost
from store.locate import StoreConnection, close, connect_to
from store.migrate import steps
from store.writer import Writer
from tests.store.owners import store_at, transient

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def table(engine: Path, name: str = "a1b") -> Path:
    directory = engine / "store" / name / f"{name}-0000"
    (directory / "deduplication_logs").mkdir(parents=True)
    return directory


def note(directory: Path, *records: str, number: int = 1, end: str = "\n") -> Path:
    path = directory / "deduplication_logs" / f"deduplication_log_{number}.txt"
    path.write_text("".join(f"{record}\n" for record in records[:-1]) + (f"{records[-1]}{end}" if records else ""))
    return path


def parts(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).mkdir()


def test_a_token_without_its_part_is_forgotten(tmp_path: Path) -> None:
    directory = table(tmp_path)
    path = note(directory, "1\tall_1_1_0\tall_11_1", "1\tall_2_2_0\tall_22_2", "1\tall_3_3_0\tall_33_3")
    parts(directory, "all_1_1_0", "all_2_2_0", "tmp_insert_all_3_3_0", "detached")
    assert forget_lost(tmp_path) == 1
    assert path.read_text() == "1\tall_1_1_0\tall_11_1\n1\tall_2_2_0\tall_22_2\n"
    assert forget_lost(tmp_path) == 0


@pytest.mark.parametrize("there", ["202603_4_4_0", "202603_4_4_0_7", "202603_2_4_1", "202603_1_9_3", "202603_1_9_3_12"])
def test_a_token_whose_part_is_there_or_was_merged_is_kept(tmp_path: Path, there: str) -> None:
    directory = table(tmp_path)
    path = note(directory, "1\t202603_4_4_0\t202603_11_1")
    before = path.read_text()
    parts(directory, there)
    assert forget_lost(tmp_path) == 0
    assert path.read_text() == before


@pytest.mark.parametrize("there", ["202602_4_4_0", "202603_3_3_0", "202603_5_6_1", "tmp_merge_202603_1_9_1"])
def test_a_part_of_another_place_is_not_it(tmp_path: Path, there: str) -> None:
    directory = table(tmp_path)
    note(directory, "1\t202603_4_4_0\t202603_11_1")
    parts(directory, there)
    assert forget_lost(tmp_path) == 1


def test_only_the_end_of_the_newest_log_is_touched(tmp_path: Path) -> None:
    """Parts of old tokens may have expired; a removal, and what stands before it, is over."""
    directory = table(tmp_path)
    old = note(directory, "1\tall_1_1_0\tall_11_1", number=9)
    new = note(directory, "1\tall_2_2_0\tall_22_2", "2\tall_2_2_0\tall_22_2", "1\tall_3_3_0\tall_33_3", number=10)
    note(directory, number=11)
    assert forget_lost(tmp_path) == 1
    assert old.read_text() == "1\tall_1_1_0\tall_11_1\n"
    assert new.read_text() == "1\tall_2_2_0\tall_22_2\n2\tall_2_2_0\tall_22_2\n"


def test_a_record_that_is_cut_goes(tmp_path: Path) -> None:
    """The engine would not read what it writes behind it."""
    directory = table(tmp_path)
    path = note(directory, "1\tall_1_1_0\tall_11_1", "1\tall_2_2_0\tal", end="")
    parts(directory, "all_1_1_0")
    forget_lost(tmp_path)
    assert path.read_text() == "1\tall_1_1_0\tall_11_1\n"


def test_what_is_not_understood_is_left_alone(tmp_path: Path) -> None:
    first, second = table(tmp_path, "a1b"), table(tmp_path, "c2d")
    odd = note(first, "3\tall_1_1_0\tall_11_1\t7")
    (second / "deduplication_logs" / "something.else").write_text("1\tall_1_1_0\tall_11_1\n")
    assert forget_lost(tmp_path) == 0
    assert odd.read_text() == "3\tall_1_1_0\tall_11_1\t7\n"


def test_a_new_directory_has_nothing_to_mend(tmp_path: Path) -> None:
    assert forget_lost(tmp_path / "engine") == 0


@pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="needs shadowbench[embedded]")
def test_the_engine_takes_the_batch_again(tmp_path: Path) -> None:
    """As a kill leaves it: the token of the last batch is noted, its part is not there. Those before stay known."""
    tokens = [f"t-{number}" for number in range(len(steps()) + 1)]  # one more than the list of the schema's steps has
    insert(tmp_path, *tokens)
    logs = tmp_path.glob("engine/store/*/*/deduplication_logs/*.txt")
    (log,) = [path for path in logs if path.read_text().count("\n") == len(tokens)]
    shutil.rmtree(log.parents[1] / log.read_text().splitlines()[-1].split("\t")[1])
    assert insert(tmp_path, *tokens) == tokens


def insert(directory: Path, *tokens: str) -> list[str]:
    """Under an owner of its own; the rows that are there afterwards."""
    with transient(directory) as owner:
        writer = Writer(StoreConnection(store_at(directory), access="writer"))
        for token in tokens:
            writer.insert("experiments", [[token, "c", "{}", MOMENT, "", None]], token)
        writer.close()
        client = connect_to(owner.endpoint(), "reader")
        found = [str(row[0]) for row in client.query("SELECT id FROM experiments ORDER BY id").result_rows]
        close(client)
    return found
