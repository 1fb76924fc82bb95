"""Every state has one class, and the groups of states do not overlap."""

from record.states import CLASS_OF, LOST, SKIPS, UNCAPTURED, State, StateClass


def test_every_state_has_a_class() -> None:
    assert set(CLASS_OF) == set(State)


def test_every_state_is_in_one_group() -> None:
    """received = uncaptured + skips + admitted, and what is admitted becomes open, a pair, or is lost."""
    groups = [UNCAPTURED, set(SKIPS), set(LOST), {State.OPEN, State.PAIR}]
    assert set().union(*groups) == set(State)
    assert sum(map(len, groups)) == len(State)


def test_only_what_a_verdict_may_blame_on_the_candidate_is_blamed_on_it() -> None:
    """Design: breaker_open and max_in_flight count as failures of the candidate; nothing that we lose does."""
    blamed = {state for state, cls in CLASS_OF.items() if cls is StateClass.CANDIDATE}
    assert blamed == {State.BREAKER_OPEN, State.MAX_IN_FLIGHT}
    assert all(CLASS_OF[state] is StateClass.OURS for state in LOST)
