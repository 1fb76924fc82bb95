"""How far judging has come, and who judges."""

from datetime import timedelta

import pytest

from config.model import Store
from store.errors import StoreUnavailable
from store.judging.progress import Leader, advance, beat, leader, resign, taken_until
from store.locate import StoreConnection
from store.tables import JUDGES
from tests.store.judging.conftest import BEGIN, NOW, Filled
from tests.store.owners import store_at


def pass_time(filled: Filled, seconds: float) -> None:
    """Everything that was said is older."""
    change = f"ALTER TABLE judges UPDATE since = since - {seconds} WHERE 1"
    client = filled.connection.client()
    client.command("OPTIMIZE TABLE judges FINAL")
    client.command(change, settings={"mutations_sync": 2})
    rows = client.query("SELECT judge, since, seen FROM judges").result_rows
    client.command("TRUNCATE TABLE judges")
    client.insert("judges", [[j, s, seen - timedelta(seconds=seconds)] for j, s, seen in rows], JUDGES.names())


def test_the_newest_note_of_a_plan_counts(filled: Filled) -> None:
    at = BEGIN + timedelta(microseconds=1)
    assert taken_until(filled.reader, "plan-1") is None
    for n, until in enumerate((at, at + timedelta(minutes=5), at + timedelta(minutes=3))):
        advance(filled.writer, "plan-1", until, NOW + timedelta(seconds=n))
    advance(filled.writer, "plan-2", BEGIN, NOW + timedelta(days=1))
    assert taken_until(filled.reader, "plan-1") == at + timedelta(minutes=3)
    filled.connection.client().command("OPTIMIZE TABLE judge_progress FINAL")
    assert taken_until(filled.reader, "plan-1") == at + timedelta(minutes=3)
    assert taken_until(filled.reader, "plan-2") == BEGIN


def test_who_has_been_at_work_the_longest_judges(filled: Filled) -> None:
    connection = filled.connection
    assert leader(connection, "b") is None
    beat(connection, "b")
    pass_time(filled, 1)
    beat(connection, "a")
    beat(connection, "b")
    ours, theirs = leader(connection, "b"), leader(connection, "a")
    assert ours is not None
    assert theirs is not None
    assert (ours.judge, ours.is_us, theirs.judge, theirs.is_us) == ("b", True, "b", False)
    assert 0 <= ours.quiet_s < 30
    assert ours.at_work_s >= 1


def test_one_that_is_silent_is_given_up_and_begins_anew_when_it_is_back(filled: Filled) -> None:
    connection = filled.connection
    beat(connection, "a")
    pass_time(filled, 20)
    beat(connection, "b")
    found = leader(connection, "b")
    assert found is not None
    assert (found.judge, found.is_us) == ("a", False)
    assert 20 <= found.quiet_s < 34
    pass_time(filled, 20)
    beat(connection, "b")
    assert _who(leader(connection, "b")) == "b"
    beat(connection, "a")
    assert _who(leader(connection, "a")) == "b"


def test_one_that_has_ended_is_not_waited_for(filled: Filled) -> None:
    connection = filled.connection
    for judge in ("a", "b"):
        beat(connection, judge)
        pass_time(filled, 1)
    assert _who(leader(connection, "b")) == "a"
    resign(connection, "a")
    assert _who(leader(connection, "b")) == "b"
    filled.connection.client().command("OPTIMIZE TABLE judges FINAL")
    assert _who(leader(connection, "b")) == "b"
    resign(connection, "b")
    assert leader(connection, "b") is None


def test_a_number_that_has_resigned_may_be_taken_over(filled: Filled) -> None:
    """Whoever ended did not hear that its last word was written, and left its number to the next start."""
    connection = filled.connection
    beat(connection, "a")
    pass_time(filled, 5)
    resign(connection, "a")
    assert leader(connection, "a") is None
    pass_time(filled, 1)
    for _ in range(2):
        beat(connection, "a")
        found = leader(connection, "a")
        assert found is not None
        assert found.is_us
        filled.connection.client().command("OPTIMIZE TABLE judges FINAL")


def test_a_store_that_is_away_is_one_clear_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    away = StoreConnection(store_at(tmp_path_factory.mktemp("away")), access="writer")
    for ask in (beat, leader, resign):
        with pytest.raises(StoreUnavailable) as caught:
            ask(away, "a")
        assert "\n" not in str(caught.value)


def test_a_store_without_the_tables_is_one_clear_line(filled: Filled, shared_store: Store) -> None:
    connection = StoreConnection(shared_store, access="writer")
    connection.client().database = "nowhere"
    with pytest.raises(StoreUnavailable, match=r"who of `judges` is at work is not known: .*nowhere"):
        leader(connection, "a")
    connection.drop()


def _who(found: Leader | None) -> str:
    assert found is not None
    return found.judge
