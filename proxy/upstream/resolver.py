"""Where an upstream is: names looked up off the loop, by one thread per upstream, and the last good answer kept.

The loop's own look-ups share a pool of four threads in the whole process: four candidates whose DNS hangs would keep
the primary from connecting. Here each upstream waits for its own look-up only, and after the first good one it does
not wait at all.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Sequence

REFRESH_AFTER_S = 15.0
"""Older addresses are looked up again in the background, by whoever connects next."""
TTL_S = 30.0
"""Older addresses are waited for a little, then used all the same. The records' own TTL is not told by the system."""
PATIENCE_S = 0.1
"""How long a connect waits for a look-up when there are addresses, if older ones."""
RETRY_AFTER_S = 1.0
"""A look-up that failed is not tried again sooner."""
SHUN_S = 30.0
"""An address that could not be connected to is tried last for so long."""
MAX_ADDRESSES = 16
"""More addresses of one name are left out."""

Lookup = Callable[[str, int], Sequence[str]]
"""(host, port) -> numeric addresses in the order to try them; blocks, and raises OSError or UnicodeError."""


class UnknownHostError(OSError):
    """A name has no address now, and never had one."""


def system_lookup(host: str, port: int) -> Sequence[str]:
    """The system's resolver: hosts file, DNS, in the order of RFC 6724."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_numeric(host: str) -> bool:
    """Is this an address already?"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Resolver:
    """The addresses of one host. At most one look-up is under way, in a daemon thread that ends with it."""

    def __init__(
        self, host: str, port: int, lookup: Lookup = system_lookup, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host = host
        self._port = port
        self._lookup = lookup
        self._clock = clock
        self._is_fixed = is_numeric(host)
        self._good: list[str] = [host] if self._is_fixed else []
        self._good_at_s = 0.0
        self._failure = ""
        self._failed_at_s: float | None = None
        self._asked_at_s = 0.0
        self._running: asyncio.Future[None] | None = None
        self._shunned: dict[str, float] = {}

    async def addresses(self) -> list[str]:
        """Numeric addresses, those that work first. Waits for the first answer only, and a little when TTL is over.

        Raises:
            UnknownHostError: there is no answer, and there never was one.
        """
        if self._is_fixed:
            return self._good
        now_s = self._clock()
        age_s = now_s - self._good_at_s if self._good else None
        if age_s is None or age_s > REFRESH_AFTER_S:
            self._ask(now_s)
        if self._running is not None and (age_s is None or age_s > TTL_S):
            patience_s = None if age_s is None else max(0.0, self._asked_at_s + PATIENCE_S - now_s)
            await asyncio.wait([self._running], timeout=patience_s)
        if not self._good:
            raise UnknownHostError(self._failure)
        return self._in_order(now_s)

    def shun(self, address: str) -> None:
        """`address` could not be connected to: others come first for a while."""
        if not self._is_fixed:
            self._shunned[address] = self._clock() + SHUN_S

    def _in_order(self, now_s: float) -> list[str]:
        if not self._shunned:
            return self._good
        self._shunned = {a: until_s for a, until_s in self._shunned.items() if until_s > now_s and a in self._good}
        return sorted(self._good, key=self._shunned.__contains__)

    def _ask(self, now_s: float) -> None:
        """Starts a look-up, unless one is under way or has just failed."""
        if self._running is not None:
            return
        if self._failed_at_s is not None and now_s < self._failed_at_s + RETRY_AFTER_S:
            return
        loop = asyncio.get_running_loop()
        self._asked_at_s = now_s
        self._running = loop.create_future()
        thread = threading.Thread(target=self._look_up, args=(loop,), name=f"look up {self._host}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            self._take([], str(error))

    def _look_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread."""
        found: Sequence[str] = ()
        failure = "the look-up failed"
        try:
            found = self._lookup(self._host, self._port)[:MAX_ADDRESSES]
        except (OSError, UnicodeError) as error:
            failure = getattr(error, "strerror", None) or str(error)
        finally:  # whatever else went wrong: somebody waits
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._take, list(found), failure)

    def _take(self, found: list[str], failure: str) -> None:
        now_s = self._clock()
        if found:
            self._good, self._good_at_s = found, now_s
            self._failure, self._failed_at_s = "", None
        else:
            self._failure = f"the name {self._host} has no address: {failure}"
            self._failed_at_s = now_s
        running, self._running = self._running, None
        if running is not None:
            running.set_result(None)
