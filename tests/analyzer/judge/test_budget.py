"""Dollars and minutes: what a reading allows, and that several spenders together stay within the day's budget."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from analyzer.judge.budget import STALE_S, Budget, Moment
from config.judge import JudgeBudget
from store.judging.calls import Spend

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
D = Decimal


def at(seconds: float = 0.0) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), 1000.0 + seconds)


def spend(committed: Any = 0, last_minute: int = 0, now: Moment | None = None) -> Spend:
    return Spend((now or at()).utc.date(), D(committed), D(0), 0, 0, 0, last_minute)


def budget(usd: Any = 10, per_minute: int | None = None) -> Budget:
    return Budget(JudgeBudget.model_validate({"usd_per_day": usd, "calls_per_minute": per_minute}))


def test_without_a_reading_nothing_is_asked() -> None:
    ours = budget(None)
    assert ours.held(D(0), at()) == "store"
    ours.read(spend(), at(), D(0))
    assert ours.held(D(0), at(STALE_S)) is None
    assert ours.held(D(0), at(STALE_S + 0.1)) == "store"
    assert ours.spent_usd(at(STALE_S + 0.1)) is None


def test_the_last_cent_may_be_spent_and_no_more() -> None:
    ours = budget(10)
    ours.read(spend("9.99"), at(), D(0))
    assert ours.held(D("0.01"), at()) is None
    assert ours.held(D("0.010000001"), at()) == "dollars"


def test_what_was_reserved_counts_until_a_reading_knows_it() -> None:
    ours = budget(1)
    ours.read(spend(0), at(), D(0))
    ours.reserve(D("0.6"), at())
    assert ours.held(D("0.5"), at()) == "dollars"
    ours.read(spend("0.2"), at(1), D("0.6"))  # the call has ended, and cost less
    assert ours.held(D("0.8"), at(1)) is None
    ours.reserve(D("0.8"), at(1))
    ours.give_back(D("0.8"))
    assert ours.held(D("0.8"), at(1)) is None


def test_midnight_is_that_of_the_store() -> None:
    """While the two clocks are on different days nobody knows whose budget a call would count to."""
    ours = budget(1)
    ours.read(spend(1), at(), D(0))
    midnight = Moment(datetime(2026, 5, 2, tzinfo=UTC), 1010.0)
    assert ours.held(D("0.1"), midnight) == "clock"
    ours.read(spend(0, now=midnight), midnight, D(0))
    assert ours.held(D("0.1"), midnight) is None


def test_a_call_that_no_day_has_room_for_can_never_be_made() -> None:
    assert budget(1).can_ever(D(1))
    assert not budget(1).can_ever(D("1.000000001"))
    assert budget(None).can_ever(D(10**9))


def test_calls_of_a_minute_slide() -> None:
    ours = budget(None, per_minute=3)
    ours.read(spend(), at(), D(0))
    for second in (0, 10, 20):
        assert ours.held(D(0), at(second)) is None
        ours.reserve(D(0), at(second))
    assert ours.held(D(0), at(29)) == "rate"
    ours.read(spend(last_minute=3), at(29), D(0))
    assert ours.held(D(0), at(59)) == "rate"
    ours.read(spend(last_minute=3), at(59), D(0))
    assert ours.held(D(0), at(60.1)) is None


def test_calls_of_a_process_before_this_one_count() -> None:
    """Kill and start again is no way around the limit."""
    ours = budget(None, per_minute=100)
    ours.read(spend(last_minute=100), at(), D(0))
    assert ours.held(D(0), at()) == "rate"
    ours.read(spend(last_minute=0), at(5), D(0))
    assert ours.held(D(0), at(5)) is None


@pytest.mark.parametrize(
    ("committed", "kept"),
    [(10, [True, True, True]), (11, [True, True, False]), ("11.5", [True, False, False]), (20, [False] * 3)],
)
def test_what_the_day_has_no_room_for_is_taken_back_from_the_end(committed: Any, kept: list[bool]) -> None:
    ours = budget(10)
    ours.read(spend(committed), at(), D(0))
    assert ours.kept([(NOON, D(1))] * 3) == kept


def test_calls_of_another_day_are_taken_back() -> None:
    ours = budget(10)
    ours.read(spend(1), at(), D(0))
    assert ours.kept([(NOON - timedelta(days=1), D(1)), (NOON, D(1))]) == [False, True]
    assert budget(10).kept([(NOON, D(1))]) == [False]


@dataclass
class Spender:
    """A process: reserves, writes down, reads, then calls or takes back."""

    budget: Budget
    written: list[Decimal] = field(default_factory=list)
    begun: list[Decimal] = field(default_factory=list)


@pytest.mark.parametrize("seed", range(30))
def test_several_processes_together_never_commit_more_than_the_budget(seed: int) -> None:
    """Steps of four processes in any order: no call is begun with which the day could cost more than its limit."""
    random = Random(seed)
    limit, stored, at_risk, done = D(5), D(0), D(0), D(0)
    processes = [Spender(budget(limit)) for _ in range(4)]
    for process in processes:
        process.budget.read(spend(0), at(), D(0))
    for _ in range(3000):
        process = random.choice(processes)
        step = random.random()
        if step < 0.5 and len(process.written) < 8:
            bound = D(random.randrange(1, 60)) / 100
            if process.budget.held(bound, at()) is None:
                process.budget.reserve(bound, at())
                process.written.append(bound)
                stored += bound
        elif step < 0.75 and process.written:
            process.budget.read(spend(stored), at(), sum(process.written, D(0)))
            for bound, kept in zip(
                process.written, process.budget.kept([(NOON, b) for b in process.written]), strict=True
            ):
                if kept:
                    process.begun.append(bound)
                    at_risk += bound
                else:
                    stored -= bound
            process.written = []
        elif step < 0.8 and not process.written:
            process.budget.read(spend(stored), at(), D(0))
        elif process.begun:
            bound = process.begun.pop()
            cost = bound * random.randrange(0, 101) / 100
            stored, at_risk, done = stored - bound + cost, at_risk - bound, done + cost
        assert done + at_risk <= limit
    assert done > limit * D("0.9")
