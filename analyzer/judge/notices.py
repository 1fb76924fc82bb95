"""Tells the operator what judging waits for: once it has lasted, and when it is over."""

from collections.abc import Iterable
from typing import Final

from analyzer.judge.asking import Asker
from analyzer.judge.purse import Purse, Waits
from analyzer.judge.shared import Lines

SAY_AFTER_S: Final = 10.0
"""A judge that is restarted, and the store beside us that comes up, are no news."""
_HELD: Final[dict[Waits, str]] = {
    "dollars": "the day's budget is spent (judge.budget.usd_per_day); judging goes on at midnight UTC",
    "store": "there is no fresh reading of the spend, so nothing is asked",
    "clock": "the clocks of this machine and of the store are on different days, so nothing is asked",
    "standby": "the store has not heard of this process for a while, so nothing is asked",
}
"""The minute's part is used up again and again: no news either."""


class Notices:
    """What was said by one process."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._held: Waits | None = None
        self._away: set[str] = set()

    def look(self, now_s: float, purse: Purse, askers: Iterable[Asker]) -> None:
        """Called about once a second.

        Args:
            now_s: steady clock.
            purse: what all wait for.
            askers: all judges of the present plan.
        """
        self._look_at_purse(now_s, purse)
        for asker in askers:
            self._look_at_judge(now_s, asker)

    def _look_at_purse(self, now_s: float, purse: Purse) -> None:
        held, since_s = purse.held, purse.held_since_s
        if held == self._held:
            return
        if held is None or held not in _HELD:
            if self._held is not None:
                self._lines.info("judging goes on")
            self._held = None
        elif since_s is not None and now_s - since_s >= SAY_AFTER_S:
            self._held = held
            self._lines.warning(_HELD[held])

    def _look_at_judge(self, now_s: float, asker: Asker) -> None:
        away, name = asker.away, asker.shown
        since_s = away.since_s
        if since_s is None:
            if name in self._away:
                self._away.discard(name)
                self._lines.info("a judge answers again", judge=name)
        elif name not in self._away and now_s - since_s >= SAY_AFTER_S:
            self._away.add(name)
            said = "a judge does not answer; its questions wait, and none of them is lost"
            self._lines.warning(said, judge=name, reason=away.reason)
