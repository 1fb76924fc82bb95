"""The role: says that it works, reports, drains when it is asked to."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.model import Privacy
from proxy.recorder import role
from runtime.link import Order, Reload, Start
from runtime.outlet import STDERR
from store.errors import StoreUnavailable
from tests.proxy.recorder.stage import LogWriter, Shelf, config, leftovers, record, whole_exchange


class FakeLink:
    """A supervisor's end, in memory."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.is_lost = False
        self.lines: list[str] = []
        self.figures: list[dict[str, float]] = []
        self.reloads: list[tuple[int, str | None]] = []

    def obey(self, order: Callable[[Order], None]) -> None:
        self.order = order

    def reloaded(self, config_version: int, not_yet: str | None = None) -> None:
        self.reloads.append((config_version, not_yet))

    def ready(self, detail: str) -> None:
        self.lines.append(detail)

    def report(self, figures: dict[str, float]) -> None:
        self.figures.append(figures)


def start(directory: Path) -> Start:
    values: dict[str, Any] = {"role": "recorder", "name": "recorder", "config_version": 1, "listen_fds": ()}
    return Start(config=config(directory), **values)


async def test_the_role_records_reports_and_drains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, shelf, link = LogWriter(tmp_path), Shelf(), FakeLink()
    monkeypatch.setattr(role, "StoreDestination", lambda config: shelf)
    worker.write(*whole_exchange(1))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(role.run(start(tmp_path), link))  # type: ignore[arg-type]
        while not shelf.rows["pairs"]:
            await asyncio.sleep(0.01)
        worker.write(*whole_exchange(2))
        worker.die()
        link.stop.set()
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert leftovers(tmp_path) == []
    assert link.lines == [f"recording from {tmp_path}"]
    assert link.figures[-1]['shadowbench_recorder_rows_total{table="pairs"}'] == 2
    assert link.figures[-1]["shadowbench_recorder_backlog_bytes"] == 0


async def drained_without_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: FakeLink, shelf: Shelf
) -> None:
    """The role drains while its rows cannot be sent; whatever happens, the log is whole afterwards."""

    def away(table: str, token: str) -> None:
        raise StoreUnavailable("no owner of the embedded store is running")

    shelf.fail = away
    monkeypatch.setattr(role, "StoreDestination", lambda config: shelf)
    worker = LogWriter(tmp_path)
    worker.write(*whole_exchange(1))
    worker.die()
    link.stop.set()
    await role.run(start(tmp_path), link)  # type: ignore[arg-type]
    shelf.fail = lambda table, token: None
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]


async def test_without_supervisor_and_store_a_drain_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody will start it again for us: what the store does not have stays in the log, and the next start sends it."""
    monkeypatch.setattr(role, "DRAIN_S", 3600.0)
    link, shelf = FakeLink(), Shelf(has_ended=True)
    link.is_lost = True
    async with asyncio.timeout(20):
        await drained_without_a_store(tmp_path, monkeypatch, link, shelf)
    assert STDERR.flush()
    assert "stays in the capture log until the next start" in capfd.readouterr().err


@pytest.mark.parametrize(("is_lost", "has_ended"), [(False, True), (True, False)])
async def test_a_drain_waits_for_a_store_that_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_lost: bool, has_ended: bool
) -> None:
    """The supervisor starts it again, or it is still there: up to the bound."""
    monkeypatch.setattr(role, "DRAIN_S", 0.3)
    link, shelf = FakeLink(), Shelf(has_ended=has_ended)
    link.is_lost = is_lost
    began_s = time.monotonic()
    await drained_without_a_store(tmp_path, monkeypatch, link, shelf)
    assert time.monotonic() - began_s >= 0.3


async def test_a_drain_ends_though_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store was ever there: what the log holds stays."""
    monkeypatch.setattr(role, "DRAIN_S", 0.3)
    worker, link = LogWriter(tmp_path), FakeLink()
    worker.write(*whole_exchange(1))
    worker.die()
    link.stop.set()
    async with asyncio.timeout(20):
        await role.run(start(tmp_path), link)  # type: ignore[arg-type]
    assert any(name.endswith(".seg") for name in leftovers(tmp_path))


async def test_a_reload_reaches_the_recorder_and_is_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that were captured before are kept or left out as the newest configuration says."""
    worker, shelf, link = LogWriter(tmp_path), Shelf(), FakeLink()
    monkeypatch.setattr(role, "StoreDestination", lambda config: shelf)
    newer = config(tmp_path).model_copy(update={"privacy": Privacy(bodies="none")})
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(role.run(start(tmp_path), link))  # type: ignore[arg-type]
        worker.write(*whole_exchange(1))
        while not shelf.rows["pairs"]:
            await asyncio.sleep(0.01)
        assert shelf.rows["payloads"]
        link.order(Reload.of(newer, 2))
        worker.write(*whole_exchange(2))
        worker.die()
        link.stop.set()
    assert link.reloads == [(2, None)]
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    assert {number for number, _ in shelf.keys("payloads")} == {1}


async def test_a_drain_does_not_wait_for_a_store_that_is_known_to_be_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that answers nothing: the drain ends, and says how much waits in the log."""
    monkeypatch.setattr(role, "DRAIN_S", 3600.0)
    monkeypatch.setattr(role, "AWAY_S", 0.2)
    async with asyncio.timeout(20):
        await drained_without_a_store(tmp_path, monkeypatch, FakeLink(), Shelf())
    assert STDERR.flush()
    said = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert said["bytes"] > 0
    assert "stays in the capture log" in said["event"]
