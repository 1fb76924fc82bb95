"""Shared limits fail closed: whatever is late, lost or killed, no more is sent than the limits allow."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from cli.supervisor.candidate_leases import Limits
from cli.supervisor.leases import MAX_AGE_S, Leases
from proxy.recorder.ledger import unreported_copies
from proxy.shadow.lease import ArmLease
from record.states import State
from runtime.link import Terms
from tests.cli.supervisor.fleet import Fleet
from tests.cli.supervisor.test_leases import Two
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.recorder.stage import LogWriter, Shelf, record, whole_exchange

DOLLAR = Decimal(1)
LEASES = "cli/supervisor/leases.py"
CANDIDATE = "cli/supervisor/candidate_leases.py"
WORKER = "proxy/shadow/lease.py"
BUDGET = "cli/supervisor/budget.py"


@pytest.mark.parametrize("state", [State.BUDGET, State.RATE_LIMIT])
@protected_by(
    Mutation(WORKER, "or (self._has_budget and now_ns >= self._valid_until_ns)", ""),
    Mutation(WORKER, "or (self._has_rate and now_ns >= self._valid_until_ns)", ""),
)
def test_a_worker_whose_supervisor_hangs_sends_nothing_that_a_budget_or_a_rate_limits(state: State) -> None:
    arm = ArmLease(9, has_budget=state is State.BUDGET, has_rate=state is State.RATE_LIMIT)
    arm.accept(Terms(9, budget_copies=100, rate_copies=100), 1_000)
    assert arm.refusal(999) is None
    assert arm.refusal(1_000) is state


@protected_by(
    Mutation(LEASES, "max(self._since_ns, now_ns - int(MAX_AGE_S * 1e9))", "self._since_ns"),
    Mutation(CANDIDATE, "        part.budget.tell(number, min(part.budget.last, part.used.begun))\n", "        pass\n"),
)
def test_a_store_that_stops_answering_stops_copies_that_cost() -> None:
    two = Two(Limits(9, usd_per_day=DOLLAR))
    reading = two.reading()
    two.plan(reading)
    two.hear("proxy-0", 0, 7)
    two.now_s += MAX_AGE_S
    two.plan(reading)
    assert [two.budget(name) for name in two.names] == [7, 0]


@protected_by(Mutation(BUDGET, "if spend.unpriced or spend.cost_usd", "if spend.cost_usd"))
def test_a_model_without_a_price_stops_copies() -> None:
    two = Two(Limits(9, usd_per_day=DOLLAR))
    two.plan(two.reading(unpriced=1, largest_usd=Decimal("0.001")))
    assert [two.budget(name) for name in two.names] == [0, 0]


@protected_by(
    Mutation(CANDIDATE, "+ sum(grave.copies(since_ns) for grave in self._graves)", ""),
    Mutation(CANDIDATE, "if part.budget.most > part.history.begun_before(now_ns) or part.used.begun:", "if False:"),
)
def test_what_a_killed_worker_may_have_sent_since_its_last_word_is_not_granted_again() -> None:
    two = Two(Limits(9, usd_per_day=DOLLAR))
    two.plan(two.reading())
    two.hear("proxy-1", 0, 0)
    two.leases.end("proxy-0", two.now_ns)
    two.leases.begin("proxy-0")
    two.plan(two.reading())
    assert two.budget("proxy-1") + two.told["proxy-0"].terms["llama"].budget_copies <= 50  # type: ignore[operator]


@protected_by(Mutation(LEASES, "oldest_ns = max(self._since_ns, ", "oldest_ns = max(0, "))
def test_a_supervisor_that_starts_again_waits_for_a_reading_that_knows_of_its_predecessor() -> None:
    two = Two(Limits(9, usd_per_day=DOLLAR))
    two.leases = Leases({"llama": Limits(9, usd_per_day=DOLLAR)}, two.names, two.now_ns)
    two.leases.begin("proxy-0")
    two.plan(two.reading())
    assert two.budget("proxy-0") == 0


@protected_by(Mutation("proxy/recorder/ledger.py", "count - reported.get(candidate, {}).get(ADMITTED, 0)", "0"))
async def test_copies_that_a_dead_recorder_has_not_reported_count_against_the_budget(tmp_path: Path) -> None:
    worker = LogWriter(tmp_path)
    frames = whole_exchange(1)
    worker.write(*frames)
    worker.count(frames)
    await record(tmp_path, Shelf())
    worker.count(whole_exchange(2) + whole_exchange(3))
    assert unreported_copies(tmp_path)["llama"] == 2
    worker.die()


@protected_by(
    Mutation(CANDIDATE, "share.spend.unreported + ", ""),
    Mutation("cli/supervisor/part.py", "if heard_ns <= moment_ns), default=0)", "), default=0)"),
)
def test_a_budget_holds_while_workers_die_recorders_hang_and_reports_are_late() -> None:
    """With equal costs nothing is left of the bound but the budget itself."""
    for seed in range(5):
        fleet = Fleet(Random(seed), machines=1, limit=Decimal("0.5"), largest=1)
        fleet.run(500, troubles=0.01)
        assert fleet.spent() <= Decimal("0.5")


@protected_by(
    Mutation("cli/supervisor/part.py", "return max(self.slots.most, self.used.in_flight)", "return self.slots.last"),
)
def test_a_worker_that_has_not_read_that_its_part_shrank_keeps_others_from_getting_it() -> None:
    two = Two(Limits(10))
    two.hear("proxy-0", 0, 0)
    two.hear("proxy-1", 5, 5, refused=3)
    two.plan()
    for _ in range(5):
        two.now_s += 0.25
        two.hear("proxy-0", 0, 0, read=False)
        two.hear("proxy-1", 5, 5, refused=9)
        two.plan()
        assert two.slots("proxy-1") == 5
