"""Listening sockets, made before any role starts and kept open over the restarts of workers."""

import contextlib
import errno
import socket
from collections.abc import Iterable
from typing import Any

from proxy.listening import BACKLOG


class ListenError(Exception):
    """Why an address cannot be listened on, and what to do about it; one line."""


def listening_sockets(host: str, port: int, count: int, what: str) -> tuple[socket.socket, ...]:
    """Sockets that share one address; the kernel spreads connections over them.

    The first one has the address for itself, so that an address in use is an error: with SO_REUSEPORT from the
    start, two servers would take connections from each other unnoticed. It shares the address only after that.

    Args:
        port: 0 takes a free one.
        count: sockets wanted, at least 1.
        what: the settings and options that chose the address, for the error's text.

    Raises:
        ListenError: the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ListenError(f"{what}: {host!r} is no address of this machine ({error.strerror})") from None
    made: list[socket.socket] = []
    try:
        with _bound(family, address) as chosen:
            # Bound twice: only an address that was asked for by number stays with a socket that steps aside.
            address = chosen.getsockname()
            for _ in range(count):
                made.append(_bound(family, address, shared=bool(made)))
                made[-1].listen(BACKLOG)
                if count > 1:
                    made[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        for sock in made:
            sock.close()
        raise ListenError(_reason(error, host, port, what)) from None
    return tuple(made)


def _bound(family: int, address: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _reason(error: OSError, host: str, port: int, what: str) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; end it, or choose another port with {what}"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"{where} may not be listened on by this user; choose a port above 1023 with {what}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: {host} is no address of this machine; choose another with {what}"
    return f"{where} cannot be listened on ({error.strerror}); choose another with {what}"


def step_aside(sockets: Iterable[socket.socket]) -> None:
    """Refuses connections instead of letting them wait for a worker that will not come soon."""
    for sock in sockets:
        with contextlib.suppress(OSError):  # not every system can; there, connections wait
            sock.shutdown(socket.SHUT_RDWR)


def come_back(sockets: Iterable[socket.socket]) -> None:
    """Takes connections again; does nothing to a socket that never stepped aside.

    Raises:
        ListenError: another program has taken the address meanwhile.
    """
    for sock in sockets:
        try:
            sock.listen(BACKLOG)
        except OSError:
            raise ListenError(f"{address_text(sock)} was taken by another program meanwhile; end it") from None


def address_text(sock: socket.socket) -> str:
    """`127.0.0.1:8080` or `[::1]:8080`."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
