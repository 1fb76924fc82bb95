"""Metrics that are made of texts alone: for every pair, the control's among them, whatever judges and budgets do.

They walk by themselves, since they wait for nobody: while a judge is away, or the day's dollars are spent, they go on.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from analyzer.judge.embedding import score_row
from analyzer.judge.gate import Stopped
from analyzer.judge.shared import Shared, rest
from analyzer.judge.walk import Walk
from analyzer.text_metrics.declared import TextMetric
from analyzer.text_metrics.scoring import score_pair
from runtime.offload import Offload
from store.judging.due import Listed
from store.judging.pair import Pair
from store.judging.rows import ScoreRow

PAGE: Final = 256
TEXTS_AT_ONCE: Final = 32
IDLE_S: Final = 1.0


class ScoreWorker:
    """One stretch of scoring, by one configuration; serves one event loop."""

    def __init__(
        self, shared: Shared, metrics: Sequence[TextMetric], walk: Walk, *, max_age: timedelta, offload: Offload
    ) -> None:
        """`metrics`: those that need no vectors; `offload`: a thread of its own, for a text may take a while."""
        self._shared = shared
        self._metrics = metrics
        self._walk = walk
        self._max_age = max_age
        self._offload = offload
        self._stopping = asyncio.Event()
        self._failing: set[str] = set()
        self.taken_until = walk.passed
        """All pairs that began before are scored."""

    @property
    def is_behind(self) -> bool:
        """Are there pairs in the store that were not scored yet?"""
        return not self._walk.is_at_end or self.taken_until < self._walk.passed

    async def run(self) -> None:
        """Scores pairs until it is stopped."""
        try:
            while True:
                if not await self._page():
                    await rest(self._stopping, IDLE_S)
        except Stopped:
            return

    def stop(self) -> None:
        """Nothing further is taken."""
        self._stopping.set()

    async def _page(self) -> bool:
        now = self._shared.around.now().utc
        page = await self._shared.patiently(self._stopping, lambda: self._walk.page(PAGE, now))
        fresh = [pair for pair in page if pair.ts >= now - self._max_age]
        if fresh:
            scored = await self._shared.patiently(self._stopping, lambda: self._shared.books.scored(fresh))
            names = {metric.name for metric in self._metrics}
            left = [p for p in fresh if any((*p.key, name) not in scored for name in names)]
            for begin in range(0, len(left), TEXTS_AT_ONCE):
                await self._score(left[begin : begin + TEXTS_AT_ONCE])
        self.taken_until = self._walk.passed
        return bool(page)

    async def _score(self, some: Sequence[Listed]) -> None:
        """All metrics of a pair again where one is missing: the newest row counts, and they say the same."""
        texts = await self._shared.patiently(self._stopping, lambda: self._shared.books.texts(some))
        rows = await self._offload.call(lambda: self._rows(list(texts.values()), self._shared.around.now().utc))
        await self._shared.journal.add(*rows)
        self._shared.figures.scores += len(rows)
        self.taken_until = some[0].ts

    def _rows(self, pairs: Sequence[Pair], now: datetime) -> list[ScoreRow]:
        return [
            score_row(pair, name, scores, 1.0, now)
            for pair in pairs
            for name, scores in score_pair(pair, self._metrics, self._failed)
        ]

    def _failed(self, metric: str, error: Exception) -> None:
        """Once per metric: a plug-in that fails, fails for every pair."""
        if metric not in self._failing:
            self._failing.add(metric)
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            self._shared.lines.warning("a metric of texts fails; such pairs have no score", metric=metric, error=said)
