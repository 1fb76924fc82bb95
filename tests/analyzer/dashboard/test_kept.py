"""Readings that many share: one at a time, and the last one stays."""

import asyncio
from datetime import UTC, datetime, timedelta

from analyzer.dashboard.kept import Kept, View
from analyzer.dashboard.store_thread import Trouble
from store.errors import StoreUnavailable

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def monotonic(self) -> float:
        return self.s

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.s)


class Source:
    """Counts how often it is asked, and how often at once."""

    def __init__(self) -> None:
        self.asked = self.at_once = self.most_at_once = 0
        self.fails = False

    async def read(self) -> int:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.fails:
            raise StoreUnavailable("gone fishing")
        return self.asked


def kept(source: Source, clock: Clock) -> Kept[int]:
    return Kept(source.read, fresh_s=5, clock=clock.now, monotonic=clock.monotonic)


async def test_many_viewers_cost_one_reading() -> None:
    source, clock = Source(), Clock()
    one = kept(source, clock)
    views = await asyncio.gather(*(one.view() for _ in range(20)))
    assert {v.value for v in views} == {1}
    clock.s = 4.9
    assert (await one.view()).value == 1
    clock.s = 5.0
    assert await one.view() == View(2, BEGIN + timedelta(seconds=5), None)
    assert source.most_at_once == 1


async def test_while_the_store_is_away_the_last_reading_stays_and_says_since_when() -> None:
    source, clock = Source(), Clock()
    one = kept(source, clock)
    await one.view()
    source.fails = True
    for s in (10.0, 20.0, 30.0):
        clock.s = s
        since = BEGIN + timedelta(seconds=10)
        assert await one.view() == View(1, BEGIN, Trouble(since, "gone fishing"))
    source.fails = False
    clock.s = 40.0
    assert await one.view() == View(5, BEGIN + timedelta(seconds=40), None)


async def test_a_failure_is_shared_too() -> None:
    source, clock = Source(), Clock()
    source.fails = True
    one = kept(source, clock)
    views = await asyncio.gather(*(one.view() for _ in range(20)))
    assert source.asked == 1
    assert {v.value for v in views} == {None}
    assert views[0].trouble == Trouble(BEGIN, "gone fishing")
