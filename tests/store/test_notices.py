"""What webhooks were told, over a real store: written by one account, and read back by what came last."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store.judging import progress
from store.locate import StoreConnection
from store.migrate import migrate
from store.notices import MOST_TOLD, MOST_WAITING, LeftOut, NoticeRow, Told, left_out, told, waiting, write_notices
from store.reader import Reader
from store.tables import JUDGES, NOTIFIERS
from store.writer import Writer

NOW = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
_numbers = itertools.count()


class Filled:
    """The store: filled with the writer's account, asked with the reader's."""

    def __init__(self, connection: StoreConnection, reader: Client) -> None:
        self.connection = connection
        self.writer = Writer(connection)
        self.reader = Reader(reader)

    def write(self, *rows: NoticeRow, token: str | None = None) -> None:
        write_notices(self.writer, rows, token or f"notices-{next(_numbers)}")

    def count(self, *rows: tuple[datetime, str, str, int]) -> None:
        """Rows of `counters`: (when, candidate, state, count)."""
        made = [[at, "proxy-0", candidate, state, count] for at, candidate, state, count in rows]
        self.writer.insert("counters", made, f"notices-{next(_numbers)}")


@pytest.fixture
def filled(shared_store: Store, reader: Client) -> Iterator[Filled]:
    connection = StoreConnection(shared_store, access="writer")
    client = connection.client()
    migrate(client, client.database or "")
    for table in ("notices", "notifiers", "judges", "counters"):
        client.command(f"TRUNCATE TABLE {table}")
    yield Filled(connection, reader)
    connection.drop()


def row(notice: UUID | None = None, **values: Any) -> NoticeRow:
    """A verdict that nobody was told yet."""
    made = NoticeRow(
        notice=notice or uuid4(), event="verdict", candidate="swift", topic="e-1", state="promote", since=NOW,
        noticed=NOW, payload='{"version": 1}', webhook="k1", host="hooks.example.com", outcome="pending", attempts=0,
        detail="", at=NOW,
    )  # fmt: skip
    return replace(made, **values)


def test_what_was_written_is_read_back_whole(filled: Filled) -> None:
    first = row()
    filled.write(first)
    assert waiting(filled.reader, NOW) == [first]
    assert told(filled.reader) == [Told(first.notice, "verdict", "swift", "e-1", "promote", NOW, NOW)]


def test_the_same_rows_under_the_same_token_are_there_once(filled: Filled) -> None:
    first = row()
    filled.write(first, row(first.notice, webhook="k2"), token="notice-x")
    filled.write(first, row(first.notice, webhook="k2"), token="notice-x")
    assert len(filled.reader.query("SELECT * FROM notices")) == 2
    assert len(told(filled.reader)) == 1


def test_a_webhook_waits_until_it_was_told_or_given_up(filled: Filled) -> None:
    """Each webhook for itself, by its newest row; attempts count, whatever the clocks said."""
    delivered, failed, given_up = row(), row(), row()
    late = NOW + timedelta(seconds=5)
    filled.write(
        delivered,
        replace(delivered, webhook="k2"),
        replace(delivered, outcome="failed", attempts=1, detail="status 503", at=late),
        replace(delivered, outcome="delivered", attempts=2, detail="status 200", at=NOW - timedelta(hours=1)),
        failed,
        replace(failed, outcome="failed", attempts=1, detail="status 500", at=late),
        given_up,
        replace(given_up, outcome="given_up", attempts=6, at=late),
        row(webhook="", host="", payload="", outcome="silent"),
    )
    found = {(r.notice, r.webhook): r for r in waiting(filled.reader, NOW)}
    assert found.keys() == {(delivered.notice, "k2"), (failed.notice, "k1")}
    assert (found[failed.notice, "k1"].attempts, found[failed.notice, "k1"].detail) == (1, "status 500")
    assert all(r.is_waiting for r in found.values())


def test_given_up_without_a_further_attempt_ends_the_wait(filled: Filled) -> None:
    """`attempts` was lowered meanwhile: two rows with the same number, of which the later one counts."""
    failed = row(outcome="failed", attempts=3)
    filled.write(failed, replace(failed, outcome="given_up", at=NOW + timedelta(seconds=1)))
    assert waiting(filled.reader, NOW) == []


def test_what_waits_comes_oldest_first_and_not_for_ever(filled: Filled) -> None:
    """A week; and no more at once than can be kept."""
    old, older, forgotten = (row(noticed=NOW - timedelta(days=d)) for d in (1, 6, 8))
    filled.write(old, older, forgotten)
    assert [r.notice for r in waiting(filled.reader, NOW)] == [older.notice, old.notice]
    filled.write(*(row(webhook="k3", noticed=NOW - timedelta(seconds=n)) for n in range(MOST_WAITING + 5)))
    found = [r for r in waiting(filled.reader, NOW) if r.webhook == "k3"]
    assert len(found) == MOST_WAITING
    assert max(r.noticed for r in found) == NOW - timedelta(seconds=5)


def test_what_was_told_comes_newest_first_once_per_notice(filled: Filled) -> None:
    promoted, rejected = row(), row(state="reject", noticed=NOW + timedelta(minutes=1))
    filled.write(promoted, replace(promoted, webhook="k2"), replace(promoted, outcome="delivered", attempts=1))
    filled.write(rejected)
    assert [(t.notice, t.state) for t in told(filled.reader)] == [
        (rejected.notice, "reject"),
        (promoted.notice, "promote"),
    ]


def test_of_each_event_and_candidate_the_newest_are_remembered(filled: Filled) -> None:
    """One that talks without end does not make the others be forgotten."""
    rare = row(candidate="sage", noticed=NOW - timedelta(days=300))
    filled.write(rare, *(row(event="drift", since=NOW - timedelta(minutes=n)) for n in range(MOST_TOLD + 20)))
    found = told(filled.reader)
    assert len(found) == MOST_TOLD + 1
    assert found[-1].notice == rare.notice


def test_what_breakers_left_out_is_added_up_by_candidate_and_minute(filled: Filled) -> None:
    at = NOW.replace(microsecond=0)
    filled.count(
        (at, "swift", "breaker_open", 3),
        (at + timedelta(seconds=20), "swift", "breaker_open", 4),
        (at + timedelta(seconds=70), "swift", "breaker_open", 5),
        (at, "sage", "breaker_open", 1),
        (at, "sage", "budget", 7),
        (at - timedelta(hours=2), "sage", "breaker_open", 9),
    )
    assert left_out(filled.reader, at - timedelta(hours=1)) == [
        LeftOut("sage", at, at, 1),
        LeftOut("swift", at, at + timedelta(seconds=20), 7),
        LeftOut("swift", at + timedelta(seconds=70), at + timedelta(seconds=70), 5),
    ]


def test_an_empty_store_has_told_nothing(filled: Filled) -> None:
    assert told(filled.reader) == []
    assert waiting(filled.reader, NOW) == []
    assert left_out(filled.reader, NOW - timedelta(hours=6)) == []


def test_who_tells_and_who_judges_are_two_questions(filled: Filled) -> None:
    """The same rules of turns, over a table of their own."""
    connection = filled.connection
    progress.beat(connection, "judge", JUDGES)
    for number in ("first", "second"):
        progress.beat(connection, number, NOTIFIERS)
        connection.client().command("SELECT sleep(0.005)")
    found = progress.leader(connection, "second", NOTIFIERS)
    assert found is not None
    assert (found.judge, found.is_us) == ("first", False)
    progress.resign(connection, "first", NOTIFIERS)
    after = progress.leader(connection, "second", NOTIFIERS)
    assert after is not None
    assert after.is_us
    judging = progress.leader(connection, "judge")
    assert judging is not None
    assert judging.judge == "judge"
