"""Judges a closed window once: the same journey as in the role, for the command line.

The day's budget holds for both together. With another rubric than the configured one both work side by side. With the
same one, pairs must not be asked about twice: while the role is at work the window ends where the role has come; and
while the window is judged, a role that starts stands by.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

from analyzer.judge.asking import interrupted
from analyzer.judge.books import Books, StoreBooks
from analyzer.judge.drawing import Drawing
from analyzer.judge.estimate import Estimate, estimate
from analyzer.judge.gate import Stopped
from analyzer.judge.judging import Judging
from analyzer.judge.leading import RUN_PREFIX, Identity, Leading, lock_directory
from analyzer.judge.models_seen import ModelsSeen
from analyzer.judge.panel import Panel
from analyzer.judge.plan import Plan, PlanError, plan_of
from analyzer.judge.purse import Waits
from analyzer.judge.rubric import RubricError, load
from analyzer.judge.shared import Lines, Shared
from analyzer.judge.walk import Walk
from analyzer.judge.wiring import now, shared
from analyzer.judge.worker import Worker
from config.model import Config
from runtime.tasks import Tasks
from store.errors import StoreError

PROGRESS_S: Final = 0.2
FIRST_ANSWER_S: Final = 60.0
"""A judge that has never answered is waited for so long."""
PATIENCE_S: Final = 900.0
"""One that has: longer than any `Retry-After` that is honoured."""
_STORE_S: Final = 60.0
_END_S: Final = 30.0


class RejudgeError(Exception):
    """Why a window cannot be judged, in one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come."""

    pairs: int
    """Pairs of the window that are finished, those without texts and those that were not drawn among them."""
    of: int
    """Pairs of the window."""
    judged: int
    failed: int
    calls: int
    usd: Decimal
    """Known costs."""
    waits: Waits | None
    """What the next call waits for; None: for nothing."""
    away: tuple[str, ...]
    """Judges that do not answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    why_stopped: str | None
    """In one line; None: all that was to be asked has come to an end."""
    settled: int
    """Pairs that a free rung settled."""
    judged: int
    failed: int
    """Pairs of which a question failed for good, or that a fault of ours ended."""
    known: int
    """Pairs that had been judged before."""
    not_drawn: int
    without_texts: int
    left: int
    """Pairs that are not finished."""
    calls: int
    usd: Decimal
    """Known costs."""
    unpriced: int
    """Calls whose cost is unknown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which pairs, and by what."""

    since: datetime
    """First start of a request."""
    until: datetime
    """First start that is left out."""
    candidates: tuple[str, ...] | None = None
    """None: all, but not the control."""
    rubric: str | None = None
    """A name or a file; None: the configured one."""
    takes_all: bool = False
    """All pairs, in place of the configured share."""


class Rejudge:
    """`async with Rejudge(config, asked, lines) as window:`, then `estimate`, then `run`."""

    def __init__(self, config: Config, asked: Asked, lines: Lines, books: Books | None = None) -> None:
        """Of one window.

        Args:
            config: with `judge`.
            asked: which pairs, and by what.
            lines: hears of warnings.
            books: in place of the configured store.

        Raises:
            RejudgeError: nobody can judge so.
        """
        self._config = config
        self._asked = asked
        self._until = asked.until
        self._lines = lines
        self._plan, self._is_configured = _plan(config, asked)
        self._books = books or StoreBooks(config.store)
        self._identity = Identity(None)
        self._leading: Leading | None = None
        self._tasks = Tasks(self._fault)
        self._candidates: Sequence[str] = ()

    @property
    def plan(self) -> Plan:
        """What is judged and how."""
        return self._plan

    async def __aenter__(self) -> Self:
        """Raises RejudgeError when another run is at work, StoreError when the store does not answer."""
        name = f"judge-run-{self._plan.rubric.digest[:16]}.lock"
        self._identity = Identity(lock_directory(self._config), prefix=RUN_PREFIX, name=name)
        try:
            if self._identity.is_taken:
                raise RejudgeError("another `judge run` by this rubric is at work on this machine; wait for its end")
            if self._is_configured:
                await self._stand_beside_the_role()
            asked = self._asked
            self._candidates = asked.candidates or await self._books.candidates(asked.since, self._until)
        except BaseException:
            await self._close()
            raise
        return self

    async def _stand_beside_the_role(self) -> None:
        """Judges in the role's place, or only what the role has passed."""
        leading = Leading(self._books, self._identity.number)
        await leading.beat()
        if leading.is_leader:
            self._leading = leading
            self._tasks.start("leading", leading.keep())
            return
        await self._books.resign(self._identity.number)
        if (leading.leader or "").startswith(RUN_PREFIX):
            raise RejudgeError("another `judge run` by this rubric is at work on another machine; wait for its end")
        taken = await self._books.taken_until(self._plan.digest)
        if taken is None or taken <= self._asked.since:
            raise RejudgeError(
                "the role `judge` is at work by this rubric, and takes up these pairs itself; ask for an older window, "
                "for another rubric, or stop `serve` meanwhile"
            )
        if taken < self._until:
            self._lines.warning(
                "the role `judge` is at work by this rubric: what began since then it takes up itself",
                until=taken.isoformat(timespec="seconds"),
            )
            self._until = taken

    async def estimate(self) -> Estimate:
        """What it would take.

        Raises:
            StoreError: no answer.
        """
        moment = datetime.now(UTC)
        return await estimate(
            self._plan, self._books, self._asked.since, self._until, self._candidates, now=moment
        )  # fmt: skip

    async def run(self, pairs: int, on_progress: Callable[[Progress], None]) -> Outcome:
        """Judges the window.

        Args:
            pairs: of the window, as estimated.
            on_progress: hears of it a few times a second.
        """
        process = shared(self._plan, self._books, self._may_start, self._lines)
        self._tasks.start("journal", process.journal.keep())
        await self._end_open_calls(process)
        panel = Panel.of(self._plan, process)
        worker = self._worker(process, panel)
        working = self._tasks.start("window", worker.run_to_end())
        why: str | None = None
        try:
            while not working.done() and (why := self._why_stop(process, panel)) is None:
                on_progress(_progress(process, panel, pairs))
                await asyncio.wait([working], timeout=PROGRESS_S)
        finally:
            worker.stop()
            panel.stop()
            process.purse.send_away()
            is_cut = not await _in_time(worker.ended())
            rows = [row for asker in panel.all for row in asker.under_way.values()]
            await worker.cut()
            if is_cut:
                await _in_time(process.journal.add(*map(interrupted, rows)))
            await panel.close()
        if why is None and (error := working.exception()) is not None and not isinstance(error, Stopped):
            why = f"a fault of shadowbench itself: {error}"
        on_progress(_progress(process, panel, pairs))
        return _outcome(process, max(0, pairs - process.figures.pairs()) if why is not None else 0, why)

    def _fault(self, name: str, error: BaseException) -> None:
        if not isinstance(error, Stopped):  # the way in which a window ends that is not finished
            self._lines.error("internal error", task=name, error=f"{type(error).__name__}: {error}")

    def _may_start(self) -> bool:
        return self._leading is None or self._leading.may_start()

    def _worker(self, process: Shared, panel: Panel) -> Worker:
        plan = self._plan

        async def until(_: datetime) -> datetime:
            return self._until

        judging = Judging(
            plan.judge,
            plan.rubric,
            panel.judges,
            journal=process.journal,
            models_seen=ModelsSeen(self._lines.warning),
            now=process.around.now,
        )
        return Worker(
            process,
            judging,
            None,
            Walk(self._books, self._asked.since, until, candidates=self._candidates),
            rubric=plan.rubric.id,
            max_age=None,
            new_drawing=(lambda spreads: Drawing(plan.judge, spreads)) if plan.judge.draw == "spread" else None,
        )

    async def _end_open_calls(self, process: Shared) -> None:
        """Those of a run of this rubric that died; beside a role, calls by its rubric are the role's."""
        if self._is_configured and self._leading is None:
            return
        rows = await self._books.open_calls(now().utc)
        dead = [interrupted(row) for row in rows if row.rubric == self._plan.rubric.id]
        await process.journal.add(*dead)

    def _why_stop(self, process: Shared, panel: Panel) -> str | None:
        """Why it cannot go on, in one line; None: it can."""
        moment_s, purse = now().steady_s, process.purse
        is_idle = purse.budget.is_read and not any(asker.under_way for asker in panel.all)
        if purse.held == "dollars" and is_idle:  # nothing will end that makes room
            limit = purse.budget.limit_usd
            return f"the day's budget (judge.budget.usd_per_day: ${limit:f}) is spent; run it again after midnight UTC"
        if self._leading is not None and not self._leading.is_leader:
            return "the role `judge` has taken over; what is left it takes up itself"
        if process.journal.away_s() > _STORE_S:
            return f"the store does not answer: {process.journal.reason}"
        for asker in panel.all:
            since_s = asker.away.since_s
            patience_s = PATIENCE_S if asker.away.answers else FIRST_ANSWER_S
            if since_s is not None and moment_s - since_s > patience_s:
                return f"{asker.shown} does not answer: {asker.away.reason}"
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._tasks.close()
        has_resigned = self._leading is not None and await _in_time(self._books.resign(self._identity.number))
        self._identity.close(has_resigned=has_resigned)
        await self._books.close()


def _plan(config: Config, asked: Asked) -> tuple[Plan, bool]:
    """The plan, and whether its rubric is the one of the role."""
    try:
        plan = plan_of(config, asked.rubric)
    except PlanError as error:
        raise RejudgeError(str(error)) from None
    try:
        configured = load(plan.judge.rubric).id
    except RubricError:  # then no role works by it
        configured = ""
    if not plan.judge.models:
        raise RejudgeError("judge.models names nobody to ask; name a judge there")
    if asked.takes_all:
        plan = replace(plan, judge=plan.judge.model_copy(update={"sample": 1.0}))
    return plan, plan.rubric.id == configured


def _progress(process: Shared, panel: Panel, pairs: int) -> Progress:
    figures = process.figures
    return Progress(
        figures.pairs(),
        max(pairs, figures.pairs()),
        figures.pairs("judged"),
        figures.pairs("failed", "given_up"),
        figures.calls,
        figures.usd,
        process.purse.held,
        tuple(asker.shown for asker in panel.all if asker.away.is_away),
    )


def _outcome(process: Shared, left: int, why: str | None) -> Outcome:
    figures = process.figures
    return Outcome(
        why,
        settled=figures.pairs("equal", "structure"),
        judged=figures.pairs("judged"),
        failed=figures.pairs("failed", "given_up"),
        known=figures.pairs("known"),
        not_drawn=figures.pairs("not_drawn"),
        without_texts=figures.pairs("without_texts"),
        left=left,
        calls=figures.calls,
        usd=figures.usd,
        unpriced=figures.unpriced,
    )


async def _in_time(work: Coroutine[Any, Any, object]) -> bool:
    try:
        async with asyncio.timeout(_END_S):
            await work
    except (TimeoutError, StoreError):
        return False
    return True
