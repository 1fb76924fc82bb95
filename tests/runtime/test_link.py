"""The tie between supervisor and role: what is said arrives; its end is the death of the other side."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from config.model import Config
from runtime.link import Drain, Failed, Figures, FromRole, Link, Ready, Start, StartMessage, decode_from_role, line

CONFIG = Config.model_validate({"primary": {"url": "http://gateway:4000"}, "drain": "250ms"})
START = Start("proxy", "proxy-0", CONFIG, 3, (7, 8))


class Supervisor:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.setblocking(False)

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def hears(self) -> list[FromRole]:
        """Everything until the role closes."""
        data = b""
        while part := await asyncio.get_running_loop().sock_recv(self.sock, 65536):
            data += part
        return [decode_from_role(text) for text in data.splitlines()]


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Supervisor, Link]]:
    ours, theirs = socket.socketpair()
    link = await Link.open(theirs.detach())
    with ours:
        yield Supervisor(ours), link
        await link.close()


Ends = tuple[Supervisor, Link]


async def test_a_role_is_told_its_whole_configuration(ends: Ends) -> None:
    supervisor, link = ends
    await supervisor.say(line(StartMessage.of(START)))
    assert await link.start() == START


async def test_what_a_role_says_arrives_in_order(ends: Ends) -> None:
    supervisor, link = ends
    link.ready("here")
    link.report({"a_total": 1.5})
    link.failed("why")
    await link.close()
    assert await supervisor.hears() == [Ready("here"), Figures({"a_total": 1.5}), Failed("why")]


async def test_a_drain_is_asked_for(ends: Ends) -> None:
    supervisor, link = ends
    await supervisor.say(line(Drain()))
    listening = asyncio.gather(link.listen())
    async with asyncio.timeout(5):
        await link.stop.wait()
    assert not link.is_lost
    supervisor.sock.shutdown(socket.SHUT_WR)
    await listening
    assert link.is_lost


@pytest.mark.parametrize("last", [b"", b"{", b"no json\n", b'{"type":"later"}\n'])
async def test_the_end_of_the_link_asks_for_a_drain_too(ends: Ends, last: bytes) -> None:
    """Also when the supervisor died in the middle of a message, or speaks what this version does not know."""
    supervisor, link = ends
    await supervisor.say(last)
    supervisor.sock.close()
    async with asyncio.timeout(5):
        await link.listen()
    assert link.stop.is_set()
    assert link.is_lost


async def test_a_supervisor_that_dies_first_is_an_end(ends: Ends) -> None:
    supervisor, link = ends
    supervisor.sock.close()
    with pytest.raises(EOFError, match="ended before"):
        await link.start()


async def test_reports_to_a_supervisor_that_does_not_read_are_dropped_and_counted(ends: Ends) -> None:
    """A role's memory does not grow; `ready` is never dropped."""
    supervisor, link = ends
    figures = {f"figure_{i}": float(i) for i in range(1000)}
    for _ in range(1000):
        link.report(figures)
    assert 0 < link.reports_dropped < 1000
    link.ready("still here")
    reading = asyncio.gather(supervisor.hears(), link.close())
    heard, _ = await reading
    assert heard[-1] == Ready("still here")
    assert len(heard) == 1000 - link.reports_dropped + 1


async def test_processes_of_a_role_do_not_get_the_link() -> None:
    ours, theirs = socket.socketpair()
    fd = theirs.detach()
    os.set_inheritable(fd, True)
    link = await Link.open(fd)
    with ours:
        assert not os.get_inheritable(fd)
        await link.close()
