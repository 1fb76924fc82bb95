"""The shell around the leases: hears workers, reads the spend in a thread, tells terms."""

import asyncio
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cli.supervisor import leasing as module
from cli.supervisor.leasing import Leasing
from config.model import Config
from proxy.recorder.spend_file import CandidateSpend, SpendReading, write_spend
from runtime.link import Demand, Lease, Used
from runtime.tasks import Tasks

PATIENCE_S = 20.0


def config(directory: Path, **candidate: object) -> Config:
    return Config.model_validate(
        {
            "primary": {"url": "http://p:1"},
            "candidates": [{"name": "llama", "url": "http://l:1", **candidate}],
            "capture": {"dir": str(directory)},
        }
    )


def reading() -> SpendReading:
    spend = CandidateSpend(largest_usd=Decimal("0.01"))
    return SpendReading(1, "m", date(2026, 1, 1), time.monotonic_ns(), 1, 0, {"llama": spend})


def fail(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def until_granted(told: dict[str, Lease], copies: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while "proxy-0" not in told or told["proxy-0"].terms["llama"].budget_copies != copies:
            await asyncio.sleep(0.002)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLAN_EVERY_S", 0.002)
    monkeypatch.setattr(module, "READ_EVERY_S", 0.002)


@pytest.mark.usefixtures("fast")
async def test_what_the_recorder_leaves_on_disk_is_leased_and_a_broken_file_is_no_reading(tmp_path: Path) -> None:
    told: dict[str, Lease] = {}
    tasks = Tasks(fail)
    leasing = Leasing(config(tmp_path, budget={"usd_per_day": 1}), ["proxy-0"], told.__setitem__)
    assert leasing.begin("proxy-0") == {"llama": 64}
    leasing.start(tasks)
    await until_granted(told, 0)
    (tmp_path / "spend.json").write_text("{")
    await asyncio.sleep(0.02)
    assert leasing.status().reading_age_s is None
    write_spend(tmp_path, reading())
    await until_granted(told, 100)
    status = leasing.status()
    assert status.reading_age_s is not None
    assert (status.machines, status.candidates["llama"].unused) == (1, 100)
    leasing.hear("proxy-0", Demand({"llama": Used(1, 40, 39, 0)}, told["proxy-0"].number))
    assert leasing.status().candidates["llama"].unused == 60
    leasing.end("proxy-0")
    assert leasing.status().candidates["llama"].unused == 0
    await tasks.close()


@pytest.mark.usefixtures("fast")
async def test_a_budget_that_a_reload_brings_is_leased_from_then_on(tmp_path: Path) -> None:
    told: dict[str, Lease] = {}
    tasks = Tasks(fail)
    leasing = Leasing(config(tmp_path), ["proxy-0"], told.__setitem__)
    leasing.begin("proxy-0")
    leasing.start(tasks)
    await asyncio.sleep(0.02)
    assert told["proxy-0"].terms["llama"].budget_copies is None
    assert leasing.status().candidates == {}
    write_spend(tmp_path, reading())
    leasing.configure(config(tmp_path, budget={"usd_per_day": 1}))
    await until_granted(told, 100)
    await tasks.close()
