"""Who floods waits a turn; whoever reads a little does not. Counted in bytes per turn, not in time."""

import asyncio

from proxy.upstream.budget import SMALL_READ_BYTES, PausedReads, ReadBudget

LIMIT = 100_000
BIG = 60_000


class Leg:
    """Reads when it is let."""

    def __init__(self, budget: ReadBudget) -> None:
        self.budget = budget
        self.is_held = False
        self.bytes = 0

    def hold(self) -> None:
        self.is_held = True

    def release(self) -> bool:
        was, self.is_held = self.is_held, False
        return was

    def read(self, size: int) -> None:
        if self.is_held:
            return
        self.bytes += size
        self.budget.read += size
        if self.budget.read > self.budget.limit:
            self.budget.over(self, size)


async def turns(budget: ReadBudget, legs: list[Leg], size: int, n: int) -> list[int]:
    """Bytes read in each of n turns, when every leg always has something to read."""
    found = []
    for _ in range(n):
        before = sum(leg.bytes for leg in legs)
        for leg in legs:
            for _ in range(32):  # as many reads as libuv makes of one event
                leg.read(size)
        found.append(sum(leg.bytes for leg in legs) - before)
        await asyncio.sleep(0)
    return found


async def test_no_turn_reads_more_than_two_limits_and_a_read_per_leg_and_later_ones_a_read_or_two() -> None:
    paused = PausedReads()
    budget = ReadBudget(LIMIT, 0.0, paused)
    legs = [Leg(budget) for _ in range(64)]
    read = await turns(budget, legs, BIG, 200)
    assert max(read) <= 2 * LIMIT + len(legs) * BIG
    assert max(read[1:]) <= LIMIT + BIG
    assert min(read[1:]) > 0
    assert paused.count > 0


async def test_those_who_flood_take_turns() -> None:
    budget = ReadBudget(LIMIT, 0.0, PausedReads())
    legs = [Leg(budget) for _ in range(8)]
    await turns(budget, legs, BIG, 81)
    amounts = [leg.bytes for leg in legs]
    assert max(amounts) <= 1.5 * min(amounts)


async def test_small_reads_go_on_beside_a_flood() -> None:
    budget = ReadBudget(LIMIT, 0.0, PausedReads())
    flood, stream = Leg(budget), Leg(budget)
    for _ in range(50):
        for _ in range(4):
            flood.read(BIG)
        stream.read(SMALL_READ_BYTES)
        assert not stream.is_held
        await asyncio.sleep(0)
    assert stream.bytes == 50 * SMALL_READ_BYTES


async def test_ordinary_traffic_is_never_paused() -> None:
    paused = PausedReads()
    budget = ReadBudget(LIMIT, 0.0, paused)
    legs = [Leg(budget) for _ in range(50)]
    for _ in range(200):
        for leg in legs:
            leg.read(1_000)
        await asyncio.sleep(0)
    assert paused.count == 0


async def test_a_pause_lasts_at_least_as_long_as_it_was_told() -> None:
    budget = ReadBudget(LIMIT, 30.0, PausedReads())
    leg = Leg(budget)
    for _ in range(32):
        leg.read(BIG)
    for _ in range(100):
        await asyncio.sleep(0)
    assert leg.is_held
