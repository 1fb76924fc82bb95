"""One study per question, computed again and again while somebody looks, and shared by all who do.

A study costs about a second of the store, however many look: it is computed by one task per question, no more often
than a fifth of the time, and no longer than a minute after the last one has gone. While the store does not answer, the
last study stays, with the moment since when it is stale.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from analyzer.answering import Answer, Question, answer
from analyzer.dashboard.live.asked import LiveQuestion
from analyzer.metrics import Metric
from analyzer.narrowed import NarrowedPairs
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.model import Config
from runtime.tasks import Tasks
from store.errors import StoreError
from store.reader import Reader

LEAST_S = 2.0
SHARE = 4.0
"""After a study that took a second, the store has four for others."""
IDLE_S = 60.0
MOST = 8
"""Questions at once; the one that was looked at least recently makes room."""
FIRST_S = 1.5
"""How long a page waits for its first study; then it comes without, and the study as soon as it is there."""


class TooMany(Exception):  # noqa: N818 - says what happened
    """As many other questions are looked at as can be kept up to date."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a question."""

    version: int
    """Grows with every change."""
    made: Answer | None
    """None: there is no study yet."""
    at: datetime | None
    """When it was asked for, UTC."""
    took_s: float
    stale_since: datetime | None = None
    """The store has not answered since then."""
    trouble: str = ""
    """Why it does not."""


@dataclass(slots=True)
class _Kept:
    question: LiveQuestion
    view: View = View(0, None, None, 0.0)
    viewers: int = 0
    wanted_s: float = 0.0
    """When somebody last looked, by the monotonic clock."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: "asyncio.Task[None] | None" = None


class Asks(Protocol):
    """Something that asks the store in a thread: a `StoreThread`."""

    async def read(self, work: Callable[[Reader], Answer]) -> Answer:
        """What `work` makes of the store; StoreError where it gives no answer."""
        ...


class Watching:
    """All questions that are looked at."""

    def __init__(
        self,
        store: Asks,
        config: Callable[[], Config],
        metrics: tuple[Metric, ...],
        tasks: Tasks,
        clock: Callable[[], datetime],
    ) -> None:
        """
        Args:
            store: asks the store; studies wait in line there, and nothing else should.
            config: the configuration as of now.
            metrics: all that there are.
            tasks: keeps the tasks.
            clock: UTC.
        """
        self._store = store
        self._config = config
        self._metrics = metrics
        self._tasks = tasks
        self._clock = clock
        self._kept: dict[LiveQuestion, _Kept] = {}

    def __len__(self) -> int:
        """Questions that are kept up to date."""
        return len(self._kept)

    @contextlib.contextmanager
    def _looking(self, question: LiveQuestion) -> Iterator[_Kept]:
        """Somebody looks until the block ends."""
        kept = self._kept.get(question) or self._begin(question)
        kept.viewers += 1
        try:
            yield kept
        finally:
            kept.viewers -= 1
            kept.wanted_s = time.monotonic()

    def _begin(self, question: LiveQuestion) -> _Kept:
        if len(self._kept) >= MOST:
            self._make_room()
        kept = self._kept[question] = _Kept(question, wanted_s=time.monotonic())
        kept.task = self._tasks.start(f"live {question.query() or question.window}", self._keep(kept))
        return kept

    def _make_room(self) -> None:
        unwatched = [kept for kept in self._kept.values() if not kept.viewers]
        if not unwatched:
            raise TooMany(f"{MOST} other windows and filters are being looked at; close one of them, or try again")
        oldest = min(unwatched, key=lambda kept: kept.wanted_s)
        self._drop(oldest)

    def _drop(self, kept: _Kept) -> None:
        self._kept.pop(kept.question, None)
        if kept.task is not None:
            kept.task.cancel()

    async def view(self, question: LiveQuestion) -> View:
        """The latest; waits for the first one.

        Raises:
            TooMany: it cannot be kept up to date beside the others.
        """
        with self._looking(question) as kept:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_S), kept.changed:
                    await kept.changed.wait_for(lambda: kept.view.version > 0)
            return kept.view

    async def views(self, question: LiveQuestion, after: int, beat_s: float) -> AsyncGenerator[View | None, None]:
        """Each view later than `after` as it comes; None when nothing came for `beat_s` seconds.

        Raises:
            TooMany: it cannot be kept up to date beside the others.
        """
        with self._looking(question) as kept:
            while True:
                try:
                    async with asyncio.timeout(beat_s), kept.changed:
                        await kept.changed.wait_for(lambda: kept.view.version > after)  # noqa: B023 - awaited here
                except TimeoutError:
                    yield None
                    continue
                after = kept.view.version
                yield kept.view

    async def _keep(self, kept: _Kept) -> None:
        """Until nobody has looked for a minute."""
        try:
            while kept.viewers or time.monotonic() - kept.wanted_s < IDLE_S:
                began_s = time.monotonic()
                await self._renew(kept, began_s)
                await asyncio.sleep(max(LEAST_S, SHARE * (time.monotonic() - began_s)))
        finally:
            if self._kept.get(kept.question) is kept:
                del self._kept[kept.question]

    async def _renew(self, kept: _Kept, began_s: float) -> None:
        now, before = self._clock(), kept.view
        try:
            made = await self._study(kept.question, now)
            view = View(before.version + 1, made, now, time.monotonic() - began_s)
        except StoreError as error:
            view = _stale(before, now, str(error))
        except Exception as error:  # noqa: BLE001 - whatever one study holds, who looks is told, and the next may succeed
            self._tasks.report(f"live {kept.question.window}", error)
            view = _stale(before, now, "a fault of shadowbench; its log has one line about it")
        if view is before:
            return
        async with kept.changed:
            kept.view = view
            kept.changed.notify_all()

    async def _study(self, question: LiveQuestion, now: datetime) -> Answer:
        config, narrowing = self._config(), question.narrowing
        asked = Question(
            config,
            Window(now - timedelta(seconds=question.window_s), now),
            (),
            "anytime",
            # Part of the pairs is for looking: decisions are about all of them.
            config.policy if narrowing.is_all else None,
            self._metrics,
        )
        configured = [candidate.name for candidate in config.candidates]

        def work(reader: Reader) -> Answer:
            source = StoredPairs(reader.columns) if narrowing.is_all else NarrowedPairs(reader.columns, narrowing)
            return answer(source, asked, now, configured=configured)

        return await self._store.read(work)


def _stale(before: View, now: datetime, trouble: str) -> View:
    """The last view, and why there is no newer one; itself where that is known already."""
    if before.trouble == trouble:
        return before
    return replace(before, version=before.version + 1, stale_since=before.stale_since or now, trouble=trouble)
