"""What a worker may send by its lease, and what it says of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.lease import ArmLease, even_part
from record.states import State
from runtime.link import Terms, Used

NOW = 1_000


def lease(slots: int = 2, *, budget: bool = False, rate: bool = False) -> ArmLease:
    return ArmLease(slots, has_budget=budget, has_rate=rate)


@given(st.integers(1, 1000), st.integers(1, 64))
def test_even_parts_add_up_to_the_bound(bound: int, workers: int) -> None:
    parts = [even_part(bound, workers, number) for number in range(workers)]
    assert sum(parts) == bound
    assert max(parts) - min(parts) <= 1


def test_without_budget_and_rate_copies_are_sent_before_the_first_lease() -> None:
    arm = lease(slots=2)
    assert arm.refusal(NOW) is None
    arm.begin()
    arm.begin()
    assert arm.refusal(NOW) is State.MAX_IN_FLIGHT
    arm.end()
    assert arm.refusal(NOW) is None
    assert (arm.in_flight, arm.is_limited) == (1, False)


@pytest.mark.parametrize(("limits", "state"), [({"budget": True}, State.BUDGET), ({"rate": True}, State.RATE_LIMIT)])
def test_without_a_lease_in_force_nothing_is_sent(limits: dict[str, bool], state: State) -> None:
    arm = lease(**limits)
    assert arm.refusal(NOW) is state
    arm.accept(Terms(2, budget_copies=5, rate_copies=5), NOW + 10)
    assert arm.refusal(NOW + 9) is None
    assert arm.refusal(NOW + 10) is state


def test_totals_count_from_the_start() -> None:
    arm = lease(slots=9, budget=True, rate=True)
    arm.accept(Terms(9, budget_copies=2, rate_copies=1), NOW + 10)
    arm.begin()
    assert arm.refusal(NOW) is State.RATE_LIMIT
    arm.accept(Terms(9, budget_copies=2, rate_copies=9), NOW + 10)
    arm.begin()
    arm.end()
    arm.end()
    assert arm.refusal(NOW) is State.BUDGET
    assert arm.used() == Used(in_flight=0, begun=2, ended=2, refused=2)


def test_the_first_reason_counts() -> None:
    arm = lease(slots=0, budget=True, rate=True)
    assert arm.refusal(NOW) is State.BUDGET
    arm.accept(Terms(0, budget_copies=1, rate_copies=0), NOW + 10)
    assert arm.refusal(NOW) is State.RATE_LIMIT
    arm.accept(Terms(0, budget_copies=1, rate_copies=1), NOW + 10)
    assert arm.refusal(NOW) is State.MAX_IN_FLIGHT


def test_a_lease_that_is_over_keeps_the_copies_under_way() -> None:
    arm = lease(slots=1)
    arm.accept(Terms(3), NOW)
    arm.begin()
    arm.begin()
    assert arm.refusal(NOW + 10**12) is None


def test_a_limit_that_a_reload_brings_needs_a_lease_first_and_one_that_it_takes_away_needs_none() -> None:
    arm = lease()
    arm.require(has_budget=True, has_rate=True)
    assert arm.refusal(NOW) is State.BUDGET
    arm.accept(Terms(2), NOW + 10)
    assert arm.refusal(NOW) is State.BUDGET, "a lease from before the supervisor knew of the budget"
    arm.accept(Terms(2, budget_copies=1, rate_copies=1), NOW + 10)
    assert arm.refusal(NOW) is None
    arm.require(has_budget=False, has_rate=False)
    arm.begin()
    assert arm.refusal(NOW + 10**12) is None
