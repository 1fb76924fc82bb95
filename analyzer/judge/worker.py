"""Takes due pairs, oldest first, and sees each of them through: many at once, as many as memory allows.

What is held is bounded three ways: pairs whose texts are held, bytes of these texts, and verdicts of the free rungs
that wait for their turn (`frontier`). While one of the bounds is reached nothing further is taken.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from analyzer.judge.books import Known
from analyzer.judge.drawing import Drawing
from analyzer.judge.embedding import Embedding
from analyzer.judge.frontier import Frontier
from analyzer.judge.gate import Stopped
from analyzer.judge.judging import Judging, Look
from analyzer.judge.ladder import Settled
from analyzer.judge.shared import Shared, rest
from analyzer.judge.walk import Walk
from runtime.tasks import Tasks
from store.judging.due import Listed
from store.judging.pair import Pair
from store.judging.survey import Spread

T = TypeVar("T")

MAX_OPEN: Final = 512
"""Pairs under way whose texts are held."""
MAX_TEXT_BYTES: Final = 64 * 2**20
"""Of these texts; beyond it one pair at a time."""
MAX_SETTLED: Final = 8_192
"""Verdicts of the free rungs that wait for drawn pairs before them."""
PAGE: Final = 256
TEXTS_AT_ONCE: Final = 32
"""Pairs whose texts are asked for together: an answer may have megabytes."""
IDLE_S: Final = 1.0
LOOK_AT_SPREAD_S: Final = 3600.0
SPREAD_OF: Final = timedelta(days=1)
OTHERS_TURN: Final = 8
"""So many pairs are looked at before everything else has its turn."""

Work = Callable[[], Coroutine[Any, Any, str]]
"""What is to be done with a pair; says what became of it. Raises Stopped: nothing yet."""
NewDrawing = Callable[[Mapping[int, Spread]], Drawing]


class Worker:
    """One stretch of judging, by one configuration; serves one event loop."""

    def __init__(
        self,
        shared: Shared,
        judging: Judging,
        embedding: Embedding | None,
        walk: Walk,
        *,
        rubric: str,
        max_age: timedelta | None,
        new_drawing: NewDrawing | None,
    ) -> None:
        """Of one plan.

        Args:
            shared: of the process.
            judging: makes rows of pairs.
            embedding: makes scores of them, where that takes embeddings.
            walk: hands out the pairs.
            rubric: with its version.
            max_age: older pairs are left out; None: none is.
            new_drawing: the draw by a new look at the spread of verdicts; None: the draw does not depend on it.
        """
        self._shared = shared
        self._judging = judging
        self._embedding = embedding
        self._walk = walk
        self._rubric = rubric
        self._max_age = max_age
        self._new_drawing = new_drawing
        self._next_spread_s = 0.0
        self._frontier = Frontier()
        self._tasks = Tasks(shared.fault)
        self._stopping = asyncio.Event()
        self._moved = asyncio.Event()
        self._under_way = 0
        self._texts = 0
        self._text_bytes = 0
        self._begun_until = walk.passed

    @property
    def taken_until(self) -> datetime:
        """All pairs that began before are finished."""
        oldest = self._frontier.oldest()
        return self._begun_until if oldest is None else min(oldest, self._begun_until)

    @property
    def open(self) -> int:
        """Pairs that were taken and are not finished."""
        return self._frontier.open

    @property
    def is_behind(self) -> bool:
        """Are there pairs in the store that were not taken yet?"""
        return not self._walk.is_at_end or self._begun_until < self._walk.passed

    @property
    def begun_until(self) -> datetime:
        """Pairs that began before were taken."""
        return self._begun_until

    async def run(self) -> None:
        """Takes pairs until it is stopped."""
        try:
            while True:
                if not await self._page():
                    await rest(self._stopping, IDLE_S)
        except Stopped:
            return

    async def run_to_end(self) -> None:
        """Takes all pairs of a walk that has an end, and sees them through.

        Raises:
            Stopped: it was stopped before.
        """
        while await self._page() or not self._walk.is_at_end:
            pass
        while self._frontier.open:
            await self._wait_for_a_move()

    def stop(self) -> None:
        """Nothing further is taken. What waits for its turn is given up; what was asked goes on to its end."""
        self._stopping.set()
        self._moved.set()
        self._frontier.close()

    async def ended(self) -> None:
        """Returns when nothing is under way any more."""
        while self._under_way:
            self._moved.clear()
            await self._moved.wait()

    async def cut(self) -> None:
        """Ends what is under way; calls among it were made, and nobody heard their end."""
        await self._tasks.close()
        self._under_way = 0  # one that had not begun could not say that it has ended

    async def _page(self) -> bool:
        """The next page of pairs; was there any?"""
        await self._look_at_spread()
        now = self._shared.around.now().utc
        page = await self._patiently(lambda: self._walk.page(PAGE, now))
        fresh = [pair for pair in page if self._max_age is None or pair.ts >= now - self._max_age]
        self._shared.figures.expired += len(page) - len(fresh)
        if fresh:
            known = await self._patiently(lambda: self._shared.books.known(fresh, self._rubric))
            scored = await self._scored(fresh)
            for begin in range(0, len(fresh), TEXTS_AT_ONCE):
                await self._take(fresh[begin : begin + TEXTS_AT_ONCE], known, scored)
        self._begun_until = self._walk.passed
        return bool(page)

    async def _scored(self, pairs: list[Listed]) -> set[tuple[UUID, str, str]]:
        return set() if self._embedding is None else await self._patiently(lambda: self._shared.books.scored(pairs))

    async def _take(self, some: list[Listed], known: Known, scored: set[tuple[UUID, str, str]]) -> None:
        texts = await self._patiently(lambda: self._shared.books.texts(some))
        for place, listed in enumerate(some):
            pair = texts.pop(listed.key, None)
            self._begun_until = listed.ts
            if pair is None:
                self._shared.figures.pair("without_texts")
                continue
            await self._room(_size(pair))
            self._begin(pair, known, scored)
            if place % OTHERS_TURN == OTHERS_TURN - 1:
                await asyncio.sleep(0)

    async def _room(self, size: int) -> None:
        while (
            self._texts >= MAX_OPEN
            or (self._texts and self._text_bytes + size > MAX_TEXT_BYTES)
            or self._frontier.open - self._texts >= MAX_SETTLED
        ):
            await self._wait_for_a_move()
        if self._stopping.is_set():
            raise Stopped

    async def _wait_for_a_move(self) -> None:
        if self._stopping.is_set():
            raise Stopped
        self._moved.clear()
        await self._moved.wait()

    def _begin(self, pair: Pair, known: Known, scored: set[tuple[UUID, str, str]]) -> None:
        look = self._judging.look(pair, known)
        if look.settled is not None:
            self._settle(look, look.settled)
        elif look.is_drawn:
            self._start(pair, lambda: self._judging.judge(look), is_drawn=True)
        elif look.drawn_again:
            self._start(pair, lambda: self._weigh_anew(look), is_drawn=True)
        else:
            self._shared.figures.pair("known" if look.is_known else "not_drawn")
        wanted = None if self._embedding is None else self._embedding.look(pair, known, scored)
        if self._embedding is not None and wanted is not None:
            score = self._embedding.score
            self._start(pair, lambda: score(wanted), is_drawn=False)

    async def _weigh_anew(self, look: Look) -> str:
        await self._judging.weigh_anew(look)
        return "known"

    def _settle(self, look: Look, settled: Settled) -> None:
        """The row only: a long line of them holds no texts."""
        number = self._frontier.take(look.pair.ts, is_drawn=False)
        row = self._judging.settled_row(look.pair, settled)

        async def store() -> str:
            await self._frontier.turn(number)
            await self._shared.journal.add(row)
            return settled.rung

        self._see_through(number, store, 0)

    def _start(self, pair: Pair, work: Work, *, is_drawn: bool) -> None:
        self._see_through(self._frontier.take(pair.ts, is_drawn=is_drawn), work, _size(pair))

    def _see_through(self, number: int, work: Work, size: int) -> None:
        self._under_way += 1
        self._texts += size > 0
        self._text_bytes += size
        self._tasks.start("pair", self._work(number, work, size))

    async def _work(self, number: int, work: Work, size: int) -> None:
        try:
            state = await work()
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - one pair must not keep all others from being judged
            self._shared.fault("pair", error)
            state = "given_up"
        finally:
            self._under_way -= 1
            self._texts -= size > 0
            self._text_bytes -= size
            self._moved.set()
        self._shared.figures.pair(state)
        self._frontier.finish(number)

    async def _look_at_spread(self) -> None:
        """Once an hour: where verdicts vary most is where more of them are worth having."""
        now = self._shared.around.now()
        if self._new_drawing is None or now.steady_s < self._next_spread_s:
            return
        spreads = await self._patiently(lambda: self._shared.books.spreads(now.utc - SPREAD_OF))
        self._judging.drawing = self._new_drawing(spreads)
        self._next_spread_s = now.steady_s + LOOK_AT_SPREAD_S

    async def _patiently(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await self._shared.patiently(self._stopping, question)


def _size(pair: Pair) -> int:
    """Roughly, in bytes; at least 1."""
    ours, theirs = pair.primary, pair.answer
    parts = (pair.request, ours.text, ours.tool_calls, theirs.text, theirs.tool_calls)
    return 1 + sum(map(len, parts))
