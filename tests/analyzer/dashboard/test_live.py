"""The live page: what it shows, how it stays up to date, and what it says when there is nothing or nobody answers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from analyzer.answering import Answer
from analyzer.dashboard.live import watching as watching_module
from analyzer.dashboard.live.admin import RoleLine, Status
from analyzer.dashboard.live.asked import WINDOWS, BadQuestion, LiveQuestion
from analyzer.dashboard.live.choices import choices
from analyzer.dashboard.live.money import Money, money_today, share, spent_by_candidate
from analyzer.dashboard.live.now import NowLine, now_lines
from analyzer.dashboard.live.recent import Recent, recent
from analyzer.dashboard.live.watching import TooMany, Watching
from analyzer.dashboard.pages import live as live_module
from analyzer.metrics import METRICS
from analyzer.stored import StoredPairs
from config.model import Store
from runtime.tasks import Tasks
from store.errors import StoreUnavailable
from store.narrowing import Narrowing
from store.reader import Reader
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import HOSTILE, PLAIN, configuration


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first study is waited for, however busy the machine is."""
    monkeypatch.setattr(watching_module, "FIRST_S", 60.0)


# --- addresses


@pytest.mark.parametrize(
    ("query", "narrowing"),
    [
        ({}, Narrowing()),
        ({"label.tenant": "acme", "stream": "no"}, Narrowing({"tenant": "acme"}, stream=False)),
        ({"endpoint": "messages", "model": "a&b=c", "label.x": ""}, Narrowing(endpoint="messages", model="a&b=c")),
    ],
)
def test_an_address_says_all_of_a_question(query: dict[str, str], narrowing: Narrowing) -> None:
    question = LiveQuestion.of({**query, "window": "6h"})
    assert question.narrowing == narrowing
    assert question.window_s == 6 * 3600
    assert LiveQuestion.of(dict(parse_qsl(question.query()))) == question


@pytest.mark.parametrize(
    "query",
    [{"window": "1y"}, {"stream": "maybe"}, {"model": "x" * 600}, {f"label.l{i}": "x" for i in range(20)}],
)
def test_what_there_is_not_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadQuestion):
        LiveQuestion.of(query)


# --- one study per question


class Slow:
    """A store whose answers are counted."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.asked = 0
        self.trouble: StoreUnavailable | None = None

    async def read(self, work: Any) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise self.trouble
        found: Answer = await asyncio.to_thread(work, self.reader)
        return found


@asynccontextmanager
async def watching_of(store: Slow, config: Any) -> AsyncIterator[Watching]:
    faults: list[str] = []
    tasks = Tasks(lambda name, error: faults.append(f"{name}: {error}"))
    yield Watching(store, lambda: config, METRICS, tasks, lambda: datetime.now(UTC))
    await tasks.close()
    assert faults == []


async def test_all_who_look_share_one_study(pages_store: Store, reader: Reader) -> None:
    store = Slow(reader)
    async with watching_of(store, configuration(pages_store)) as watching:
        views = await asyncio.gather(*(watching.view(LiveQuestion("6h")) for _ in range(5)))
        assert store.asked == 1
        assert len({view.version for view in views}) == 1
        assert views[0].made is not None
        assert {c.name for c in views[0].made.study.candidates} >= {"swift", "sage"}


async def test_a_store_that_goes_away_leaves_the_last_view_and_says_since_when(
    pages_store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "LEAST_S", 0.01)
    monkeypatch.setattr(watching_module, "SHARE", 0.0)
    store = Slow(reader)
    async with watching_of(store, configuration(pages_store)) as watching:
        question = LiveQuestion("6h")
        first = await watching.view(question)
        store.trouble = StoreUnavailable("nobody answers")
        seen = []
        async with asyncio.timeout(60):
            async for view in watching.views(question, first.version, 0.2):
                if view is None:
                    continue
                seen.append(view)
                if view.stale_since is not None:
                    store.trouble = None
                elif len(seen) > 1 and seen[-2].stale_since is not None:
                    break
        stale = next(view for view in seen if view.stale_since is not None)
        assert stale.made is not None
        assert stale.trouble == "nobody answers"
        assert seen[-1].stale_since is None


async def test_questions_are_bounded_and_the_forgotten_one_makes_room(
    pages_store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "MOST", 2)
    store = Slow(reader)
    async with watching_of(store, configuration(pages_store)) as watching:
        for window in ("15m", "1h", "6h"):
            await watching.view(LiveQuestion(window))
        assert len(watching) == 2
        held = [watching.views(LiveQuestion(window), 0, 60.0) for window in ("1h", "6h")]
        for one in held:
            assert await anext(one) is not None
        with pytest.raises(TooMany, match="2 other windows"):
            await watching.view(LiveQuestion("7d"))
        for one in held:
            await one.aclose()
        await watching.view(LiveQuestion("7d"))


async def test_nobody_looks_and_nothing_is_asked(
    pages_store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "LEAST_S", 0.01)
    monkeypatch.setattr(watching_module, "SHARE", 0.0)
    monkeypatch.setattr(watching_module, "IDLE_S", 0.0)
    store = Slow(reader)
    async with watching_of(store, configuration(pages_store)) as watching:
        await watching.view(LiveQuestion("15m"))
        async with asyncio.timeout(30):
            while len(watching):
                await asyncio.sleep(0.02)
        asked = store.asked
        await asyncio.sleep(0.1)
        assert store.asked == asked


# --- what it reads


def test_recent_pairs_are_those_of_five_minutes(reader: Reader) -> None:
    rows = reader.query("SELECT candidate, count() AS n FROM pairs WHERE ts >= now() - 300 GROUP BY candidate")
    found = recent(reader.columns, Narrowing(), "shadowbench", datetime.now(UTC))
    assert dict(found.pairs) == {row["candidate"]: row["n"] for row in rows}
    starts = [pair.ts for pair in found.latest]
    assert starts == sorted(starts, reverse=True)
    assert found.newest == (starts[0] if starts else None)
    nothing = recent(reader.columns, Narrowing(labels={"tenant": "nobody"}), "shadowbench", datetime.now(UTC))
    assert nothing.pairs == {}


def test_money_is_that_of_today(reader: Reader, pages_store: Store) -> None:
    (row,) = reader.query(
        "SELECT sum(toDecimal128(ifNull(candidate_cost_usd, 0), 9)) AS usd FROM pairs "
        "WHERE candidate = 'swift' AND ts >= toStartOfDay(now('UTC'))"
    )
    assert spent_by_candidate(reader)["swift"] == row["usd"]


def test_judges_money_and_pairs_are_those_of_today(reader: Reader) -> None:
    now = datetime.now(UTC)
    (row,) = reader.query(
        "SELECT count() AS n FROM judgements WHERE rung = 'judge' AND judged_at >= toStartOfDay(now('UTC'))"
    )
    found = money_today(reader, now, timedelta(days=1))
    assert found.judging is not None
    assert found.judging.pairs == row["n"]
    assert money_today(reader, now, None).judging is None


@pytest.mark.parametrize(
    ("usd", "budget", "expected"), [("1", "4", 0.25), ("5", "4", 1.0), ("5", None, None), ("5", "0", None)]
)
def test_a_share_of_a_budget(usd: str, budget: str | None, expected: float | None) -> None:
    assert share(Decimal(usd), None if budget is None else Decimal(budget)) == expected


def test_now_says_of_each_candidate_what_is_known_and_nothing_else(nowhere: Store) -> None:
    config = configuration(nowhere)
    lines = {line.name: line for line in now_lines(config, None, None, None)}
    assert list(lines) == ["swift", "sage", "quick", "control"]
    assert lines["swift"] == NowLine("swift", None, None, None, is_configured=True, is_paused=None)
    seen = Recent({"swift": 3, "gone": 2}, None, ())
    status = Status((RoleLine("proxy-0", is_ready=True, restarts=0),), ("swift", "sage"), ("*",))
    lines = {line.name: line for line in now_lines(config, seen, Money({"swift": Decimal(2)}, None), status)}
    assert list(lines) == ["swift", "sage", "quick", "control", "gone"]
    assert lines["swift"] == NowLine("swift", 3, Decimal(2), None, is_configured=True, is_paused=True)
    assert lines["sage"] == NowLine("sage", 0, Decimal(0), None, is_configured=True, is_paused=True)
    assert lines["quick"].is_paused is None
    assert lines["control"].is_control
    assert not lines["gone"].is_configured


async def test_filters_offer_what_there_is(pages_store: Store, reader: Reader) -> None:
    config = configuration(pages_store)
    store = Slow(reader)
    async with watching_of(store, config) as watching:
        made = (await watching.view(LiveQuestion("6h"))).made
    found = choices(config, made, None)
    assert set(found.labels) >= set(config.labels)


# --- the page


def text_of(body: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", body.partition("<main")[2].partition("</main>")[0]).split())


async def test_the_page_shows_every_candidate_with_its_decision(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    text = text_of(await pages.page("/?window=6h"))
    assert "swift against the primary" in text
    assert "sage against the primary" in text
    assert "wait" in text
    assert f"{len(PLAIN) + 1} pairs" in text
    assert "no supervisor runs beside this page" in text


async def test_a_part_of_the_requests_is_for_looking_and_decides_nothing(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    text = text_of(await pages.page("/?window=6h&endpoint=chat/completions"))
    assert live_module.FOR_LOOKING in text
    assert "No policy" not in text
    assert not re.search(r"\b(wait|promote|reject) swift", text)


async def test_nothing_stored_does_anything_on_the_page(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    status, body, headers = await pages.ask("GET", "/?window=6h&label.tenant=%3Cscript%3Ealert(1)%3C/script%3E")
    assert status == 200
    assert "<script>alert" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for text in HOSTILE[:2]:
        assert text not in body


async def test_the_fragment_is_what_the_page_shows(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    page = await pages.page("/?window=6h")
    status, fragment, headers = await pages.ask("GET", "/live/fragment?window=6h")
    assert status == 200
    assert headers["X-Version"].isdecimal()
    for part in ("decisions", "study"):
        assert f'<div id="{part}" class="study">' in fragment
    if headers["X-Version"] == "1":  # no other has come between them
        shown, _, rest = fragment.partition("</div>\n\n<div id")
        assert shown in page
        assert rest.strip() in page
    assert "<html" not in fragment


async def test_events_tell_of_studies_and_of_what_arrives(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    found: list[str] = []
    async with asyncio.timeout(60), pages._session.get(f"{pages.url}/live/events?window=6h") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        async for line in answer.content:
            found.append(line.decode().rstrip())
            if "event: study" in found and any('"html"' in line for line in found):
                break
    assert found[0] == "retry: 2000"
    html = json.loads(next(line for line in found if '"html"' in line).removeprefix("data: "))["html"]
    assert "pair in five minutes" in html or "newest pair" in html


async def test_viewers_are_bounded(pages_store: Store, open_pages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "MAX_VIEWERS", 0)
    pages: Asking = await open_pages(site_of(pages_store))
    status, body = await pages.json("GET", "/live/events")
    assert status == 503
    assert "load it again" in body["error"]


@pytest.mark.parametrize("path", ["/?window=1y", "/live/fragment?window=1y", "/live/events?stream=x"])
async def test_a_bad_address_is_one_line(pages_store: Store, open_pages: Any, path: str) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    status, _, _ = await pages.ask("GET", path)
    assert status == 400


async def test_without_a_store_it_says_what_it_waits_for(nowhere: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(nowhere))
    text = text_of(await pages.page("/"))
    assert "has not answered since" in text
    assert "no owner of the embedded store" in text
    assert "newest pair: not known" in text
    assert "comes as soon as the store answers" in text


@pytest.mark.parametrize(
    ("values", "query", "said"),
    [
        ({"candidates": [], "judge": None}, "", "No candidate is configured"),
        ({}, "", "Waiting for the first pair"),
        ({}, "&model=none", "passes the filter"),
    ],
)
async def test_an_empty_window_says_why(
    pages_store: Store, open_pages: Any, values: dict[str, Any], query: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredPairs, "experiments", lambda _self, _window: [])
    monkeypatch.setattr(StoredPairs, "states", lambda _self, _window: {})
    pages: Asking = await open_pages(site_of(pages_store, **values))
    assert said in text_of(await pages.page(f"/?window=15m{query}"))


# --- the kill switch


@asynccontextmanager
async def supervisor(token: str | None = None) -> AsyncIterator[tuple[str, list[Any]]]:
    told: list[Any] = []

    async def status(request: web.Request) -> web.Response:
        if token is not None and request.headers.get("Authorization") != f"Bearer {token}":
            return web.json_response({"error": "no"}, status=401)
        roles = [{"name": "proxy-0", "ready": True, "restarts": 0}, {"name": "judge", "ready": False, "restarts": 4}]
        return web.json_response({"roles": roles, "candidates": ["swift", "sage"], "paused": ["sage"]})

    async def switch(request: web.Request) -> web.Response:
        told.append((request.path, await request.json()))
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/api/v1/status", status)
    app.router.add_post("/api/v1/pause", switch)
    app.router.add_post("/api/v1/resume", switch)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", told
    finally:
        await runner.cleanup()


async def test_roles_and_paused_candidates_are_shown_and_can_be_switched(pages_store: Store, open_pages: Any) -> None:
    async with supervisor("admin-secret-of-the-tests") as (url, told):
        site = site_of(pages_store, admin={"port": 0, "token": "admin-secret-of-the-tests"})
        site.admin_url = url
        pages: Asking = await open_pages(site)
        text = text_of(await pages.page("/?window=6h"))
        assert "1 of 2 roles do not work" in text
        assert re.search(r"sage .{0,40}paused", text)
        assert "judge started 4 times again" in text
        status, _, headers = await pages.form("/live/pause", candidate="swift")
        assert (status, headers["Location"]) == (303, "/#machine")
        await pages.form("/live/resume", candidate="sage")
        assert told == [("/api/v1/pause", {"candidate": "swift"}), ("/api/v1/resume", {"candidate": "sage"})]
        foreign, _, _ = await pages.ask(
            "POST", "/live/pause", data={"candidate": "swift"}, headers={"Origin": "http://evil.example"}
        )
        assert foreign == 403
        assert len(told) == 2


async def test_a_switch_that_cannot_be_reached_says_what_else_does_it(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    status, body, _ = await pages.form("/live/pause", candidate="swift")
    assert status == 502
    assert "`shadowbench pause`" in body


def test_windows_grow() -> None:
    assert list(WINDOWS.values()) == sorted(WINDOWS.values())
