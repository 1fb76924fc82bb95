"""The deliveries to one webhook."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from analyzer.webhooks import channel as channels
from analyzer.webhooks.backoff import Answer
from analyzer.webhooks.channel import REMEMBERED, Channel, Tools, key_of, pending
from config.views import Webhook
from runtime.tasks import Tasks
from store.errors import StoreRefused
from store.notices import MOST_WAITING, NoticeRow
from tests.analyzer.webhooks.made import AWAY, START, Clock, Lines, MemoryBooks, Post, Shelf, until

HOOK = Webhook.model_validate({"url": "https://hooks.example.com/S3CRET", "attempts": 3})


class Setting:
    """A channel, and everything around it."""

    def __init__(self, webhook: Webhook = HOOK) -> None:
        self.books = MemoryBooks(Shelf())
        self.lines = Lines()
        self.post = Post()
        self.is_our_turn = True
        self.counts: defaultdict[str, float] = defaultdict(float)
        clock = Clock()
        tools = Tools(self.books, self.lines, "1.2", clock.now, lambda: self.is_our_turn, self.post.send, self.counts)
        self.channel = Channel(webhook, tools)
        self.tasks = Tasks(lambda name, error: pytest.fail(f"{name}: {error}"))

    def start(self) -> "asyncio.Task[Any]":
        return self.tasks.start("channel", self.channel.run())

    async def offer(self, *rows: NoticeRow) -> None:
        """As the store has them, and says so."""
        self.books.shelf.rows += rows
        self.channel.offer(await self.books.waiting(START))

    def outcomes(self) -> list[tuple[str, int, str]]:
        return [(r.outcome, r.attempts, r.detail) for r in self.books.shelf.rows]


@pytest.fixture
async def setting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Setting]:
    monkeypatch.setattr(channels, "wait_s", lambda attempts, after_s, drawn: after_s or 0.001)
    monkeypatch.setattr(channels, "_AGAIN_S", 0.001)
    made = Setting()
    yield made
    await made.tasks.close()


def notice(number: int = 0, **values: Any) -> NoticeRow:
    row = NoticeRow(
        notice=uuid4(), event="verdict", candidate="swift", topic="", state="promote", since=START, noticed=START,
        payload=json.dumps({"version": 1, "number": number}), webhook="", host="", outcome="silent", attempts=0,
        detail="", at=START,
    )  # fmt: skip
    return replace(pending(HOOK, row), **values)


def test_an_address_is_known_by_a_digest_that_does_not_give_it_away() -> None:
    other = Webhook.model_validate({"url": "https://hooks.example.com/OTHER"})
    chat = Webhook.model_validate({"url": "https://hooks.example.com/S3CRET", "format": "slack"})
    tuned = Webhook.model_validate({"url": "https://hooks.example.com/S3CRET", "timeout": "3s", "on": ["drift"]})
    assert len({key_of(w) for w in (HOOK, other, chat)}) == 3
    assert key_of(tuned) == key_of(HOOK)
    row = notice()
    assert (row.host, row.outcome) == ("hooks.example.com", "pending")
    assert "S3CRET" not in repr(row)


async def test_a_notice_is_delivered_and_written_down(setting: Setting) -> None:
    await setting.offer(notice(7))
    setting.start()
    await until(lambda: not len(setting.channel))
    await until(lambda: len(setting.books.shelf.rows) == 2)
    ((url, headers, body),) = setting.post.sent
    assert (url, json.loads(body)["number"]) == ("https://hooks.example.com/S3CRET", 7)
    assert headers["x-shadowbench-attempt"] == "1"
    assert setting.outcomes() == [("pending", 0, ""), ("delivered", 1, "status 200")]
    assert setting.counts == {'shadowbench_webhook_deliveries_total{event="verdict",outcome="delivered"}': 1}
    assert setting.lines.events() == ["webhook delivered"]
    assert "S3CRET" not in setting.lines.text


async def test_a_failed_attempt_is_made_again_until_there_are_enough(setting: Setting) -> None:
    """Each is written down; what was given up is told to the operator."""
    setting.post.answers = [Answer(503, "status 503", 0.002), Answer(None, "no answer"), Answer(500, "status 500")]
    await setting.offer(notice(1), notice(2))
    setting.start()
    await until(lambda: len(setting.outcomes()) == 6)
    assert setting.outcomes()[2:] == [
        ("failed", 1, "status 503"),
        ("failed", 2, "no answer"),
        ("given_up", 3, "status 500"),
        ("delivered", 1, "status 200"),
    ]
    assert [json.loads(body)["number"] for _, _, body in setting.post.sent] == [1, 1, 1, 2]
    assert [h["x-shadowbench-attempt"] for _, h, _ in setting.post.sent] == ["1", "2", "3", "1"]
    assert len({h["x-shadowbench-notice"] for _, h, _ in setting.post.sent}) == 2
    assert setting.lines.events() == ["webhook not delivered"] * 2 + ["webhook given up", "webhook delivered"]
    assert {k.partition("outcome=")[2]: v for k, v in setting.counts.items()} == {
        '"failed"}': 2, '"given_up"}': 1, '"delivered"}': 1
    }  # fmt: skip


async def test_attempts_of_the_process_before_count(setting: Setting) -> None:
    setting.post.answers = [Answer(500, "status 500")]
    await setting.offer(notice(outcome="failed", attempts=2))
    setting.start()
    await until(lambda: len(setting.outcomes()) == 2)
    assert setting.outcomes()[1] == ("given_up", 3, "status 500")


async def test_without_attempts_left_it_is_given_up_unasked(setting: Setting) -> None:
    """`attempts` was lowered by a reload."""
    await setting.offer(notice(outcome="failed", attempts=5, detail="status 500"))
    setting.start()
    await until(lambda: len(setting.outcomes()) == 2)
    assert setting.outcomes()[1] == ("given_up", 5, "status 500")
    assert setting.post.sent == []


async def test_what_is_offered_again_is_delivered_once(setting: Setting) -> None:
    """While it is under way, and after it is done, by a reading that is older than that."""
    row = notice()
    setting.post.gate = asyncio.Event()
    await setting.offer(row)
    setting.start()
    await until(lambda: setting.post.sent)
    setting.channel.offer([row])
    setting.post.gate.set()
    await until(lambda: len(setting.outcomes()) == 2)
    setting.channel.offer([row])
    assert len(setting.channel) == 0
    assert len(setting.post.sent) == 1


async def test_what_was_delivered_is_written_down_as_soon_as_that_is_possible(setting: Setting) -> None:
    """Meanwhile nothing else is sent: after a death it would be told twice."""
    setting.books.takes_no_rows = AWAY
    await setting.offer(notice(1), notice(2))
    setting.start()
    await until(lambda: setting.post.sent)
    await asyncio.sleep(0.02)
    assert len(setting.post.sent) == 1
    setting.books.takes_no_rows = None
    await until(lambda: len(setting.outcomes()) == 4)
    assert [outcome for outcome, _, _ in setting.outcomes()] == ["pending", "pending", "delivered", "delivered"]


async def test_a_row_that_the_store_refuses_holds_nothing_up(setting: Setting) -> None:
    setting.books.takes_no_rows = StoreRefused("notices: a value does not fit")
    setting.post.answers = [Answer(500, "status 500")]
    await setting.offer(notice(1), notice(2))
    setting.start()
    await until(lambda: len(setting.post.sent) == 3)
    await until(lambda: setting.lines.events("error") == ["a delivery is not written down"] * 2)


async def test_while_it_is_anothers_turn_nothing_is_sent(setting: Setting) -> None:
    setting.is_our_turn = False
    await setting.offer(notice())
    setting.start()
    await asyncio.sleep(0.02)
    assert setting.post.sent == []
    setting.channel.clear()
    assert len(setting.channel) == 0


async def test_a_turn_that_is_lost_during_an_attempt_leaves_the_rest_to_another(setting: Setting) -> None:
    setting.post.gate = asyncio.Event()
    await setting.offer(notice(1), notice(2))
    setting.start()
    await until(lambda: setting.post.sent)
    setting.is_our_turn = False
    setting.channel.clear()
    setting.post.gate.set()
    await until(lambda: len(setting.outcomes()) == 3)
    await asyncio.sleep(0.01)
    assert len(setting.post.sent) == 1


async def test_a_stop_lets_the_attempt_under_way_end(setting: Setting) -> None:
    setting.post.gate = asyncio.Event()
    await setting.offer(notice(1), notice(2))
    running = setting.start()
    await until(lambda: setting.post.sent)
    setting.channel.stop()
    await asyncio.sleep(0.01)
    assert not running.done()
    setting.post.gate.set()
    await asyncio.wait_for(running, 5)
    assert [outcome for outcome, _, _ in setting.outcomes()] == ["pending", "pending", "delivered"]
    assert len(setting.post.sent) == 1


async def test_a_stop_does_not_wait_for_the_next_attempt(setting: Setting) -> None:
    setting.post.answers = [Answer(503, "status 503", 3000.0)]
    await setting.offer(notice())
    running = setting.start()
    await until(lambda: len(setting.outcomes()) == 2)
    setting.channel.stop()
    await asyncio.wait_for(running, 5)
    assert setting.outcomes()[1][0] == "failed"


async def test_a_reload_counts_from_the_next_attempt_on(setting: Setting) -> None:
    setting.channel.webhook = Webhook.model_validate(
        {"url": "https://hooks.example.com/S3CRET", "headers": {"authorization": "Bearer x"}}
    )
    await setting.offer(notice())
    setting.start()
    await until(lambda: setting.post.sent)
    assert setting.post.sent[0][1]["authorization"] == "Bearer x"


def test_what_is_held_is_bounded() -> None:
    """The rest stays in the store and is offered again."""
    setting = Setting()
    setting.channel.offer([notice(n) for n in range(MOST_WAITING + 10)])
    assert len(setting.channel) == MOST_WAITING


async def test_what_is_remembered_is_bounded(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "REMEMBERED", 2)
    assert REMEMBERED > MOST_WAITING
    rows = [notice(n) for n in range(4)]
    await setting.offer(*rows)
    setting.start()
    await until(lambda: len(setting.outcomes()) == 8)
    setting.channel.offer(rows[2:])
    assert len(setting.channel) == 0
