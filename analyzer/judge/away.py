"""A judge that does not answer: when it is left alone, and how it is found out that it is back. Pure.

While it is here, as many calls are under way as it allows. A failure that is about the judge makes it *away*: for a
pause nobody asks it, then one call at a time does (the probe). A failed probe makes the pause longer. After one that
was answered the calls under way grow by one with every further answer, so that a judge that has just come back is not
sent away again by all who waited.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
LONGEST_TOLD_S: Final = 600.0
"""Of a `Retry-After`."""
_JITTER: Final = 0.5
"""A pause is longer by up to this share: processes that were sent away together do not come back together."""
_MOST_DOUBLINGS: Final = 10
PREPARING_S: Final = 0.5
"""A call is prepared so long before it is its turn: writing it down takes a tenth of a second or two."""
_NEWEST_WEIGHT: Final = 0.1


class End(Enum):
    """What a call's end says of the judge."""

    ANSWERED = "answered"
    """It is here, whatever it said."""
    AWAY = "away"
    UNKNOWN = "unknown"
    """Nobody waited for the end."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to make one call."""

    epoch: int
    """How often the judge had been away before."""
    is_probe: bool
    number: int
    """Grows from call to call."""
    sent_s: float
    """Monotonic."""


class Away:
    """One judge, as seen by one process."""

    def __init__(self, max_in_flight: int, draw: Callable[[], float]) -> None:
        """`draw`: numbers from 0 to 1, for the jitter."""
        self.most = max_in_flight
        """Calls under way at once."""
        self._draw = draw
        self._ceiling = max_in_flight
        self._call_s = 1.0
        self._until_s: float | None = None
        self._probing = False
        self._failures = 0
        self._epoch = 0
        self.under_way = 0
        """Calls that were sent and have not ended."""
        self._sent = 0
        self.answers = 0
        """Calls that it has answered."""
        self.last_answered = 0
        """Number of the last call among those that it has answered: all that were sent before and wait still, wait
        though it answers others."""
        self.since_s: float | None = None
        """Since when it has been away; None: it is here."""
        self.reason = ""
        """Why it is away, as last heard."""

    @property
    def is_away(self) -> bool:
        """Is it left alone?"""
        return self._until_s is not None

    def may_prepare(self, waiting: int, now_s: float) -> bool:
        """May one more call be prepared, with so many prepared and not sent?

        Beside those that may be sent some are kept ready, so that none waits for the store when it is its turn: few of
        a judge that takes its time. Of one that is away one is prepared, as its probe.
        """
        if self._until_s is not None:
            return now_s >= self._until_s and waiting == 0 and not self._probing
        ready = min(self.most, max(1, round(self._ceiling * PREPARING_S / max(self._call_s, 1e-3))))
        return self.under_way + waiting < self._ceiling + ready

    def ticket(self, now_s: float) -> Ticket | None:
        """Leave to send a call now; None: not yet."""
        if self._until_s is not None:
            if self._probing or now_s < self._until_s:
                return None
            self._probing = True
        elif self.under_way >= self._ceiling:
            return None
        self.under_way += 1
        self._sent += 1
        return Ticket(self._epoch, self._until_s is not None, self._sent, now_s)

    def wait_s(self, now_s: float) -> float | None:
        """Until the next probe may be sent; None: no time is known, or none has to be waited for."""
        return None if self._until_s is None or self._probing else max(0.0, self._until_s - now_s)

    def ended(
        self, ticket: Ticket, end: End, now_s: float, *, reason: str = "", retry_after_s: float | None = None
    ) -> None:
        """A call has ended.

        Args:
            ticket: the leave that it was made with.
            end: what that says of the judge.
            now_s: monotonic.
            reason: why it is away, in one line.
            retry_after_s: as told by the judge.
        """
        self.under_way -= 1
        if ticket.is_probe and ticket.epoch == self._epoch:
            self._probing = False
        if end is End.ANSWERED:
            self.answers += 1
            self.last_answered = max(self.last_answered, ticket.number)
            self._call_s += _NEWEST_WEIGHT * (now_s - ticket.sent_s - self._call_s)
            self._answered(ticket)
        elif end is End.AWAY:
            self._failed(ticket, now_s, reason, retry_after_s)

    def _answered(self, ticket: Ticket) -> None:
        if self._until_s is None:
            self._ceiling = min(self.most, self._ceiling + 1)
        elif ticket.is_probe and ticket.epoch == self._epoch:
            self._until_s = self.since_s = None
            self._failures = 0
            self._ceiling = min(self.most, 2)

    def _failed(self, ticket: Ticket, now_s: float, reason: str, retry_after_s: float | None) -> None:
        told_s = min(LONGEST_TOLD_S, retry_after_s or 0.0)
        if self._until_s is not None and not (ticket.is_probe and ticket.epoch == self._epoch):
            # Sent before it went away: no news, but perhaps it says for how long.
            self._until_s = max(self._until_s, now_s + told_s)
            return
        if self._until_s is None:
            if ticket.epoch != self._epoch:
                return  # sent before it was away the last time, and it has come back since
            self._epoch += 1
            self.since_s = now_s
        pause_s = FIRST_PAUSE_S * 2.0 ** min(self._failures, _MOST_DOUBLINGS) * (1 + _JITTER * self._draw())
        pause_s = min(LONGEST_PAUSE_S, pause_s)
        self._failures += 1
        self._until_s = now_s + max(pause_s, told_s)
        self.reason = reason
