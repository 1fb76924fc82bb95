"""Who waits for money: in order, until a reading, and never without the right to judge."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from analyzer.judge.budget import Budget, Moment
from analyzer.judge.gate import Stopped
from analyzer.judge.purse import Purse
from config.judge import JudgeBudget
from store.judging.calls import Spend

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
D = Decimal


class Desk:
    def __init__(self, usd: Any = 1) -> None:
        self.may_start = True
        budget = Budget(JudgeBudget.model_validate({"usd_per_day": usd}))
        self.purse = Purse(budget, lambda: Moment(NOON, 0.0), lambda: self.may_start)
        self.given: list[str] = []

    def read(self, committed: Any, covered: Any = 0) -> None:
        self.purse.read(Spend(NOON.date(), D(committed), D(0), 0, 0, 0, 0), Moment(NOON, 0.0), D(covered))

    def ask(self, name: str, bound: Any) -> "asyncio.Task[datetime]":
        async def reserve() -> datetime:
            asked_at = await self.purse.reserve(D(bound))
            self.given.append(name)
            return asked_at

        return asyncio.get_running_loop().create_task(reserve())


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_without_a_reading_everybody_waits() -> None:
    desk = Desk()
    task = desk.ask("a", 0)
    await settled()
    assert desk.purse.held == "store"
    desk.read(0)
    assert await task == NOON.replace(microsecond=123000)  # as the store keeps it
    assert desk.purse.held is None


async def test_the_first_in_line_is_not_overtaken() -> None:
    desk = Desk(1)
    desk.read("0.5")
    tasks = [desk.ask("large", "0.6"), desk.ask("small", "0.1")]
    await settled()
    assert (desk.given, desk.purse.held) == ([], "dollars")
    desk.read("0.2")
    await asyncio.gather(*tasks)
    assert desk.given == ["large", "small"]


async def test_a_process_that_does_not_judge_starts_no_call() -> None:
    desk = Desk()
    desk.read(0)
    desk.may_start = False
    task = desk.ask("a", "0.1")
    await settled()
    assert desk.purse.held == "standby"
    desk.may_start = True
    desk.purse.look()
    await task


async def test_a_reservation_whose_asker_was_cancelled_is_given_back() -> None:
    desk = Desk(1)
    desk.read(0)
    task = desk.ask("a", "1")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = desk.ask("b", "1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():  # it had it already: then it counts until a reading
        desk.read(0, covered=1)
    await asyncio.wait_for(waiting, 5)


async def test_who_gives_up_makes_way() -> None:
    desk = Desk(1)
    desk.read("0.5")
    large, small = desk.ask("large", "0.6"), desk.ask("small", "0.1")
    await settled()
    large.cancel()
    desk.purse.look()
    await asyncio.wait_for(small, 5)


async def test_those_who_wait_can_be_sent_away() -> None:
    desk = Desk()
    task = desk.ask("a", "0.1")
    await settled()
    desk.purse.send_away()
    with pytest.raises(Stopped):
        await task
    assert desk.purse.held is None
    desk.read(0)
    await desk.ask("b", "0.1")
