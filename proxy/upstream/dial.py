"""One connection out of several addresses: the next is tried when one fails or dawdles, and the first that works wins.

After RFC 8305 (Happy Eyeballs): an address that leads nowhere costs a quarter of a second once, not the time limit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from runtime.tasks import Tasks

STAGGER_S = 0.25
"""How long one address is tried alone (RFC 8305 section 5)."""


class Abandonable(Protocol):
    """A connection, once made."""

    def abandon(self) -> None:
        """Drops it."""


Connection = TypeVar("Connection", bound=Abandonable)


async def first_of(
    addresses: Sequence[str],
    attempt: Callable[[str], Awaitable[Connection]],
    shun: Callable[[str], None],
    tasks: Tasks,
) -> Connection:
    """The first connection that is made.

    Args:
        addresses: in the order to try them, at least one.
        attempt: makes a connection; raises OSError or UnicodeError.
        shun: called with each address that failed, or was slower than one tried later.
        tasks: where attempts run.

    Raises:
        OSError, UnicodeError: what the last attempt to fail raised, when all have failed.
    """
    if len(addresses) == 1:
        return await attempt(addresses[0])
    waiting = list(reversed(addresses))
    running: dict[asyncio.Task[Connection | Exception], str] = {}
    error: Exception = OSError("no address")
    try:
        while waiting or running:
            if waiting:
                address = waiting.pop()
                running[tasks.start(f"connect to {address}", _tried(attempt, address))] = address
            timeout_s = STAGGER_S if waiting else None
            done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address, ended = running.pop(task), task.result()
                if not isinstance(ended, Exception):
                    _shun_earlier(addresses, address, running, shun)
                    return ended
                error = ended
                shun(address)
    finally:
        for task in running:
            task.add_done_callback(_drop)
            task.cancel()
    raise error


async def _tried(attempt: Callable[[str], Awaitable[Connection]], address: str) -> Connection | Exception:
    try:
        return await attempt(address)
    except (OSError, UnicodeError) as error:
        return error


def _shun_earlier(
    addresses: Sequence[str],
    winner: str,
    running: dict[asyncio.Task[Connection | Exception], str],
    shun: Callable[[str], None],
) -> None:
    slower = set(running.values())
    for address in addresses[: addresses.index(winner)]:
        if address in slower:
            shun(address)


def _drop(task: "asyncio.Task[Connection | Exception]") -> None:
    """A connection that was made although another had won."""
    if task.cancelled():
        return
    ended = task.result()
    if not isinstance(ended, Exception):
        ended.abandon()
