"""How far the work has come, and that verdicts come in the order of the traffic."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from analyzer.judge.frontier import Frontier
from analyzer.judge.gate import Stopped
from tests.analyzer.judge.made import START


def at(second: int) -> "timedelta":
    return timedelta(seconds=second)


def take(frontier: Frontier, second: int, *, is_drawn: bool = True) -> int:
    return frontier.take(START + at(second), is_drawn=is_drawn)


def test_the_oldest_unfinished_pair_says_how_far_it_is() -> None:
    frontier = Frontier()
    assert frontier.oldest() is None
    numbers = [take(frontier, second) for second in (1, 2, 3)]
    frontier.finish(numbers[1])
    assert frontier.oldest() == START + at(1)
    frontier.finish(numbers[0])
    assert frontier.oldest() == START + at(3)
    frontier.finish(numbers[2])
    assert frontier.oldest() is None
    assert frontier.open == 0


async def test_what_is_settled_waits_for_drawn_pairs_before_it_and_for_no_others() -> None:
    frontier, order = Frontier(), list[str]()
    first, tie, second, later = (
        take(frontier, 1),
        take(frontier, 2, is_drawn=False),
        take(frontier, 3),
        take(frontier, 4, is_drawn=False),
    )

    async def wait(number: int, name: str) -> None:
        await frontier.turn(number)
        order.append(name)
        frontier.finish(number)

    tasks = [asyncio.get_running_loop().create_task(wait(n, name)) for n, name in ((later, "later"), (tie, "tie"))]
    await asyncio.sleep(0)
    assert order == []
    frontier.finish(first)
    await asyncio.sleep(0)
    assert order == ["tie"]
    frontier.finish(second)
    await asyncio.gather(*tasks)
    assert order == ["tie", "later"]


async def test_nobody_waits_for_ever_when_it_is_over() -> None:
    frontier = Frontier()
    take(frontier, 1)
    tie = take(frontier, 2, is_drawn=False)
    waiting = asyncio.get_running_loop().create_task(frontier.turn(tie))
    await asyncio.sleep(0)
    frontier.close()
    with pytest.raises(Stopped):
        await waiting
    with pytest.raises(Stopped):
        await frontier.turn(tie)


async def test_in_any_order_of_ends_nothing_overtakes() -> None:
    """Two hundred pairs that end as they like: a settled one is stored after all drawn ones before it, and all are."""
    random, frontier, done = Random(4), Frontier(), list[int]()
    drawn = {number: random.random() < 0.3 for number in range(200)}
    for number, is_drawn in drawn.items():
        assert take(frontier, number, is_drawn=is_drawn) == number

    async def see_through(number: int) -> None:
        if drawn[number]:
            await asyncio.sleep(random.random() * 0.005)
        else:
            await frontier.turn(number)
            assert all(n in done for n in range(number) if drawn[n])
        done.append(number)
        frontier.finish(number)

    await asyncio.gather(*[see_through(number) for number in drawn])
    assert sorted(done) == list(drawn)
    assert frontier.oldest() is None
