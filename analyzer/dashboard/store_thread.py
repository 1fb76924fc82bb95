"""The store, asked from one thread: pages wait in line, not for ever, and are told since when nobody answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from config.model import Store
from runtime.offload import Offload
from store.errors import QueryFailed, SchemaMissing, StoreError, StoreUnavailable
from store.locate import Access, StoreConnection
from store.reader import Reader
from store.writer import Writer

ANSWER_S = 15.0
"""A page that waits longer has lost its reader."""
MAX_WAITING = 32
"""Questions in line; one more is refused."""
_NO_TABLES = frozenset({60, 81})
"""Error numbers of the server: there is no such table, or no such database."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer."""

    since: datetime
    """UTC; of the first failure in a row."""
    reason: str
    """One line."""


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)


class StoreThread:
    """One connection to the store."""

    def __init__(
        self, store: Store, access: Access, clock: Callable[[], datetime] = now, *, answer_s: float = ANSWER_S
    ) -> None:
        """`answer_s`: how long a question is waited for."""
        self._answer_s = answer_s
        self._connection = StoreConnection(store, access=access)
        self._writer = Writer(self._connection)
        self._thread = Offload(f"store {access}")
        self._clock = clock
        self._waiting = 0
        self.trouble: Trouble | None = None
        """None: it answered last time, or was not asked yet."""
        self.on_change: Callable[[Trouble | None], None] = lambda _trouble: None
        """Called when it goes away, and when it is back."""
        self.was_asked = False

    async def read(self, work: Callable[[Reader], T]) -> T:
        """What `work` makes of the store.

        Raises:
            StoreError: no answer; `trouble` says since when.
        """
        return await self._ask(lambda: work(Reader(self._connection.client())))

    async def write(self, work: Callable[[Writer], T]) -> T:
        """The same for rows: they are on the store's disk when it returns.

        Raises:
            StoreError: they may be there or not; `trouble` says since when.
        """
        return await self._ask(lambda: work(self._writer))

    def close(self) -> None:
        """Ends the thread; a question under way is not waited for."""
        self._thread.close()

    async def _ask(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailable(f"{MAX_WAITING} questions wait for the store already")
        loop = asyncio.get_running_loop()
        is_wanted = True

        def job() -> T | None:
            try:
                return work() if is_wanted else None  # nobody waits any more: the next one may
            except StoreUnavailable:
                self._connection.drop()
                raise
            finally:
                loop.call_soon_threadsafe(self._ended)

        self._waiting += 1
        try:
            async with asyncio.timeout(self._answer_s):
                found = await self._thread.call(job)
        except TimeoutError:
            raise self._failed(StoreUnavailable(f"the store gave no answer within {self._answer_s:g} s")) from None
        except QueryFailed as error:
            if error.code in _NO_TABLES:
                said = "the store has no tables yet; the recorder makes them when it starts"
                raise self._failed(SchemaMissing(said)) from None
            self._answered()  # it is there, and does not like the question
            raise
        except StoreError as error:
            raise self._failed(error) from None
        finally:
            is_wanted = False
        self._answered()
        return found  # type: ignore[return-value]

    def _ended(self) -> None:
        self._waiting -= 1

    def _failed(self, error: StoreError) -> StoreError:
        self.was_asked = True
        if self.trouble is None:
            self.trouble = Trouble(self._clock(), str(error))
            self.on_change(self.trouble)
        else:
            self.trouble = Trouble(self.trouble.since, str(error))
        return error

    def _answered(self) -> None:
        self.was_asked = True
        if self.trouble is not None:
            self.trouble = None
            self.on_change(None)
