"""The whole of it: a real store with decided pairs, and webhooks over loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from analyzer.metrics import METRICS, Metric
from analyzer.plugins import PluginError
from analyzer.results import Study
from analyzer.webhooks import channel
from analyzer.webhooks import service as services
from analyzer.webhooks.books import StoreBooks
from analyzer.webhooks.service import CLOSE_S, Service, of_role
from analyzer.webhooks.session import World
from config.model import Config, Store
from runtime.link import RoleError
from store.judging import progress
from store.locate import StoreConnection
from store.reader import Reader
from store.tables import NOTIFIERS
from tests.analyzer.report.studies import candidate, made
from tests.analyzer.rows import START
from tests.analyzer.webhooks.made import Lines, configuration, until
from tests.fakes.webhook import Came, WebhookReceiver
from tests.store.owners import store_at

NOW = START + timedelta(minutes=20)
POLICY = {
    "primary_metrics": [{"metric": "cost_usd", "margin": "100%"}],
    "planned_pairs": 1000,
    "minimum": {"pairs": 30, "blocks": 10, "days": 0},
    "control": {"required": False, "within": 1},
}
"""By which one is promoted and the other one rejected: costs are a tenth, and three times the primary's."""


class QuickBooks(StoreBooks):
    """The store, but for the study: that of these pairs takes a second."""

    async def study(self, config: Config, now: datetime) -> Study:
        decided = {"swift": "promote", "sage": "reject"}
        return made(*(candidate(name=name, decision=decision, drift=None) for name, decision in decided.items()))


class Site:
    """A store, and services that share it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.connection = StoreConnection(store, access="writer")
        self.started: list[Service] = []
        for table in ("notices", "notifiers"):
            self.connection.client().command(f"TRUNCATE TABLE {table}")

    def config(self, *urls: str, **values: Any) -> Config:
        candidates = [{"name": name, "url": "http://127.0.0.1:9"} for name in ("swift", "sage")]
        made = configuration(*({"url": url} for url in urls), candidates=candidates, policy=POLICY, **values)
        return made.model_copy(update={"store": self.store})

    def start(
        self,
        config: Config | Callable[[], Config],
        books: Callable[[Store, tuple[Metric, ...]], StoreBooks] = QuickBooks,
        lines: Lines | None = None,
    ) -> Service:
        world = World("1.2", lambda c: books(c.store, METRICS), now=lambda: NOW, look_every_s=0.1)
        read = config if callable(config) else lambda: config
        service = Service(read, lines or Lines(), world)
        service.start()
        self.started.append(service)
        return service

    def resigned(self) -> bool:
        """Is nobody at work?"""
        return progress.leader(self.connection, "", NOTIFIERS) is None

    def rows(self) -> list[tuple[str, str, str, int]]:
        """(event, candidate, outcome, attempts), as they were written."""
        found = Reader(self.connection.client()).query("SELECT * FROM notices ORDER BY event, candidate, at, attempts")
        return [(r["event"], r["candidate"], r["outcome"], r["attempts"]) for r in found]


@pytest.fixture
async def site(filled_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(channel, "wait_s", lambda *_: 0.05)
    site = Site(filled_store)
    yield site
    await asyncio.gather(*(service.close() for service in site.started))
    site.connection.drop()


TOLD = [("breaker", "swift"), ("breaker", "swift"), ("verdict", "sage"), ("verdict", "swift")]
"""(event, candidate): its breaker was open twice, twenty minutes apart."""


def told(came: list[Came]) -> list[tuple[str, str]]:
    return sorted((c.json["event"], c.json["candidate"]) for c in came)


async def looked(service: Service) -> None:
    """At least once, at everything."""
    await until(lambda: service.figures().get("shadowbench_webhook_study_seconds_total", 0) > 0)
    await asyncio.sleep(0.3)


async def test_what_a_store_says_is_told_and_a_restart_tells_nothing_again(site: Site) -> None:
    lines = Lines()
    async with WebhookReceiver() as receiver:
        service = site.start(site.config(receiver.url), StoreBooks, lines)
        await until(lambda: len(site.rows()) == 8)
        assert told(receiver.came) == TOLD
        verdicts = {c.json["candidate"]: c.json for c in receiver.came if c.json["event"] == "verdict"}
        assert (verdicts["swift"]["state"], verdicts["sage"]["state"]) == ("promote", "reject")
        assert verdicts["sage"]["reasons"][0].startswith("cost_usd (cost of 1,000 requests): at least $")
        assert verdicts["swift"]["window"]["until"] == "2026-03-01T10:20:00Z"
        openings = [
            (c.json["since"], c.json["details"]["left_out"]) for c in receiver.came if "left_out" in str(c.body)
        ]
        assert openings == [("2026-03-01T10:00:10Z", 4), ("2026-03-01T10:20:00Z", 4)]
        assert receiver.came[0].headers["user-agent"] == "shadowbench/1.2"
        figures = service.figures()
        assert figures["shadowbench_webhook_at_work"] == 1
        assert figures['shadowbench_webhook_deliveries_total{event="verdict",outcome="delivered"}'] == 2
        await service.close()
        again = site.start(site.config(receiver.url), StoreBooks)
        await looked(again)
        assert len(receiver.came) == 4
    outcomes = [(outcome, attempts) for _, _, outcome, attempts in site.rows()]
    assert sorted(outcomes) == [("delivered", 1)] * 4 + [("pending", 0)] * 4
    assert "S3CRET" not in lines.text


async def test_what_could_not_be_delivered_is_delivered_after_a_restart(site: Site) -> None:
    """Under the same ids, as further attempts."""

    def broken(_came: Came) -> web.StreamResponse:
        return web.Response(status=503)

    async with WebhookReceiver(broken) as receiver:
        config = site.config(receiver.url)
        service = site.start(config)
        await until(lambda: len(receiver.came) >= 2)
        await service.close()
        first = {c.headers["x-shadowbench-notice"] for c in receiver.came}
        tried = len(receiver.came)
        port = receiver.port
    async with WebhookReceiver(port=port) as receiver:
        site.start(config)
        await until(lambda: len(receiver.came) == 4)
        assert told(receiver.came) == TOLD
        assert first <= {c.headers["x-shadowbench-notice"] for c in receiver.came}
        attempts = [int(c.headers["x-shadowbench-attempt"]) for c in receiver.came]
        assert max(attempts) == tried + 1
        await until(lambda: sum(row[2] == "delivered" for row in site.rows()) == 4)


async def test_of_those_who_share_a_store_one_tells(site: Site) -> None:
    """And when it has ended, another goes on."""
    async with WebhookReceiver() as receiver:
        config = site.config(receiver.url)
        both = [site.start(config), site.start(config)]
        await until(lambda: sum(s.figures().get("shadowbench_webhook_at_work", 0) for s in both) == 1)
        await until(lambda: len(receiver.came) == 4)
        busy, idle = sorted(both, key=lambda s: s.figures()["shadowbench_webhook_at_work"], reverse=True)
        await asyncio.sleep(0.3)
        assert told(receiver.came) == TOLD
        assert "shadowbench_webhook_study_seconds_total" not in idle.figures()
        await busy.close()
        await beaten(idle)
        await looked(idle)
        assert idle.figures()["shadowbench_webhook_at_work"] == 1
        assert len(receiver.came) == 4


async def beaten(service: Service) -> None:
    """Has heard whose turn it is, without waiting for the next beat."""
    session = service._session
    assert session is not None
    await session._leading.beat()


async def test_webhooks_come_and_go_with_a_reload(site: Site) -> None:
    without, configs = site.config(), [site.config()]
    service = site.start(lambda: configs[-1])
    await asyncio.sleep(0.05)
    assert service.figures() == {}
    async with WebhookReceiver() as receiver:
        configs.append(site.config(receiver.url))
        await until(lambda: len(receiver.came) == 4)
        configs.append(without)
        await until(lambda: "shadowbench_webhook_at_work" not in service.figures())
    await until(site.resigned)


async def test_without_a_store_it_waits_and_ends_at_once(tmp_path: Path) -> None:
    """Nobody owns the directory."""
    config = configuration({}).model_copy(update={"store": store_at(tmp_path)})
    service = of_role(lambda: config, Lines())
    service.start()
    await until(lambda: service.figures().get("shadowbench_webhook_store_failures_total", 0) > 0)
    assert service.figures()["shadowbench_webhook_at_work"] == 0
    async with asyncio.timeout(CLOSE_S + 1):
        await service.close()


async def test_a_session_that_cannot_begin_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_AFTER_FAULT_S", 0.01)
    lines = Lines()

    def no_books(_config: Config) -> Any:
        raise ValueError("no such place")

    service = Service(lambda: configuration({}), lines, World("1.2", no_books))
    service.start()
    await until(lambda: service.figures().get("shadowbench_webhook_internal_errors_total", 0) > 1)
    await service.close()
    assert lines.said[0] == (
        "error", "internal error", {"task": "webhook session", "error": "ValueError: no such place"}
    )  # fmt: skip


def test_a_plug_in_that_is_broken_is_one_line_for_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise PluginError("metric 'x' of y has a name that is taken")

    monkeypatch.setattr(services, "all_metrics", broken)
    with pytest.raises(RoleError, match="metric 'x' of y"):
        of_role(lambda: configuration({}), Lines())
