"""Bounds are shared out fairly, and nobody holds what another was given."""

from hypothesis import given
from hypothesis import strategies as st

from cli.supervisor.sharing import Promised, share_out

WANTS = st.lists(st.integers(0, 200), min_size=1, max_size=8)


@given(st.integers(0, 500), WANTS)
def test_all_of_it_is_shared_out_and_no_more(total: int, wants: list[int]) -> None:
    parts = share_out(total, wants)
    assert sum(parts) == total
    assert min(parts) >= 0


@given(st.integers(0, 500), WANTS)
def test_whoever_goes_short_has_at_least_as_much_as_anybody_less_one(total: int, wants: list[int]) -> None:
    """Max-min fairness: a part that is too small could only grow by making a smaller one smaller."""
    parts = share_out(total, wants)
    short = [part for part, want in zip(parts, wants, strict=True) if part < want]
    if short:
        assert max(parts) <= min(short) + 1
        assert sum(min(p, w) for p, w in zip(parts, wants, strict=True)) == total


def test_what_nobody_wants_is_spread_evenly() -> None:
    assert share_out(10, [0, 0, 0]) == [4, 3, 3]
    assert share_out(10, [6, 0]) == [8, 2]


def test_one_that_nobody_wants_goes_to_the_first_and_a_wanted_one_to_who_wants_it() -> None:
    assert share_out(1, [0, 0]) == [1, 0]
    assert share_out(1, [0, 5]) == [0, 1]


def test_nothing_is_shared_out_among_nobody() -> None:
    assert share_out(5, []) == []


def test_a_smaller_promise_counts_only_once_it_was_read() -> None:
    promised = Promised(10)
    promised.tell(1, 4)
    assert (promised.last, promised.most) == (4, 10)
    promised.tell(2, 6)
    assert promised.most == 10
    promised.read(1)
    assert promised.most == 6
    promised.read(2)
    assert (promised.last, promised.most) == (6, 6)


def test_a_worker_that_reads_nothing_is_told_nothing_new_after_a_while() -> None:
    """Memory is bounded, and what it may act on stays known."""
    promised = Promised(0)
    told = [promised.tell(number, number) for number in range(1, 1000)]
    assert promised.most == promised.last == told[-1] < 100
