"""All leases of a worker: they outlive reloads, and are reported."""

import asyncio
from typing import Any

from config.model import Config
from proxy import leases as module
from proxy.leases import ArmLeases
from record.states import State
from runtime.link import Lease, Terms, Used


def config(*candidates: dict[str, Any], workers: int = 4) -> Config:
    arms = [{"url": "http://c:1", **c} for c in candidates]
    return Config.model_validate(
        {
            "primary": {"url": "http://p:1"},
            "listen": {"workers": workers},
            "candidates": arms,
            "control": {"sample": 0.5, "max_in_flight": 2},
        }
    )


class Reports:
    """The link's end that is spoken to."""

    def __init__(self) -> None:
        self.said: list[tuple[dict[str, Used], int]] = []

    def demand(self, used: dict[str, Used], lease: int) -> None:
        self.said.append((used, lease))


def test_each_worker_begins_with_its_even_part_or_what_it_is_told() -> None:
    found = []
    for number in range(4):
        leases = ArmLeases(f"proxy-{number}", {"told": 7})
        leases.configure(config({"name": "a", "max_in_flight": 6}, {"name": "told"}))
        found.append(tuple(leases.of(name).max_in_flight for name in ("a", "control", "told")))
    assert found == [(2, 1, 7), (2, 1, 7), (1, 0, 7), (1, 0, 7)]


def test_a_reload_keeps_what_is_under_way() -> None:
    leases = ArmLeases("proxy-0", {})
    leases.configure(config({"name": "a"}))
    before = leases.of("a")
    before.begin()
    leases.configure(config({"name": "a", "budget": {"usd_per_day": 1}}, {"name": "b"}))
    assert leases.of("a") is before
    assert before.in_flight == 1
    assert before.refusal(0) is State.BUDGET
    assert leases.of("b").refusal(0) is None


async def test_reports_say_what_changed_and_nothing_else(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "REPORT_EVERY_S", 0.001)
    leases, link = ArmLeases("proxy-0", {}), Reports()
    leases.configure(config({"name": "a"}, workers=1))
    task = asyncio.get_running_loop().create_task(leases.report(link))  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    assert len(link.said) == 1
    leases.of("a").begin()
    leases.accept(Lease(3, {"a": Terms(5), "unknown": Terms(1)}, 0))
    await asyncio.sleep(0.05)
    task.cancel()
    assert len(link.said) == 2
    used, read = link.said[-1]
    assert (used["a"].begun, read) == (1, 3)
    assert leases.of("a").max_in_flight == 5


async def test_where_a_lease_must_be_renewed_reports_go_on(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "REPORT_EVERY_S", 0.001)
    leases, link = ArmLeases("proxy-0", {}), Reports()
    leases.configure(config({"name": "a", "budget": {"requests_per_minute": 5}}))
    task = asyncio.get_running_loop().create_task(leases.report(link))  # type: ignore[arg-type]
    while len(link.said) < 3:
        await asyncio.sleep(0.001)
    task.cancel()
