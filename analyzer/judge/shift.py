"""One stretch of judging by one plan: from taking up where the last one ended to the end of what is under way."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from analyzer.judge.asking import interrupted
from analyzer.judge.drawing import Drawing
from analyzer.judge.embedding import Embedding
from analyzer.judge.gate import Stopped
from analyzer.judge.judging import Judging
from analyzer.judge.models_seen import ModelsSeen
from analyzer.judge.panel import Panel
from analyzer.judge.plan import Plan
from analyzer.judge.scores import ScoreWorker
from analyzer.judge.shared import Shared, rest
from analyzer.judge.walk import Walk, behind_watermark
from analyzer.judge.worker import Worker
from runtime.offload import Offload
from runtime.tasks import Tasks
from store.errors import StoreError
from store.judging.rows import CallRow

NOTE_EVERY_S: Final = 2.0
"""How far the work has come is said so often; whoever comes next takes up from there."""
COUNT_EVERY_S: Final = 30.0
LONG_AGO: Final = timedelta(hours=1)
"""No call takes so long: one that was asked before has no process any more, whatever it was asked by."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Shift:
    """`begin`, then `stop`, then `ended` or `cut`; serves one event loop."""

    def __init__(
        self, plan: Plan, shared: Shared, models_seen: ModelsSeen, offload: Offload, on_broken: Callable[[], None]
    ) -> None:
        """Of one plan.

        Args:
            plan: checked.
            shared: of the process.
            models_seen: of the process.
            offload: a thread for metrics of texts.
            on_broken: called when it cannot go on; `broken` says why.
        """
        self.broken: BaseException | None = None
        """What ended it, if it was not `stop`."""
        self._on_broken = on_broken
        self.plan = plan
        self.panel = Panel.of(plan, shared)
        self._shared = shared
        self._models_seen = models_seen
        self._offload = offload
        self._stopping = asyncio.Event()
        self._tasks = Tasks(self._broke)
        self._worker: Worker | None = None
        self._scores: ScoreWorker | None = None
        self._runs: list[asyncio.Task[None]] = []
        self._noted: dict[str, datetime] = {}
        self._due: int | None = None

    def _broke(self, name: str, error: BaseException) -> None:
        self._shared.fault(name, error)
        self.broken = self.broken or error
        self._on_broken()

    async def begin(self) -> None:
        """Takes up the work; ends when that is under way, or when it was stopped first."""
        try:
            await self._begin()
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - whoever began it hears of it there
            self._broke("begin", error)

    async def _begin(self) -> None:
        plan, max_age = self.plan, timedelta(seconds=self.plan.judge.max_age)
        await self._end_open_calls()
        self._worker = self._new_worker(await self._walk(plan.digest, max_age), max_age)
        texts_only = [metric for metric in plan.metrics if not metric.needs_vectors]
        if texts_only:
            walk = await self._walk(plan.scores_digest, max_age)
            self._scores = ScoreWorker(self._shared, texts_only, walk, max_age=max_age, offload=self._offload)
        if self._stopping.is_set():
            return
        for warning in plan.warnings:
            self._shared.lines.warning(warning)
        self._runs.append(self._tasks.start("pairs", self._worker.run()))
        if self._scores is not None:
            self._runs.append(self._tasks.start("scores", self._scores.run()))
        self._tasks.start("progress", self._note_again_and_again())
        self._tasks.start("due", self._count())

    def _new_worker(self, walk: Walk, max_age: timedelta) -> Worker:
        plan, shared = self.plan, self._shared
        judging = Judging(
            plan.judge,
            plan.rubric,
            self.panel.judges,
            journal=shared.journal,
            models_seen=self._models_seen,
            now=shared.around.now,
        )
        return Worker(
            shared,
            judging,
            self._embedding(),
            walk,
            rubric=plan.rubric.id,
            max_age=max_age,
            new_drawing=(lambda spreads: Drawing(plan.judge, spreads)) if plan.judge.draw == "spread" else None,
        )

    def _embedding(self) -> Embedding | None:
        plan, asker = self.plan, self.panel.embeddings
        if asker is None or plan.judge.embeddings is None:
            return None
        return Embedding(
            plan.judge,
            plan.judge.embeddings,
            [metric for metric in plan.metrics if metric.needs_vectors],
            asker,
            journal=self._shared.journal,
            now=self._shared.around.now,
            on_error=self._shared.fault,
        )

    async def _walk(self, plan: str, max_age: timedelta) -> Walk:
        """From where the plan had come; what has become too old meanwhile is counted."""
        books, oldest = self._shared.books, self._shared.around.now().utc - max_age
        taken = await self._shared.patiently(self._stopping, lambda: books.taken_until(plan))
        if taken is not None and taken < oldest and plan == self.plan.digest:
            since = taken
            left = await self._shared.patiently(self._stopping, lambda: books.waiting(since, oldest))
            self._shared.figures.expired += left.pairs
        return Walk(books, max(oldest, taken or _EPOCH), behind_watermark(books))

    async def _end_open_calls(self) -> None:
        """Calls of dead processes: what became of them nobody knows, so their questions are asked again.

        Calls of another rubric may be those of a process that judges a window beside us.
        """
        now = self._shared.around.now().utc
        rows = await self._shared.patiently(self._stopping, lambda: self._shared.books.open_calls(now))
        dead = [row for row in rows if row.rubric in {"", self.plan.rubric.id} or row.asked_at < now - LONG_AGO]
        await self._say_interrupted(dead)

    async def _say_interrupted(self, rows: list[CallRow]) -> None:
        for row in rows:
            self._shared.figures.ended(row.judge or "embeddings", "interrupted")
        await self._shared.journal.add(*map(interrupted, rows))

    async def _note_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(NOTE_EVERY_S)
            await self.note()

    async def note(self) -> None:
        """Says how far the work has come, where that has changed; one that is not heard is said again."""
        reached: dict[str, datetime] = {}
        if self._worker is not None:
            reached[self.plan.digest] = self._worker.taken_until
        if self._scores is not None:
            reached[self.plan.scores_digest] = self._scores.taken_until
        for plan, until in reached.items():
            if self._noted.get(plan) == until:
                continue
            try:
                await self._shared.books.advance(plan, until, self._shared.around.now().utc)
            except StoreError:
                continue
            self._noted[plan] = until

    async def _count(self) -> None:
        """Pairs that were not taken yet; asked for only while there are any."""
        while not self._stopping.is_set():
            worker = self._worker
            if worker is not None and worker.is_behind:
                since, now = worker.begun_until, self._shared.around.now().utc
                try:
                    self._due = (await self._shared.books.waiting(since, now)).pairs
                except StoreError:
                    self._due = None
            else:
                self._due = 0
            await rest(self._stopping, COUNT_EVERY_S)

    def stop(self) -> None:
        """Nothing further is asked; calls that were sent go on to their end."""
        self._stopping.set()
        for worker in (self._worker, self._scores):
            if worker is not None:
                worker.stop()
        self.panel.stop()
        self._shared.purse.send_away()

    async def ended(self) -> None:
        """Returns when all that was under way is stored."""
        await asyncio.gather(*self._runs, return_exceptions=True)
        if self._worker is not None:
            await self._worker.ended()

    async def cut(self) -> None:
        """Ends what is under way. Calls among it were made, and nobody heard their end."""
        cut = {call: row for asker in self.panel.all for call, row in asker.under_way.items()}
        if self._worker is not None:
            await self._worker.cut()
        await self._say_interrupted(list(cut.values()))

    async def close(self) -> None:
        """Says a last time how far it came, and closes all connections."""
        await self._tasks.close()
        await self.note()
        await self.panel.close()

    def figures(self) -> Mapping[str, float | None]:
        """For `Figures.report`."""
        now = self._shared.around.now().utc
        found: dict[str, float | None] = {}
        for asker in self.panel.all:
            labels = f'{{judge="{asker.shown}"}}'
            found[f"calls_in_flight{labels}"] = asker.away.under_way
            found[f"questions_waiting{labels}"] = asker.waiting
            found[f"away{labels}"] = float(asker.away.is_away)
        worker, scores = self._worker, self._scores
        if worker is not None:
            is_late = worker.open or worker.is_behind
            found['lag_seconds{work="judging"}'] = (now - worker.taken_until).total_seconds() if is_late else 0.0
            found["open_pairs"] = worker.open
            listed = self._due if worker.is_behind else 0
            found["due_pairs"] = None if listed is None else listed + worker.open
        if scores is not None:
            is_late = scores.is_behind
            found['lag_seconds{work="scoring"}'] = (now - scores.taken_until).total_seconds() if is_late else 0.0
        return found
