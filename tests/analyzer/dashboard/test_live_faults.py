"""A study that cannot be computed: who looks is told, and it is tried again."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from analyzer.dashboard.live import watching as watching_module
from analyzer.dashboard.live.asked import LiveQuestion
from analyzer.dashboard.live.watching import Watching
from analyzer.metrics import METRICS
from config.model import Config
from runtime.tasks import Tasks

CONFIG = Config.model_validate({"primary": {"url": "http://127.0.0.1:9"}})


class Broken:
    """A store whose studies fail by a fault of ours."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self, work: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        raise ZeroDivisionError("a group without pairs")


async def test_a_fault_in_a_study_is_told_and_does_not_end_the_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "LEAST_S", 0.01)
    monkeypatch.setattr(watching_module, "SHARE", 0.0)
    told: list[str] = []
    tasks, store = Tasks(lambda name, error: told.append(f"{name}: {error}")), Broken()
    watching = Watching(store, lambda: CONFIG, METRICS, tasks, lambda: datetime.now(UTC))
    try:
        views = watching.views(LiveQuestion("1h"), 0, 30.0)
        view = await anext(views)
        assert view is not None
        assert view.stale_since is not None
        assert view.trouble == "a fault of shadowbench; its log has one line about it"
        async with asyncio.timeout(30):
            while store.asked < 3:
                await asyncio.sleep(0.01)
        assert len(watching) == 1
        assert told[0] == "live 1h: a group without pairs"
        await views.aclose()
    finally:
        await tasks.close()
