"""What many say at once is done at once, and nobody's trouble is another's."""

import asyncio
from collections.abc import Sequence

from analyzer.dashboard.api.together import Crowded, Together


class Work:
    """Doubles numbers; odd ones are refused; notes who was done together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Event()
        self.trouble: Exception | None = None

    async def __call__(self, some: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(some))
        await self.go.wait()
        if self.trouble is not None:
            raise self.trouble
        return [ValueError(f"{n} is odd") if n % 2 else 2 * n for n in some]

    async def release(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        self.go.set()


async def test_who_waits_is_done_together_and_gets_their_own() -> None:
    work = Work()
    together = Together(work, most=4, waiting=100)
    *told, _ = await asyncio.gather(*(together.do(n) for n in range(0, 20, 2)), work.release())
    assert told == [2 * n for n in range(0, 20, 2)]
    assert sorted(n for group in work.groups for n in group) == list(range(0, 20, 2))
    assert max(map(len, work.groups)) <= 4
    assert len(work.groups) < 10
    assert await together.do(100) == 200


async def test_one_refusal_is_of_one() -> None:
    work = Work()
    together = Together(work, most=10, waiting=100)
    told = await asyncio.gather(*(together.do(n) for n in range(4)), work.release(), return_exceptions=True)
    assert [told[0], told[2]] == [0, 4]
    assert [str(told[1]), str(told[3])] == ["1 is odd", "3 is odd"]


async def test_a_failure_of_the_work_is_everybodys_and_the_next_try_is_new() -> None:
    work = Work()
    work.go.set()
    work.trouble = RuntimeError("away")
    together = Together(work, most=10, waiting=100)
    told = await asyncio.gather(*(together.do(n) for n in (2, 4, 6)), return_exceptions=True)
    assert {str(one) for one in told} == {"away"}
    work.trouble = None
    assert await together.do(8) == 16


async def test_few_may_wait() -> None:
    work = Work()
    together = Together(work, most=1, waiting=2)
    told = await asyncio.gather(*(together.do(n) for n in (2, 4, 6, 8)), work.release(), return_exceptions=True)
    assert sum(isinstance(one, Crowded) for one in told) >= 1
    assert {one for one in told if isinstance(one, int)} <= {4, 8, 12, 16}
    assert await together.do(2) == 4


async def test_whoever_works_may_be_cancelled_without_harm_to_others() -> None:
    """The request that did the work for all is gone: the next one does it."""
    work = Work()
    together = Together(work, most=10, waiting=100)

    async def leave() -> str:
        try:
            async with asyncio.timeout(0.01):
                await together.do(2)
        except TimeoutError:
            work.go.set()
            return "left"
        return "stayed"

    left, told = await asyncio.gather(leave(), together.do(4))
    assert (left, told) == ("left", 8)
