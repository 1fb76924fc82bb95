"""The `judge` role: judges while it is the process at work, until the supervisor asks for a drain."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, Final

from analyzer.judge.books import Books, StoreBooks
from analyzer.judge.budget import Moment
from analyzer.judge.gate import Stopped
from analyzer.judge.leading import Identity, Leading, lock_directory
from analyzer.judge.models_seen import ModelsSeen
from analyzer.judge.notices import Notices
from analyzer.judge.plan import Plan, PlanError, plan_of
from analyzer.judge.shared import Lines
from analyzer.judge.shift import Shift
from analyzer.judge.wiring import now, shared
from runtime.link import Link, Order, Reload, RoleError, Start
from runtime.log import Log
from runtime.offload import Offload
from runtime.tasks import Tasks
from store.errors import StoreError

DRAIN_S: Final = 10.0
"""For calls under way to end and to be stored; the supervisor waits twenty seconds."""
LAST_WORDS_S: Final = 1.5
"""For what is said to the store last of all."""
_REPORT_S: Final = 1.0
_GC_THRESHOLDS: Final = (20_000, 20, 100)


async def run(start: Start, link: Link) -> None:
    """Judges the pairs of the configured store.

    Raises:
        RoleError: nobody can judge by this configuration.
    """
    lines = Log(start.name)
    try:
        plan = plan_of(start.config)
    except PlanError as error:
        raise RoleError(str(error)) from None
    role = _Role(start, plan, link, lines)
    link.obey(role.obey)
    link.ready(role.introduction())
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        await role.work()
    finally:
        await role.close()


class _Role:
    def __init__(self, start: Start, plan: Plan, link: Link, lines: Lines) -> None:
        config = start.config
        self._link = link
        self._plan = plan
        self._version = start.config_version
        self._is_new = False
        self._books: Books = StoreBooks(config.store)
        self._identity = Identity(lock_directory(config))
        self._leading = Leading(self._books, self._identity.number)
        self._shared = shared(plan, self._books, self._leading.may_start, lines)
        self._models_seen = ModelsSeen(lines.warning)
        self._notices = Notices(lines)
        self._offload = Offload("judge scores")
        self._tasks = Tasks(self._broke)
        self._broken: BaseException | None = None
        self._wake = asyncio.Event()
        self._shift: Shift | None = None

    def introduction(self) -> str:
        """For the operator, in one line."""
        judge = self._plan.judge
        limit = judge.budget.usd_per_day
        who = ", ".join(f"{model.name} ({model.model})" for model in judge.models) or "no judge, free rungs only"
        most = "" if not judge.models else ", no limit of dollars" if limit is None else f", ${limit:f} a day at most"
        return f"judging by {self._plan.rubric.id}: {who}{most}"

    def obey(self, order: Order) -> None:
        """Takes a configuration up: at once where nothing changes for us, else when calls under way have ended."""
        if not isinstance(order, Reload):
            return
        try:
            plan = plan_of(order.configuration())
        except Exception as error:  # noqa: BLE001 - it was checked, so this is a surprise; judging goes on as before
            self._shared.lines.error("reload failed", error=f"{type(error).__name__}: {error}".partition("\n")[0])
            self._link.reloaded(order.config_version, f"its reload failed: {error}".partition("\n")[0])
            return
        # The version that we have already means that files have changed which it names: perhaps certificates.
        if _same(plan, self._plan) and order.config_version != self._version:
            self._version = order.config_version
            self._link.reloaded(order.config_version)
            return
        self._plan, self._version, self._is_new = plan, order.config_version, True
        self._link.reloaded(order.config_version, "calls to judges that are under way end first")
        self._wake.set()

    def _broke(self, name: str, error: BaseException) -> None:
        """Something that all else rests on has ended."""
        self._shared.fault(name, error)
        self._broken = self._broken or error
        self._wake.set()

    async def work(self) -> None:
        """Shift after shift. Raises what broke it, if something did: the supervisor starts the role anew then."""
        journal = self._shared.journal
        self._tasks.start("journal", journal.keep())
        self._tasks.start("leading", self._leading.keep())
        self._tasks.start("report", self._report())
        self._tasks.start("stop", self._pass_on(self._link.stop.wait))
        self._tasks.start("leader", self._hear_of_leader())
        while not self._link.stop.is_set():
            self._take_up()
            if self._leading.is_leader:
                await self._work_a_shift()
            else:
                await self._until_woken()
            if self._broken is not None:
                raise self._broken

    def _take_up(self) -> None:
        """From now on the newest configuration."""
        self._shared.purse.budget.configure(self._plan.judge.budget)
        if self._is_new:
            self._is_new = False
            self._link.reloaded(self._version)

    async def _work_a_shift(self) -> None:
        shift = Shift(self._plan, self._shared, self._models_seen, self._offload, self._wake.set)
        self._shift = shift
        begin = self._tasks.start("begin", shift.begin())
        while not self._is_over() and shift.broken is None:
            await self._until_woken()
        shift.stop()
        await self._end(shift, begin)
        self._shift = None
        self._broken = self._broken or shift.broken

    def _is_over(self) -> bool:
        """Is the present shift?"""
        is_told = self._link.stop.is_set() or self._is_new
        return is_told or not self._leading.is_leader or self._broken is not None

    async def _end(self, shift: Shift, begin: "asyncio.Task[None]") -> None:
        """Calls end by themselves, each within its time; a drain waits for them so long and no longer."""

        async def ended() -> None:
            try:
                await begin
                await shift.ended()
            finally:
                self._wake.set()

        ending = self._tasks.start("end of a shift", ended())
        while not ending.done() and not self._link.stop.is_set() and self._broken is None:
            await self._until_woken()
        if not ending.done():
            await asyncio.wait([ending], timeout=DRAIN_S)
        if not ending.done():
            ending.cancel()
            self._shared.lines.warning("calls to judges were cut; their questions are asked again at the next start")
            await _briefly(shift.cut())
        await _briefly(shift.close())

    async def _until_woken(self) -> None:
        await self._wake.wait()
        self._wake.clear()

    async def _pass_on(self, sign: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        await sign()
        self._wake.set()

    async def _hear_of_leader(self) -> None:
        was = ""
        while True:
            await self._leading.changed.wait()
            self._leading.changed.clear()
            leader = self._leading.leader or ""
            if leader != was:
                was = leader
                if not self._leading.is_leader:
                    self._shared.lines.info("another process judges; this one stands by")
            self._shared.purse.look()
            self._wake.set()

    async def _report(self) -> None:
        while True:
            shift, moment = self._shift, now()
            self._notices.look(moment.steady_s, self._shared.purse, () if shift is None else shift.panel.all)
            self._link.report(self._figures(moment))
            await asyncio.sleep(_REPORT_S)

    def _figures(self, moment: Moment) -> dict[str, float]:
        shared, shift = self._shared, self._shift
        budget, journal, held = shared.purse.budget, shared.journal, shared.purse.held
        spent = budget.spent_usd(moment)
        present: dict[str, float | None] = {
            "at_work": float(self._leading.is_leader),
            "spent_usd": None if spent is None else float(spent),
            "budget_usd": None if budget.limit_usd is None else float(budget.limit_usd),
            "withdrawn_calls_total": float(journal.withdrawn),
            "store_away_seconds": journal.away_s(),
            "store_retries_total": float(journal.retries),
            "refused_rows_total": float(journal.refused),
        }
        for reason in ("store", "clock", "dollars", "rate", "standby"):
            present[f'held{{reason="{reason}"}}'] = float(held == reason)
        for table, count in journal.rows.items():
            present[f'rows_total{{table="{table}"}}'] = float(count)
        return shared.figures.report(present | dict(shift.figures() if shift is not None else {}))

    async def close(self) -> None:
        """Says that we have ended, so that nobody waits for us."""
        await self._tasks.close()
        has_resigned = await _briefly(self._books.resign(self._identity.number))
        self._identity.close(has_resigned=has_resigned)
        self._link.report(self._figures(now()))
        self._offload.close()
        await self._books.close()


def _same(one: Plan, other: Plan) -> bool:
    return one.judge == other.judge and one.rubric == other.rubric


async def _briefly(work: Coroutine[Any, Any, Any]) -> bool:
    """Did it end in time?"""
    try:
        async with asyncio.timeout(LAST_WORDS_S):
            await work
    except (TimeoutError, StoreError, Stopped):
        return False
    return True
