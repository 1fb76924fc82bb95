"""Which pairs were taken and are not finished: how far the work has come, and whose turn it is.

A pair that a free rung settled could be stored at once, while those before it wait for a judge that is away or for the
next day's budget. Then the store would hold little but ties, and a report would take them for all there is. So what the
free rungs settle waits until every drawn pair before it is finished: verdicts come in the order of the traffic.
"""

import asyncio
import heapq
from collections import OrderedDict
from datetime import datetime

from analyzer.judge.gate import Stopped


class Frontier:
    """Pairs in the order in which they were taken; serves one event loop."""

    def __init__(self) -> None:
        self._next = 0
        # The first of an ordinary dictionary is found by passing all that were taken out before it.
        self._open: OrderedDict[int, datetime] = OrderedDict()
        self._drawn: OrderedDict[int, None] = OrderedDict()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._is_closed = False

    @property
    def open(self) -> int:
        """Pairs that are not finished."""
        return len(self._open)

    def oldest(self) -> datetime | None:
        """Start of the oldest pair that is not finished; None: all are."""
        return next(iter(self._open.values()), None)

    def take(self, ts: datetime, *, is_drawn: bool) -> int:
        """The next pair; its number.

        Args:
            ts: start of its request, not before that of the pair before it.
            is_drawn: pairs behind it wait for it.
        """
        number, self._next = self._next, self._next + 1
        self._open[number] = ts
        if is_drawn:
            self._drawn[number] = None
        return number

    async def turn(self, number: int) -> None:
        """Returns when every drawn pair before this one is finished.

        Raises:
            Stopped: that will not be.
        """
        if self._is_closed:
            raise Stopped
        if next(iter(self._drawn), self._next) < number:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (number, turn))
            await turn

    def finish(self, number: int) -> None:
        """All of a pair is stored, or never will be."""
        del self._open[number]
        if number in self._drawn:
            del self._drawn[number]
            self._let_go()

    def _let_go(self) -> None:
        first = next(iter(self._drawn), self._next)
        while self._waiting and self._waiting[0][0] < first:
            turn = heapq.heappop(self._waiting)[1]
            if not turn.done():
                turn.set_result(None)

    def close(self) -> None:
        """Everybody who waits hears that it is over."""
        self._is_closed = True
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(Stopped())
        self._waiting.clear()
