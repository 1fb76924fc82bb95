"""Where questions to one judge wait for their turn: first to be prepared, then to be sent. First come, first served."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from analyzer.judge.away import Away, End, Ticket


class Stopped(Exception):  # noqa: N818 - says what happened
    """No further calls are to be made: the process drains, or goes by another configuration from now on."""


MOST_INSIDE: Final = 2
"""Times the calls that a judge allows: as many are prepared, sent, or answered and not stored yet. So many a death can
cost at most."""


class Place:
    """Leave to prepare one call. It ends when the call may be sent, or with the block that it was given for."""

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self._is_held = True

    def leave(self) -> None:
        """Makes room for the next one."""
        if self._is_held:
            self._is_held = False
            self._gate.left()

    async def send(self, at_most_s: float) -> Ticket | None:
        """Waits for leave to send what was prepared; then `Gate.ended` follows. None: it took too long.

        Raises:
            Stopped: it will not be sent.
        """
        try:
            return await self._gate.turn(at_most_s)
        finally:
            self.leave()


class Gate:
    """The waiting around `Away`; serves one event loop."""

    def __init__(self, away: Away, now_s: Callable[[], float]) -> None:
        """`now_s`: monotonic seconds."""
        self.away = away
        self._now_s = now_s
        self._preparing: deque[asyncio.Future[None]] = deque()
        self._sending: deque[asyncio.Future[Ticket]] = deque()
        self._prepared = 0
        self._inside = 0
        self.is_closed = False
        """Nobody is let in any more."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Questions that wait for a turn of either kind."""
        return len(self._preparing) + len(self._sending)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Waits until one more call may be prepared; the block ends when all of it is stored.

        A store that takes its time slows the calls down: were answers to pile up before it, a death would lose them.

        Raises:
            Stopped: none will be.
        """
        if self.is_closed:
            raise Stopped
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._preparing.append(turn)
        self.look()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._inside -= 1
                self.left()
            raise
        place = Place(self)
        try:
            yield place
        finally:
            self._inside -= 1
            place.leave()
            self.look()

    def left(self) -> None:
        """A prepared call is sent, or never will be."""
        self._prepared -= 1
        self.look()

    async def turn(self, at_most_s: float) -> Ticket | None:
        """See `Place.send`."""
        if self.is_closed:
            raise Stopped
        turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._sending.append(turn)
        self.look()
        try:
            async with asyncio.timeout(at_most_s):
                return await turn
        except TimeoutError:
            return turn.result() if _is_given(turn) else None
        except asyncio.CancelledError:
            if _is_given(turn):
                self.ended(turn.result(), End.UNKNOWN)
            raise

    def ended(self, ticket: Ticket, end: End, *, reason: str = "", retry_after_s: float | None = None) -> None:
        """A call that was sent has ended."""
        self.away.ended(ticket, end, self._now_s(), reason=reason, retry_after_s=retry_after_s)
        self.look()

    def look(self) -> None:
        """Lets in whose turn it is; called whenever that may have changed."""
        if self.is_closed:
            return
        now_s = self._now_s()
        _drop_done(self._sending)
        while self._sending and (ticket := self.away.ticket(now_s)) is not None:
            self._sending.popleft().set_result(ticket)
            _drop_done(self._sending)
        _drop_done(self._preparing)
        most = MOST_INSIDE * self.away.most
        while self._preparing and self._inside < most and self.away.may_prepare(self._prepared, now_s):
            self._prepared += 1
            self._inside += 1
            self._preparing.popleft().set_result(None)
            _drop_done(self._preparing)
        self._look_again(now_s)

    def _look_again(self, now_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_s = self.away.wait_s(now_s)
        if wait_s is not None and self.waiting:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.look)

    def close(self) -> None:
        """Everybody who waits hears that it is over; calls that were sent end as they do."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting: list[asyncio.Future[None] | asyncio.Future[Ticket]] = [*self._preparing, *self._sending]
        for turn in waiting:
            if not turn.done():
                turn.set_exception(Stopped())
        self._preparing.clear()
        self._sending.clear()


def _is_given(turn: "asyncio.Future[Ticket]") -> bool:
    return turn.done() and not turn.cancelled() and turn.exception() is None


def _drop_done(turns: "deque[asyncio.Future[None]] | deque[asyncio.Future[Ticket]]") -> None:
    """Those whose waiter has gone."""
    while turns and turns[0].done():
        turns.popleft()
