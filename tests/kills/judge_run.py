"""One run: pairs in a store, a judge process that is killed again and again while it asks, and the account.

Half of the money comes at first; when it is spent a budget that was not kept would show. The rest comes afterwards.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from config.model import Config
from store.errors import StoreUnavailable
from store.locate import close, connect
from store.reader import Reader
from tests.fakes.judge import Call, JudgeUpstream
from tests.fakes.judge_role import PATIENCE_S, JudgeRole, configuration
from tests.fakes.judged_pairs import fill
from tests.kills.judge_account import read_account
from tests.kills.judge_oracle import JudgeFindings, JudgeLists, judge
from tests.kills.judge_pairs import CANDIDATES, Answering, expected, requests
from tests.store.owners import Transient, store_at

JUDGE = "the judge"
STORE = "the store"
BOTH = "judge and store"
_KINDS = (JUDGE,) * 6 + (STORE, BOTH)
_MOST_IN_FLIGHT = 24
_LATELY_S = 1.0
"""An answer is on the store's disk so long after it came, unless the machine is very busy."""
_MOST_USD = Decimal("0.013")
"""Of one call, by the size of a usual one."""
_FIGURES_S = 1.2
"""Figures come every second."""
_AT_WORK_S = 10.0
"""Within this it asks, if there is anything to ask and money for it."""
_OVER = """
SELECT (SELECT uniqExact(request_id, candidate) FROM judgements)
    + (SELECT uniqExact(request_id, candidate) FROM judge_calls WHERE is_final AND outcome != 'ok') AS n
"""
"""Pairs with a judgement, or with a failure for good."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What a run came to."""

    kills: Counter[str]
    findings: JudgeFindings
    in_flight: int
    """At all kills together."""
    rate_limited: int
    bill_usd: Decimal
    committed_usd: Decimal
    first_budget_usd: Decimal
    bill_at_first_budget_usd: Decimal
    """When nothing more could be asked for the money of the first half."""
    seconds: float

    def lines(self) -> list[str]:
        """The table of counts."""
        found = self.findings
        return [
            f"{self.kills.total()} kills in {self.seconds:.0f} s: "
            + ", ".join(f"{kind} {n}" for kind, n in self.kills.most_common()),
            f"{found.questions} questions, {found.calls} calls, {self.rate_limited} answered with 429",
            f"pairs judged {found.judged}, settled without a judge {found.settled}, refused {found.refused}",
            f"in flight at the kills {self.in_flight}; interrupted {found.interrupted}",
            f"noted and never sent {found.never_sent}, of these taken back {found.taken_back}",
            f"paid twice {found.paid_twice}",
            f"first budget {self.first_budget_usd:.6f}, bill when it was spent {self.bill_at_first_budget_usd:.6f}",
            f"bill {self.bill_usd:.6f}, committed {self.committed_usd:.6f}",
        ]


@dataclass(slots=True)
class _Stage:
    """Processes of a run, and what happened to them."""

    directory: Path
    upstream: JudgeUpstream
    owner: Transient
    pairs: int
    role: JudgeRole | None = None
    kills: Counter[str] = field(default_factory=Counter)
    in_flight: list[int] = field(default_factory=list)

    def configured(self, usd_per_day: Decimal | None) -> Config:
        model = {
            "name": "strict",
            "url": self.upstream.url,
            "model": "judge-model",
            "price": self.upstream.price.configured(),
            "max_in_flight": _MOST_IN_FLIGHT,
            "max_tokens": 64,
        }
        budget = {"usd_per_day": None if usd_per_day is None else str(usd_per_day)}
        return configuration(self.directory, [model], budget=budget)

    def start(self, config: Config) -> None:
        self.role = JudgeRole(config, log=self.directory / "judge.out")

    def kill(self, kind: str) -> None:
        """What is in flight is counted just before."""
        recent_s = time.monotonic() - _LATELY_S
        calls = reversed(self.upstream.calls)
        self.in_flight.append(sum(_is_open(call, recent_s) for call in calls))
        self.kills[kind] += 1
        if kind in {JUDGE, BOTH} and self.role is not None:
            self.role.kill()
        if kind in {STORE, BOTH}:
            self.owner.kill()
            self.owner = Transient(self.directory / "store")
            assert self.owner.report().get("error") is None

    def end(self) -> None:
        if self.role is not None:
            self.role.__exit__()
        self.owner.stop()


def _is_open(call: Call, recent_s: float) -> bool:
    return call.ended_s is None or call.ended_s > recent_s


async def kill_often(directory: Path, *, kills: int, pairs: int, seed: int, say: Say = lambda _: None) -> JudgeReport:
    """Runs in an empty directory.

    Raises:
        AssertionError: judging did not come to an end.
    """
    began_s, chance = time.monotonic(), random.Random(f"{seed} kills")
    asked, answering = requests(pairs, seed), Answering(seed)
    async with JudgeUpstream(answering) as upstream:
        owner = Transient(directory / "store")
        assert owner.report().get("error") is None
        stage = _Stage(directory, upstream, owner, pairs)
        try:
            await asyncio.to_thread(fill, store_at(directory / "store"), list(asked.values()))
            first = await _on_half_the_money(stage, list(asked), kills // 2, chance, say)
            await _to_the_end(stage, kills - kills // 2, chance, say)
            account = await asyncio.to_thread(read_account, store_at(directory / "store"))
        finally:
            await asyncio.to_thread(stage.end)
        is_view_whole = not stage.kills[BOTH]
        lists = JudgeLists(asked, answering, upstream, stage.in_flight, _MOST_IN_FLIGHT, is_view_whole)
        return JudgeReport(
            kills=stage.kills,
            findings=judge(lists, account),
            in_flight=sum(stage.in_flight),
            rate_limited=answering.rate_limited,
            bill_usd=upstream.usd,
            committed_usd=account.committed_usd,
            first_budget_usd=first[0],
            bill_at_first_budget_usd=first[1],
            seconds=time.monotonic() - began_s,
        )


async def _on_half_the_money(
    stage: _Stage, names: list[str], kills: int, chance: random.Random, say: Say
) -> tuple[Decimal, Decimal]:
    """The budget, and the bill when no more was asked for it."""
    # What was in flight at a kill, or noted for its turn, is held against it with the most that it can cost.
    budget = _likely_usd(stage.upstream, names) / 2 + kills * _MOST_IN_FLIGHT * _MOST_USD
    today = datetime.now(UTC).date()
    stage.upstream.most_usd_per_day = budget
    config = stage.configured(budget)
    await _blows(stage, config, kills, chance, say)
    await _until_spent(stage, budget)
    if datetime.now(UTC).date() != today:  # another day, other money
        stage.upstream.over_budget.clear()
    stage.upstream.most_usd_per_day = None
    assert stage.role is not None
    await asyncio.to_thread(stage.role.stop)
    return budget, stage.upstream.usd


def _likely_usd(upstream: JudgeUpstream, names: list[str]) -> Decimal:
    """What all questions will cost, by the size of a usual one."""
    return len(expected(names)) * (1_300 * upstream.price.input + 15 * upstream.price.output) / 10**6


async def _to_the_end(stage: _Stage, kills: int, chance: random.Random, say: Say) -> None:
    config = stage.configured(None)
    await _blows(stage, config, kills, chance, say)
    await _until_judged(stage)
    assert stage.role is not None
    assert await asyncio.to_thread(stage.role.stop) == 0


async def _blows(stage: _Stage, config: Config, kills: int, chance: random.Random, say: Say) -> None:
    """Starts it, and kills it so many times; in the end it runs."""
    await asyncio.to_thread(stage.start, config)
    for number in range(1, kills + 1):
        # It is to be at work when it dies, sometimes just begun; without money it has nothing to do.
        await _until_at_work(stage)
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        kind = JUDGE if number == 1 else chance.choice(_KINDS)
        under_way = stage.upstream.under_way
        await asyncio.to_thread(stage.kill, kind)
        if kind != STORE:
            await asyncio.to_thread(stage.start, config)
        say(f"{number:4} {kind:<16} {under_way} under way, {len(stage.upstream.calls)} calls so far")


async def _until_spent(stage: _Stage, budget: Decimal) -> None:
    """Until it waits for money, and what is left is hardly enough for a call; or until all is judged, if that is first.

    Who waits tries again with every call that ends, so the last cents go slowly.
    """
    held, spent = 'shadowbench_judge_held{reason="dollars"}', "shadowbench_judge_spent_usd"
    deadline_s, since_s = time.monotonic() + 4 * PATIENCE_S, time.monotonic()
    while time.monotonic() - since_s < _FIGURES_S:
        assert time.monotonic() < deadline_s, stage.role.figures if stage.role else "no role"
        is_spent = _figure(stage, held) and _figure(stage, spent) > float(budget - 2 * _MOST_USD)
        if stage.upstream.under_way or not is_spent:
            if await asyncio.to_thread(_is_judged, stage):
                return
            since_s = time.monotonic()
        await asyncio.sleep(0.05)


async def _until_judged(stage: _Stage) -> None:
    """Until every pair has its judgement, or the failure that there is to be."""
    deadline_s = time.monotonic() + 4 * PATIENCE_S
    while not await asyncio.to_thread(_is_judged, stage):
        assert time.monotonic() < deadline_s, stage.role.figures if stage.role else "no role"
        await asyncio.sleep(0.2)


def _figure(stage: _Stage, name: str) -> float:
    return stage.role.figures.get(name, 0.0) if stage.role is not None else 0.0


def _is_judged(stage: _Stage) -> bool:
    try:
        client = connect(store_at(stage.directory / "store"), access="reader", start_owner=False)
    except StoreUnavailable:
        return False
    try:
        (row,) = Reader(client).query(_OVER)
        return bool(row["n"] >= len(CANDIDATES) * stage.pairs)
    finally:
        close(client)


async def _until_at_work(stage: _Stage) -> None:
    before, deadline_s = len(stage.upstream.calls), time.monotonic() + _AT_WORK_S
    while len(stage.upstream.calls) == before and time.monotonic() < deadline_s:
        assert stage.role is not None
        assert stage.role.is_running(), stage.role.failure
        await asyncio.sleep(0.02)
