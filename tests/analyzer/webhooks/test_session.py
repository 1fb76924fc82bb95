"""One process's time at it, over a store in memory and a clock that the test moves."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analyzer.results import CandidateStudy
from analyzer.surroundings.results import Change, Drift
from analyzer.webhooks import session as sessions
from analyzer.webhooks.backoff import Answer
from analyzer.webhooks.books import Money, window_of
from analyzer.webhooks.channel import key_of
from analyzer.webhooks.session import LOOK_EVERY_S, SAY_AFTER_S, STUDY_SHARE, Session, World
from config.model import Config
from store.errors import QueryFailed
from store.judging.calls import Spend
from store.notices import LeftOut
from store.spending import Day, Spent
from tests.analyzer.report.studies import candidate, made
from tests.analyzer.webhooks.made import AWAY, START, Clock, Lines, MemoryBooks, Post, Shelf, configuration, until

CHAT = {"url": "https://chat.example.com/S3CRET", "format": "slack"}
CHANGE = Change("difference", "total_ms", "mean", START - timedelta(hours=3), 1.0, 2.0, 9.0, "It changed.")
Begin = Callable[..., "Process"]


class Process:
    """A session, and what it runs on."""

    def __init__(self, shelf: Shelf, clock: Clock, config: Config) -> None:
        self.config = config
        self.shelf = shelf
        self.books = MemoryBooks(shelf)
        self.lines = Lines()
        self.post = Post()
        self.clock = clock
        self.counts: defaultdict[str, float] = defaultdict(float)
        world = World("1.2", lambda _: self.books, self.post.send, clock.now, clock.steady_s)
        self.session = Session(lambda: self.config, self.lines, world, self.counts)

    def decide(self, *candidates: CandidateStudy) -> None:
        self.books.made = made(*candidates)

    async def look(self, seconds: float = LOOK_EVERY_S) -> None:
        """The next look, and all that it has delivered."""
        self.clock.seconds += seconds
        await self.hear()
        await self.session.step()
        await until(lambda: not self.session.waiting)

    async def hear(self) -> None:
        """Whose turn it is."""
        await self.session._leading.beat()

    def told(self) -> list[tuple[str, str | None, str]]:
        """(event, candidate, state) of what was sent."""
        bodies = [json.loads(body) for url, _, body in self.post.sent if "chat" not in url]
        return [(body["event"], body["candidate"], body["state"]) for body in bodies]


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    """`begin(config, shelf)`: a process that is at work from its first look on."""
    clock = Clock()
    started: list[Process] = []

    def one(config: Config | None = None, shelf: Shelf | None = None) -> Process:
        process = Process(shelf or Shelf(), clock, config or configuration({}))
        process.decide(quiet())
        started.append(process)
        return process

    yield one
    for process in started:
        process.books.away = None
        await process.session.close()


def quiet(decision: str = "wait", **values: Any) -> CandidateStudy:
    """Nothing to tell of but the decision."""
    return candidate(**{"decision": decision, "drift": None, "reasons": ("so it is",), **values})


async def test_a_decision_is_told_once_as_it_changes(begin: Begin) -> None:
    process = begin()
    for decision in ("wait", "promote", "promote", "reject"):
        process.decide(quiet(decision))
        await process.look()
    assert process.told() == [("verdict", "swift", "promote"), ("verdict", "swift", "reject")]
    assert process.lines.events().count("noticed") == 2
    assert process.counts['shadowbench_webhook_notices_total{event="verdict"}'] == 2
    assert "S3CRET" not in process.lines.text


async def test_a_decision_is_taken_back_after_a_quarter_of_an_hour(begin: Begin) -> None:
    process = begin()
    process.decide(quiet("promote"))
    await process.look()
    process.decide(quiet("wait"))
    for _ in range(15):
        await process.look()
    assert process.told() == [("verdict", "swift", "promote")]
    await process.look()
    assert process.told()[1:] == [("verdict", "swift", "wait")]


async def test_a_restart_tells_nothing_twice(begin: Begin) -> None:
    process = begin()
    process.decide(quiet("promote", drift=Drift((CHANGE,), 3)))
    await process.look()
    assert len(process.told()) == 2
    await process.session.close()
    after = begin(shelf=process.shelf)
    after.books.made = process.books.made
    await after.look()
    assert after.told() == []


async def test_what_was_written_down_and_not_sent_is_sent_by_the_next_process(begin: Begin) -> None:
    """Under the same id."""
    process = begin()
    process.post.gate = asyncio.Event()
    process.decide(quiet("promote"))
    process.clock.seconds += LOOK_EVERY_S
    await process.hear()
    await process.session.step()
    await until(lambda: process.post.sent)
    process.shelf.at_work.clear()  # it was killed: it neither resigned nor wrote anything more
    after = begin(shelf=process.shelf)
    after.books.made = process.books.made
    await after.look()
    assert after.told() == [("verdict", "swift", "promote")]
    ids = [headers["x-shadowbench-notice"] for p in (process, after) for _, headers, _ in p.post.sent]
    assert ids[0] == ids[1]
    process.post.gate.set()


async def test_a_process_of_many_stands_by_until_it_is_its_turn(begin: Begin) -> None:
    first = begin()
    second = begin(shelf=first.shelf)
    first.decide(quiet("promote"))
    second.decide(quiet("promote"))
    await first.look()
    await second.look()
    assert (first.session.is_at_work, second.session.is_at_work) == (True, False)
    assert (second.told(), second.books.studies) == ([], 0)
    await first.session.close()
    second.decide(quiet("reject"))
    await second.look()
    assert second.told() == [("verdict", "swift", "reject")]


async def test_a_process_that_loses_its_turn_sends_nothing_more(begin: Begin) -> None:
    process = begin()
    process.post.answers = [Answer(503, "status 503", 3600.0)]
    process.decide(quiet("promote"))
    process.clock.seconds += LOOK_EVERY_S
    await process.hear()
    await process.session.step()
    await until(lambda: process.post.sent)
    process.shelf.at_work.insert(0, "another")
    await process.hear()
    await process.session.step()
    assert process.session.waiting == 0


async def test_each_webhook_is_told_what_it_asks_for(begin: Begin) -> None:
    config = configuration({"on": ["drift"]}, CHAT | {"on": ["verdict", "drift"]})
    process = begin(config)
    process.decide(quiet("promote", drift=Drift((CHANGE,), 3)))
    await process.look()
    assert process.told() == [("drift", "swift", "changed")]
    chat = [json.loads(body)["text"] for url, _, body in process.post.sent if "chat" in url]
    assert [text.partition(": ")[2].partition(" ")[0] for text in chat] == ["swift:", "swift:"]
    assert {row.host for row in process.shelf.rows} == {"hooks.example.com", "chat.example.com"}


async def test_what_nobody_asks_for_is_written_down_and_is_no_news_later(begin: Begin) -> None:
    """Who is added today is told what happens from today on."""
    process = begin(configuration({"on": ["drift"]}))
    process.decide(quiet("promote"))
    await process.look()
    assert [(r.event, r.outcome, r.payload) for r in process.shelf.rows] == [("verdict", "silent", "")]
    process.config = configuration({"on": ["drift"]}, CHAT)
    await process.look()
    assert process.post.sent == []
    process.decide(quiet("reject"))
    await process.look()
    assert [url for url, _, _ in process.post.sent] == ["https://chat.example.com/S3CRET"]


async def test_two_entries_of_the_same_address_are_one_webhook(begin: Begin) -> None:
    process = begin(configuration({"on": ["drift"]}, {"on": ["drift"]}))
    process.decide(quiet(drift=Drift((CHANGE,), 3)))
    await process.look()
    assert len(process.post.sent) == 1


async def test_a_webhook_that_is_removed_is_sent_nothing_more(begin: Begin) -> None:
    process = begin(configuration({}, CHAT))
    process.post.answers = [Answer(503, "status 503", 3600.0)] * 2
    process.decide(quiet("promote"))
    process.clock.seconds += LOOK_EVERY_S
    await process.hear()
    await process.session.step()
    await until(lambda: len(process.post.sent) == 2)
    process.config = configuration(CHAT)
    await process.session.step()
    assert process.session.waiting == 1
    assert key_of(process.config.webhooks[0]) in {row.webhook for row in process.shelf.rows}


async def test_budgets_and_breakers_are_looked_at_too(begin: Begin) -> None:
    judge = {"models": [{"name": "a", "url": "http://127.0.0.1:9", "model": "m"}], "budget": {"usd_per_day": "2"}}
    process = begin(configuration({}, judge=judge))
    spent = Spent(100, Decimal("49.9"), Decimal("0.5"), 0, 0, 0, 100, 0)
    today = date(2026, 11, 20)
    judging = Spend(today, Decimal("1.98"), Decimal(1), 40, 40, 0, 0)
    process.books.known = Money(Day(today, 1, {"swift": spent}), judging, Decimal("0.03"))
    process.books.gaps = [LeftOut("swift", START - timedelta(minutes=5), START, 12)]
    for _ in range(3):
        await process.look()
    assert process.told() == [("budget", "swift", "spent"), ("budget", None, "spent"), ("breaker", "swift", "open")]


async def test_a_store_that_is_away_is_no_news_and_said_once(begin: Begin) -> None:
    """And what changed meanwhile is told when it is back."""
    process = begin()
    await process.look()
    process.books.away = AWAY
    process.decide(quiet("promote"))
    for _ in range(3):
        process.clock.seconds += LOOK_EVERY_S
        await process.session.step()
    assert process.lines.said == [("warning", "what is new for webhooks is not known", {"reason": "nobody answers"})]
    assert process.counts["shadowbench_webhook_store_failures_total"] >= 8
    process.books.away = None
    await process.look()
    assert process.told() == [("verdict", "swift", "promote")]
    assert process.lines.events()[1] == "what is new for webhooks is known again"


async def test_a_store_that_comes_up_late_is_no_news_at_all(begin: Begin) -> None:
    process = begin()
    process.books.away = AWAY
    with pytest.raises(type(AWAY)):
        await process.hear()
    process.clock.seconds += SAY_AFTER_S - 1
    await process.session.step()
    process.books.away = None
    await process.look()
    assert process.lines.said == []


async def test_a_question_that_fails_does_not_hide_the_others(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    process = begin()

    async def no_study(*_: object) -> Any:
        raise QueryFailed("memory limit exceeded", 241)

    monkeypatch.setattr(process.books, "study", no_study)
    process.books.gaps = [LeftOut("swift", START, START, 1)]
    await process.look()
    assert process.told() == [("breaker", "swift", "open")]


async def test_a_notice_that_cannot_be_written_down_is_not_sent(begin: Begin) -> None:
    process = begin()
    process.decide(quiet("promote"))
    process.books.takes_no_rows = AWAY
    await process.look()
    assert process.told() == []
    process.books.takes_no_rows = None
    await process.look()
    assert process.told() == [("verdict", "swift", "promote")]


async def test_it_looks_once_a_minute_and_leaves_the_store_to_others(begin: Begin) -> None:
    """After a study that took half a minute, the next one comes two minutes later; the rest is looked at as before."""
    process = begin()

    def long() -> None:
        process.clock.seconds += 30.0

    process.books.study_takes = long
    await process.look()
    assert process.books.studies == 1
    began = process.clock.seconds
    process.books.gaps = [LeftOut("swift", START, START, 1)]
    await process.look(LOOK_EVERY_S - 31)
    assert process.told() == []
    await process.look(1)
    assert process.told() == [("breaker", "swift", "open")]
    assert process.books.studies == 1
    while process.books.studies == 1:
        await process.look(10)
    assert STUDY_SHARE * 30 <= process.clock.seconds - 30 - began <= STUDY_SHARE * 30 + LOOK_EVERY_S
    assert process.counts["shadowbench_webhook_study_seconds_total"] == 60


async def test_a_surprise_is_counted_and_the_next_look_works(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    process = begin()
    process.decide(quiet("promote"))
    with monkeypatch.context() as broken:
        broken.setattr(sessions, "news", lambda *_: 1 / 0)
        await process.look()
    assert process.lines.events("error") == ["internal error"]
    assert process.counts["shadowbench_webhook_internal_errors_total"] == 1
    await process.look()
    assert process.told() == [("verdict", "swift", "promote")]


async def test_the_end_resigns_and_closes(begin: Begin) -> None:
    process = begin()
    await process.look()
    assert len(process.shelf.at_work) == 1
    await process.session.close()
    assert process.shelf.at_work == []
    assert process.books.is_closed


async def test_whoever_goes_away_at_the_end_holds_nobody_up(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook that does not answer, and a store that does not either."""
    for name in ("DRAIN_S", "LAST_WORDS_S"):
        monkeypatch.setattr(sessions, name, 0.05)
    process = begin()
    process.post.gate = asyncio.Event()
    process.decide(quiet("promote"))
    process.clock.seconds += LOOK_EVERY_S
    await process.hear()
    await process.session.step()
    await until(lambda: process.post.sent)
    process.books.away = AWAY
    async with asyncio.timeout(2):
        await process.session.close()
    assert [r.outcome for r in process.shelf.rows] == ["pending"]


def test_a_nightly_report_and_the_webhooks_look_at_windows_of_one_length() -> None:
    for reports, hours in ((None, 24), ({"every": "12h"}, 12), ({"every": "24h", "since": "7d"}, 168)):
        config = configuration({}, reports=reports)
        window = window_of(config, START)
        assert (window.until, window.until - window.since) == (START, timedelta(hours=hours))
