"""What many say at the same time is done at once: one question to the store, and one insert, for all who wait."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Crowded(Exception):  # noqa: N818 - says what happened
    """As many wait as may."""


class Together(Generic[T, R]):
    """Gathers calls. Whoever comes first does the work of all who wait by then; no task of its own is needed."""

    def __init__(
        self, work: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]], *, most: int, waiting: int
    ) -> None:
        """
        Args:
            work: what comes of each of some calls, in their order; an exception is raised to its caller, and one that
                `work` raises itself to all of them.
            most: calls that are done at once.
            waiting: calls that may wait; one more is refused.
        """
        self._work = work
        self._most = most
        self._may_wait = waiting
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._one = asyncio.Lock()
        """Invariant: one `work` at a time."""

    async def do(self, call: T) -> R:
        """What comes of it.

        Raises:
            Crowded: too many wait.
        """
        if len(self._waiting) >= self._may_wait:
            raise Crowded(f"{self._may_wait} wait already")
        mine: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, mine))
        while not mine.done():
            async with self._one:
                if not mine.done():
                    await self._next()
        return mine.result()

    async def _next(self) -> None:
        some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            found = await self._work([call for call, _ in some])
        except Exception as error:  # noqa: BLE001 - it is for all who wait, not for the one who works
            found = [error] * len(some)
        except BaseException:
            # Whoever worked is gone: the others go on.
            self._waiting.extendleft(reversed(some))
            raise
        for (_, future), result in zip(some, found, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
