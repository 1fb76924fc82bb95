"""Listening sockets: an address in use is an error that says what to do; workers share what is ours."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from cli.supervisor.sockets import ListenError, address_text, come_back, listening_sockets, step_aside


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def sockets(stack: ExitStack, port: int = 0, count: int = 1, host: str = "127.0.0.1") -> tuple[socket.socket, ...]:
    made = listening_sockets(host, port, count, "listen.port or --listen")
    for sock in made:
        stack.enter_context(sock)
    return made


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_workers_share_the_one_free_port_that_was_chosen(stack: ExitStack) -> None:
    made = sockets(stack, count=3)
    assert len({s.getsockname() for s in made}) == 1
    assert made[0].getsockname()[1] > 0


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("other_count", [1, 2])
def test_a_port_of_another_server_is_refused(stack: ExitStack, count: int, other_count: int) -> None:
    """Even when that server shares its port with SO_REUSEPORT, as a second shadowbench would."""
    port = sockets(stack, count=other_count)[0].getsockname()[1]
    with pytest.raises(ListenError) as caught:
        sockets(stack, port, count)
    assert str(caught.value) == (
        f"127.0.0.1:{port} is in use by another program; end it, or choose another port with listen.port or --listen"
    )


def test_a_port_of_the_recent_past_is_free(stack: ExitStack) -> None:
    """A connection in TIME_WAIT does not keep a restarted server from its port."""
    listener = sockets(stack)[0]
    port = listener.getsockname()[1]
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    listener.setblocking(True)
    listener.accept()[0].close()
    listener.close()
    client.close()
    assert sockets(stack, port)[0].getsockname()[1] == port


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused(stack: ExitStack, host: str) -> None:
    """192.0.2.0/24 is for documentation (RFC 5737), .invalid never resolves (RFC 6761)."""
    with pytest.raises(ListenError, match="no address of this machine"):
        sockets(stack, host=host)


def test_nothing_stays_open_after_a_refusal(stack: ExitStack) -> None:
    port = sockets(stack)[0].getsockname()[1]
    with pytest.raises(ListenError):
        sockets(stack, port, 2)  # a socket left open would be a ResourceWarning, which is an error here


def test_who_steps_aside_refuses_and_the_rest_take_over(stack: ExitStack) -> None:
    away, stays = sockets(stack, count=2)
    port = stays.getsockname()[1]
    step_aside([away])
    assert all(connects(port) for _ in range(20))
    step_aside([stays])
    assert not connects(port)
    come_back([away, stays])
    assert away.getsockname() == stays.getsockname()
    assert all(connects(port) for _ in range(20))


def test_an_address_taken_meanwhile_is_named(stack: ExitStack) -> None:
    ours = sockets(stack)[0]
    port = ours.getsockname()[1]
    step_aside([ours])
    sockets(stack, port)
    with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{port} was taken by another program"):
        come_back([ours])


def test_addresses_are_written_as_people_write_them(stack: ExitStack) -> None:
    sock = sockets(stack)[0]
    assert address_text(sock) == f"127.0.0.1:{sock.getsockname()[1]}"
    if socket.has_ipv6:
        try:
            six = sockets(stack, host="::1")[0]
        except ListenError:
            pytest.skip("this machine has no IPv6 loopback")
        assert address_text(six) == f"[::1]:{six.getsockname()[1]}"
