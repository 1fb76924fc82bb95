"""A budget of the fleet holds, up to the bound that `cli.supervisor.budget` derives."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.supervisor.budget import MAX_COPIES, TRIALS, copies_unknown_to_the_store
from proxy.recorder.spend_file import CandidateSpend
from tests.cli.supervisor.fleet import Fleet

DOLLAR, CENT = Decimal(1), Decimal("0.01")


def known(**fields: object) -> CandidateSpend:
    return CandidateSpend(**{"pairs": 10, "admitted": 10, "largest_usd": CENT, **fields})  # type: ignore[arg-type]


def test_what_is_left_is_granted_in_copies_of_the_dearest() -> None:
    """(1 - 0.20) / 0.01"""
    assert copies_unknown_to_the_store(DOLLAR, known(cost_usd=Decimal("0.20")), 1, 0) == 80


def test_copies_whose_cost_is_not_known_yet_count_as_the_dearest() -> None:
    """30 on their way and 5 that were cut short: (1 - 0.35) / 0.01"""
    assert copies_unknown_to_the_store(DOLLAR, known(admitted=40, uncosted=5), 1, 0) == 65


def test_lost_copies_count_for_the_whole_day() -> None:
    """They were sent, and will never be pairs: 100 sent, 90 pairs, 10 lost."""
    assert copies_unknown_to_the_store(DOLLAR, known(pairs=90, admitted=100, lost=10), 1, 0) == 90


def test_machines_share_what_is_left() -> None:
    assert copies_unknown_to_the_store(DOLLAR, known(), 3, 2) == 33


def test_an_answer_without_a_price_ends_the_day() -> None:
    assert copies_unknown_to_the_store(DOLLAR, known(unpriced=1), 1, 0) == 0


def test_answers_without_a_price_from_before_the_present_one_count_as_the_dearest() -> None:
    """(1 - 5 * 0.01) / 0.01; while no cost is known they are no reason not to try."""
    assert copies_unknown_to_the_store(DOLLAR, known(unpriced_before=5), 1, 0) == 95
    trial = CandidateSpend(pairs=50, admitted=50, unpriced_before=50)
    assert copies_unknown_to_the_store(DOLLAR, trial, 1, 0) == 1


def test_a_budget_that_is_used_up_grants_nothing() -> None:
    assert copies_unknown_to_the_store(DOLLAR, known(cost_usd=DOLLAR), 1, 0) == 0
    assert copies_unknown_to_the_store(DOLLAR, known(cost_usd=Decimal("0.995")), 1, 0) == 0
    assert copies_unknown_to_the_store(DOLLAR, known(cost_usd=Decimal("0.99")), 1, 0) == 1


def test_a_candidate_that_costs_nothing_is_not_held_back() -> None:
    assert copies_unknown_to_the_store(DOLLAR, known(largest_usd=Decimal(0)), 1, 0) == MAX_COPIES


@pytest.mark.parametrize(
    ("spend", "rank", "copies"),
    [
        (CandidateSpend(), 0, 1),
        (CandidateSpend(), 1, 0),
        (CandidateSpend(admitted=1), 0, 0),
        (CandidateSpend(admitted=3, pairs=3, uncosted=3), 0, 1),
        (CandidateSpend(admitted=1, lost=1), 0, 1),
        (CandidateSpend(admitted=TRIALS, pairs=TRIALS, uncosted=TRIALS), 0, 0),
    ],
)
def test_while_no_cost_is_known_one_copy_of_the_fleet_is_under_way(
    spend: CandidateSpend, rank: int, copies: int
) -> None:
    assert copies_unknown_to_the_store(DOLLAR, spend, 2, rank) == copies


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    machines=st.integers(1, 4),
    limit_cents=st.integers(1, 2000),
    largest=st.sampled_from([1, 10, 500]),
    troubles=st.sampled_from([0.0, 0.002, 0.02]),
)
def test_a_day_costs_at_most_the_derived_bound(
    seed: int, machines: int, limit_cents: int, largest: int, troubles: float
) -> None:
    """Random costs, delays, readings that stop, workers killed, supervisors started again."""
    limit = limit_cents * CENT
    fleet = Fleet(Random(seed), machines=machines, limit=limit, largest=largest)
    fleet.run(250, troubles=troubles)
    if fleet.store.copies:
        assert fleet.spent() <= fleet.bound(limit)


def test_one_machine_with_equal_costs_never_passes_its_budget() -> None:
    """Then nothing of the bound is left but the limit: 50 cents, a tenth of a cent each, while workers die."""
    for seed in range(5):
        fleet = Fleet(Random(seed), machines=1, limit=Decimal("0.5"), largest=1)
        fleet.run(500, troubles=0.01)
        assert Decimal("0.3") < fleet.spent() <= Decimal("0.5")


def test_a_budget_is_used_almost_whole_when_nothing_goes_wrong() -> None:
    for machines in (1, 3):
        fleet = Fleet(Random(machines), machines=machines, limit=Decimal(1), largest=1)
        fleet.run(1000, troubles=0.0)
        assert fleet.spent() >= Decimal("0.95")
        assert fleet.refused > 1000
