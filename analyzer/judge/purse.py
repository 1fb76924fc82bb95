"""Where calls of all judges wait for money, for the minute's part, and for the right to judge: first come first."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from analyzer.judge.budget import Budget, Held, Moment
from analyzer.judge.gate import Stopped
from store.judging.calls import Spend

LOOK_EVERY_S: Final = 1.0
"""While somebody waits: midnight, and the end of a minute, come without a sign."""

Waits = Held | Literal["standby"]
"""Why nobody is let through; `standby`: another process judges, or the store has not heard of us for too long."""


class Purse:
    """The waiting around `Budget`; serves one event loop."""

    def __init__(self, budget: Budget, now: Callable[[], Moment], may_start: Callable[[], bool]) -> None:
        """`may_start`: are we the process that judges, and does the store know it?"""
        self.budget = budget
        self._now = now
        self.may_start = may_start
        self._waiting: deque[tuple[Decimal, asyncio.Future[datetime]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.held: Waits | None = None
        """Why the first who waits does; None: nobody does."""
        self.held_since_s: float | None = None
        """Since when, by the steady clock."""

    async def reserve(self, bound_usd: Decimal) -> datetime:
        """Waits until a call that costs at most so much may be written down.

        Returns:
            The moment at which it is asked, UTC, in whole milliseconds.

        Raises:
            Stopped: it will not be.
        """
        turn: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()
        self._waiting.append((bound_usd, turn))
        self.look()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.budget.give_back(bound_usd)
            raise

    def read(self, spend: Spend, asked: Moment, covered_usd: Decimal) -> None:
        """A reading of the store came back; see `Budget.read`."""
        self.budget.read(spend, asked, covered_usd)
        self.look()

    def look(self) -> None:
        """Lets through who may go; called whenever that may have changed."""
        now = self._now()
        why: Waits | None = None
        while self._waiting and why is None:
            bound, turn = self._waiting[0]
            if turn.done():  # who waited has gone
                self._waiting.popleft()
                continue
            why = self.budget.held(bound, now) if self.may_start() else "standby"
            if why is None:
                self._waiting.popleft()
                self.budget.reserve(bound, now)
                turn.set_result(now.utc.replace(microsecond=now.utc.microsecond // 1000 * 1000))
        if why != self.held:
            self.held, self.held_since_s = why, None if why is None else now.steady_s
        self._look_again()

    def _look_again(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.look) if self._waiting else None

    def send_away(self) -> None:
        """Everybody who waits now hears that it is over."""
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(Stopped())
        self._waiting.clear()
        self.held = self.held_since_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
