"""What all parts of a judging process share, whatever configuration it works by."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from analyzer.judge.asking import Surroundings
from analyzer.judge.books import Books
from analyzer.judge.figures import Figures
from analyzer.judge.gate import Stopped
from analyzer.judge.journal import Journal
from analyzer.judge.purse import Purse
from store.errors import StoreError

T = TypeVar("T")
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_SAY_AFTER_S: Final = 10.0
"""The embedded store takes seconds to come up beside us: no news."""


class Lines(Protocol):
    """The log; `runtime.log.Log` is one."""

    def info(self, event: str, **fields: object) -> None:
        """Something an operator may want to know."""
        ...

    def warning(self, event: str, **fields: object) -> None:
        """Something an operator should look at."""
        ...

    def error(self, event: str, **fields: object) -> None:
        """Something that failed."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """Of one process."""

    books: Books
    purse: Purse
    journal: Journal
    figures: Figures
    around: Surroundings
    lines: Lines

    def fault(self, name: str, error: BaseException) -> None:
        """A surprise: counted, and said."""
        self.figures.faults += 1
        self.lines.error("internal error", task=name, error=f"{type(error).__name__}: {error}".partition("\n")[0])

    async def patiently(self, stopping: asyncio.Event, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The store's answer, however long that takes.

        Raises:
            Stopped: `stopping` was set first.
        """
        pause_s, since_s, is_told = _FIRST_PAUSE_S, self.around.now().steady_s, False
        while not stopping.is_set():
            try:
                answer = await question()
            except StoreError as error:
                away_s = self.around.now().steady_s - since_s
                if not is_told and away_s >= _SAY_AFTER_S:
                    is_told = True
                    self.lines.warning("the store does not answer; nothing is judged meanwhile", reason=str(error))
                await rest(stopping, pause_s)
                pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
            else:
                if is_told:
                    self.lines.info("the store answers again")
                return answer
        raise Stopped


async def rest(stopping: asyncio.Event, seconds: float) -> None:
    """Waits, but not beyond a stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
