"""A walk over the pairs of the store in the order of their time, page by page, from where it ended the last time."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from analyzer.judge.books import Books
from store.judging.due import Listed, Position

UNKNOWN_BEHIND: Final = timedelta(seconds=60)
"""Where no recorder has said how far its rows are complete, pairs are left alone for so long."""

Until = Callable[[datetime], Awaitable[datetime]]
"""Now -> the moment before which all pairs are in the store. Raises StoreError."""


def behind_watermark(books: Books) -> Until:
    """Up to where no pair can still come."""

    async def until(now: datetime) -> datetime:
        mark = (await books.watermark(now)).at
        return now - UNKNOWN_BEHIND if mark is None else mark

    return until


class Walk:
    """One walk; what it has passed it does not come back to."""

    def __init__(self, books: Books, since: datetime, until: Until, *, candidates: Sequence[str] | None = None) -> None:
        """`since`: where it begins; `candidates`: only theirs, None: all, the control included."""
        self._books = books
        self._until = until
        self._candidates = candidates
        self._after: Position | None = None
        self.passed = since
        """All pairs that began before were handed out."""
        self.is_at_end = False
        """The last page held all there was."""

    async def page(self, limit: int, now: datetime) -> list[Listed]:
        """The next pairs, at most `limit`; empty: there are none for now.

        Raises:
            StoreError: no answer; the next call asks for the same page.
        """
        until = await self._until(now)
        if until <= self.passed:
            self.is_at_end = True
            return []
        found = await self._books.listed(self.passed, until, self._after, limit, self._candidates)
        self.is_at_end = len(found) < limit
        if found:
            self._after = Position.of(found[-1])
            self.passed = found[-1].ts
        if self.is_at_end:
            self._after, self.passed = None, until
        return found
