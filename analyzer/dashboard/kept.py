"""Readings of the store that many pages share: one at a time, and the last one stays while the store is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from analyzer.dashboard.store_thread import Trouble, now
from store.errors import StoreError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """The newest reading there is."""

    value: T | None
    """None: there was none ever."""
    at: datetime | None
    """When it was made, UTC."""
    trouble: Trouble | None
    """Why there is no newer one; None: it is fresh."""


class Kept(Generic[T]):
    """One reading."""

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        *,
        fresh_s: float,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fresh_s`: a reading, or a failure, that is younger is not made again."""
        self._read = read
        self._fresh_s = fresh_s
        self._clock = clock
        self._monotonic = monotonic
        self._one = asyncio.Lock()
        """Invariant: one reading is under way at most."""
        self._view: View[T] = View(None, None, None)
        self._tried_s: float | None = None

    async def view(self) -> View[T]:
        """The newest reading; never raises for a store that is away."""
        async with self._one:
            if self._tried_s is None or self._monotonic() - self._tried_s >= self._fresh_s:
                self._view = await self._next()
                self._tried_s = self._monotonic()
        return self._view

    async def _next(self) -> View[T]:
        before = self._view
        try:
            return View(await self._read(), self._clock(), None)
        except StoreError as error:
            since = before.trouble.since if before.trouble is not None else self._clock()
            return View(before.value, before.at, Trouble(since, str(error)))
