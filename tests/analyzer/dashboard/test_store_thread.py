"""One thread and its line: bounded, with an end to waiting, and since when nobody answers."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from analyzer.dashboard import store_thread
from analyzer.dashboard.store_thread import StoreThread, Trouble
from config.model import Store
from store.errors import QueryFailed, SchemaMissing, StoreError, StoreUnavailable
from store.reader import Reader

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


async def test_a_store_that_nobody_owns_is_away_since_the_first_question(nowhere: Store) -> None:
    moments = iter(BEGIN + timedelta(seconds=n) for n in range(9))
    thread = StoreThread(nowhere, "reader", clock=lambda: next(moments))
    heard: list[Trouble | None] = []
    thread.on_change = heard.append
    assert (thread.trouble, thread.was_asked) == (None, False)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="no owner of the embedded store"):
            await thread.read(lambda reader: reader.query("SELECT 1"))
    assert thread.trouble is not None
    assert thread.trouble.since == BEGIN
    assert len(heard) == 1, "said once"
    thread.close()


async def test_it_is_back_with_the_first_answer(pages_store: Store) -> None:
    thread = StoreThread(pages_store, "reader")
    heard: list[Trouble | None] = []
    thread.on_change = heard.append

    def fail(_reader: Reader) -> None:
        raise StoreUnavailable("cut off")

    with pytest.raises(StoreUnavailable):
        await thread.read(fail)
    assert await thread.read(lambda reader: reader.query("SELECT 1 AS one")) == [{"one": 1}]
    assert thread.trouble is None
    assert [trouble and trouble.reason for trouble in heard] == ["cut off", None]
    thread.close()


async def test_a_question_that_the_store_refuses_is_no_absence(pages_store: Store) -> None:
    thread = StoreThread(pages_store, "reader")
    with pytest.raises(QueryFailed):
        await thread.read(lambda reader: reader.query("SELECT nonsense FROM pairs"))
    assert thread.trouble is None
    thread.close()


async def test_a_store_without_tables_is_not_ready(pages_store: Store) -> None:
    thread = StoreThread(pages_store, "reader")
    with pytest.raises(SchemaMissing, match="no tables yet"):
        await thread.read(lambda reader: reader.query("SELECT 1 FROM not_there"))
    assert thread.trouble is not None
    thread.close()


async def test_waiting_ends_and_the_line_has_an_end(nowhere: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question hangs; those behind it give up in time and are not asked any more, one too many is refused."""
    monkeypatch.setattr(store_thread, "MAX_WAITING", 3)
    thread = StoreThread(nowhere, "writer", answer_s=0.2)
    go_on = threading.Event()
    asked: list[object] = []

    def hang(_writer: object) -> None:
        go_on.wait(20)

    waiting = [asyncio.ensure_future(thread.write(hang))]  # noqa: TID251 - awaited below
    waiting += [asyncio.ensure_future(thread.write(asked.append)) for _ in range(2)]  # noqa: TID251 - the same
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="3 questions wait"):
        await thread.write(asked.append)
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, StoreUnavailable)
        assert "no answer within 0.2 s" in str(error)
    go_on.set()
    thread._answer_s = 20.0
    for _ in range(200):
        if thread._waiting == 0:
            break
        await asyncio.sleep(0.01)
    await thread.write(asked.append)
    assert len(asked) == 1, "of those that gave up, none is asked later"
    thread.close()


async def test_errors_that_are_none_of_the_stores_come_through(nowhere: Store) -> None:
    thread = StoreThread(nowhere, "writer")

    def fault(_writer: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await thread.write(fault)
    assert thread.trouble is None
    assert not issubclass(ZeroDivisionError, StoreError)
    thread.close()
