"""Webhooks in the dashboard role, as the supervisor runs it: a process, which may be killed."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from config.model import Store
from runtime.link import Drain
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.dashboard.test_role import Role
from tests.analyzer.webhooks.made import until
from tests.fakes.webhook import Came, WebhookReceiver
from tests.store.owners import PATIENCE_S


@pytest.fixture
def broken_candidate(filled_store: Store) -> Iterator[Store]:
    """Its breaker has just opened."""
    connection = StoreConnection(filled_store, access="writer")
    for table in ("notices", "notifiers"):
        connection.client().command(f"TRUNCATE TABLE {table}")
    now = datetime.now(UTC).replace(microsecond=0)
    Writer(connection).insert("counters", [[now, "proxy-0", "quick", "breaker_open", 7]], f"broken-{now}")
    yield filled_store
    connection.client().command("ALTER TABLE counters DELETE WHERE candidate = 'quick'")
    connection.drop()


@pytest.fixture
def roles() -> Iterator[list[Role]]:
    started: list[Role] = []
    yield started
    for role in started:
        with contextlib.suppress(ValueError, OSError):
            role.end()


def breakers(came: list[Came]) -> list[dict[str, Any]]:
    """What was told of the candidate of these tests."""
    return [c.json for c in came if c.json["event"] == "breaker" and c.json["candidate"] == "quick"]


async def test_killed_before_anybody_was_told_it_tells_after_its_restart(
    broken_candidate: Store, roles: list[Role]
) -> None:
    """And ends when it is asked to."""
    async with WebhookReceiver(lambda _: web.Response(status=503)) as receiver:
        webhooks = [{"url": receiver.url}]
        first = Role(broken_candidate, webhooks=webhooks)
        roles.append(first)
        await until(lambda: breakers(receiver.came))
        first.process.kill()
        first.process.wait(PATIENCE_S)
        (told,) = {b["id"] for b in breakers(receiver.came)}
        port = receiver.port
    async with WebhookReceiver(port=port) as receiver:
        second = Role(broken_candidate, webhooks=webhooks)
        roles.append(second)
        await until(lambda: breakers(receiver.came))
        assert [b["id"] for b in breakers(receiver.came)] == [told]
        figures: dict[str, float] = {}
        while figures.get('shadowbench_webhook_deliveries_total{event="breaker",outcome="delivered"}') != 1:
            figures = second.said("figures")["figures"]
        assert figures["shadowbench_webhook_at_work"] == 1
        second.tell(Drain())
        assert second.process.wait(PATIENCE_S) == 0
    said = [role.end() for role in (first, second)]
    assert '"event":"noticed"' in said[0]
    assert "webhook delivered" in said[1]
    assert not any("S3CRET" in text for text in said)
