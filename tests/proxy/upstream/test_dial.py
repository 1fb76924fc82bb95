"""Several addresses of one name: one that fails or leads nowhere costs little, and no connection is left over."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.upstream import dial
from proxy.upstream.dial import first_of
from runtime.tasks import Tasks


class Made:
    def __init__(self, address: str) -> None:
        self.address = address
        self.abandoned = False

    def abandon(self) -> None:
        self.abandoned = True


class Net:
    """Each address does one thing: works, refuses, or hangs until released."""

    def __init__(self, **does: str) -> None:
        self.does = does
        self.made: list[Made] = []
        self.shunned: list[str] = []
        self.release = asyncio.Event()
        self.faults: list[BaseException] = []
        self.tasks = Tasks(lambda name, error: self.faults.append(error))

    async def attempt(self, address: str) -> Made:
        does = self.does[address]
        if does == "refuses":
            raise ConnectionRefusedError(address)
        if does == "hangs":
            await self.release.wait()
        made = Made(address)
        self.made.append(made)
        return made

    async def first(self) -> Made:
        attempt: Callable[[str], Awaitable[Made]] = self.attempt
        return await first_of(list(self.does), attempt, self.shunned.append, self.tasks)

    async def end(self) -> None:
        await self.tasks.close()
        await asyncio.sleep(0)
        assert self.faults == []
        assert self.tasks.names() == []


@pytest.fixture(autouse=True)
def _short_stagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "STAGGER_S", 0.01)


async def test_the_first_address_that_works_is_used_and_no_other_is_tried() -> None:
    net = Net(a="works", b="works")
    assert (await net.first()).address == "a"
    assert [m.address for m in net.made] == ["a"]
    assert net.shunned == []
    await net.end()


async def test_after_a_refusal_the_next_is_tried_and_the_first_remembered() -> None:
    net = Net(a="refuses", b="works")
    assert (await net.first()).address == "b"
    assert net.shunned == ["a"]
    await net.end()


async def test_an_address_that_leads_nowhere_does_not_hold_up_the_next() -> None:
    net = Net(a="hangs", b="works", c="works")
    async with asyncio.timeout(5):
        assert (await net.first()).address == "b"
    assert net.shunned == ["a"]
    await net.end()


async def test_the_last_reason_is_told_when_all_fail() -> None:
    net = Net(a="refuses", b="refuses")
    with pytest.raises(ConnectionRefusedError, match="b"):
        await net.first()
    assert net.shunned == ["a", "b"]
    await net.end()


async def test_a_connection_that_is_made_too_late_is_dropped() -> None:
    net = Net(a="hangs", b="hangs")
    first = net.tasks.start("first", net.first())
    async with asyncio.timeout(5):
        while len(net.tasks.names()) < 3:
            await asyncio.sleep(0.001)
    net.release.set()
    winner = await first
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [m.abandoned for m in net.made if m is not winner] in ([], [True])
    await net.end()


async def test_giving_up_ends_every_attempt() -> None:
    net = Net(a="hangs", b="hangs")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await net.first()
    async with asyncio.timeout(5):
        while net.tasks.names():
            await asyncio.sleep(0)
    assert net.made == []
