"""Turns at one judge: first come first served, and nobody is left waiting."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from analyzer.judge.away import Away, End, Ticket
from analyzer.judge.gate import Gate, Stopped

T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, most: int = 2) -> Gate:
    return Gate(Away(most, lambda: 0.0), clock)


def given(ticket: Ticket | None) -> Ticket:
    assert ticket is not None
    return ticket


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def begin(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    return asyncio.get_running_loop().create_task(work)


async def hold(gate: Gate, entered: list[int], number: int, leave: asyncio.Event) -> None:
    async with gate.place():
        entered.append(number)
        await leave.wait()


async def test_places_are_given_in_order(clock: Clock) -> None:
    gate, entered, leave = make(clock), list[int](), asyncio.Event()
    tasks = [begin(hold(gate, entered, number, leave)) for number in range(5)]
    await settled()
    assert entered == [0, 1, 2]  # two may be sent, one is kept ready
    assert gate.waiting == 2
    leave.set()
    await asyncio.gather(*tasks)
    assert entered == [0, 1, 2, 3, 4]


async def send(gate: Gate, sent: list[Ticket | None], at_most_s: float = 5.0) -> None:
    async with gate.place() as place:
        sent.append(await place.send(at_most_s))


async def test_a_place_ends_when_the_call_is_sent(clock: Clock) -> None:
    """While two are under way another one is prepared, so that it need not wait for the store when it is its turn."""
    gate, sent = make(clock), list[Ticket | None]()
    tasks = [begin(send(gate, sent)) for _ in range(6)]
    await settled()
    assert len(sent) == 2
    assert gate.waiting == 4
    gate.ended(given(sent[0]), End.ANSWERED)
    await settled()
    assert len(sent) == 3
    for ticket in sent:
        gate.ended(given(ticket), End.ANSWERED)
    for _ in range(3):
        await settled()
        gate.ended(given(sent[-1]), End.ANSWERED)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_who_waits_too_long_to_send_is_told(clock: Clock) -> None:
    gate, sent = make(clock, 1), list[Ticket | None]()
    await send(gate, sent)
    await send(gate, sent, 0.01)
    assert sent[1] is None
    gate.ended(given(sent[0]), End.ANSWERED)
    await send(gate, sent)
    assert sent[2] is not None


async def test_an_away_judge_lets_one_in_when_its_pause_is_over(clock: Clock) -> None:
    gate, sent = make(clock), list[Ticket | None]()
    await send(gate, sent)
    gate.ended(given(sent[0]), End.AWAY)
    tasks = [begin(send(gate, sent)) for _ in range(3)]
    await settled()
    assert len(sent) == 1
    clock.now_s = 1.0
    gate.look()
    await settled()
    assert len(sent) == 2
    probe = given(sent[1])
    assert probe.is_probe
    gate.ended(probe, End.ANSWERED)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_the_end_of_a_pause_comes_by_itself() -> None:
    gate = Gate(Away(1, lambda: 0.0), asyncio.get_running_loop().time)
    sent = list[Ticket | None]()
    await send(gate, sent)
    gate.ended(given(sent[0]), End.AWAY)
    gate.away._until_s = asyncio.get_running_loop().time() + 0.02
    await asyncio.wait_for(send(gate, sent), 5)
    assert given(sent[1]).is_probe


async def test_closing_tells_everybody_who_waits(clock: Clock) -> None:
    gate, sent = make(clock, 1), list[Ticket | None]()
    await send(gate, sent)
    waiting = [begin(send(gate, sent)) for _ in range(3)]
    await settled()
    gate.close()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ends] == [Stopped] * 3
    with pytest.raises(Stopped):
        await send(gate, sent)
    gate.ended(given(sent[0]), End.ANSWERED)


async def test_who_goes_away_while_waiting_takes_no_room(clock: Clock) -> None:
    gate, sent, leave = make(clock, 1), list[Ticket | None](), asyncio.Event()
    await send(gate, sent)
    second = begin(send(gate, sent))
    third = begin(hold(gate, [], 0, leave))
    await settled()
    for task in (second, third):
        task.cancel()
    await asyncio.gather(second, third, return_exceptions=True)
    gate.ended(given(sent[0]), End.ANSWERED)
    await asyncio.wait_for(send(gate, sent), 5)
    assert gate.waiting == 0
    assert gate.away.under_way == 1
