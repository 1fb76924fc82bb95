"""No minute sees more copies than the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.supervisor.rate import RateBucket, machine_part

SECOND_NS = 10**9
STEPS = st.lists(st.tuples(st.integers(50, 5000), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=300)


@given(st.integers(1, 5000), st.integers(1, 12))
def test_the_parts_of_all_machines_add_up_to_the_limit(limit: int, machines: int) -> None:
    assert sum(machine_part(limit, machines, rank) for rank in range(machines)) == limit


@given(st.integers(1, 600), STEPS)
def test_no_minute_sees_more_than_the_limit(limit: int, steps: list[tuple[int, float, float]]) -> None:
    """However late grants are used, and however late their use is heard of."""
    bucket, now_ns = RateBucket(), 0
    granted, begun, heard = 0, 0, 0
    begun_at: list[int] = []
    for wait_ms, used, told in steps:
        now_ns += wait_ms * 10**6
        begins = round((granted - begun) * used)
        begun_at += [now_ns] * begins
        begun += begins
        hears = round((begun - heard) * told)
        bucket.begun(now_ns, hears)
        heard += hears
        may = bucket.may_be_unused(now_ns, limit)
        granted += max(0, may - (granted - heard))
    for first, at_ns in enumerate(begun_at):
        assert sum(at_ns <= other < at_ns + 60 * SECOND_NS for other in begun_at[first:]) <= limit


def test_what_is_used_at_once_comes_back_evenly() -> None:
    """600 a minute are ten a second."""
    bucket = RateBucket()
    assert bucket.may_be_unused(0, 600) == 10
    bucket.begun(0, 10)
    assert bucket.may_be_unused(0, 600) == 0
    assert bucket.may_be_unused(SECOND_NS // 2, 600) == 5
    assert bucket.may_be_unused(60 * SECOND_NS, 600) == 10


def test_one_a_minute_is_one_a_minute() -> None:
    bucket = RateBucket()
    assert bucket.may_be_unused(0, 1) == 1
    bucket.begun(SECOND_NS // 2, 1)
    assert bucket.may_be_unused(59 * SECOND_NS, 1) == 0
    assert bucket.may_be_unused(63 * SECOND_NS, 1) == 1


def test_a_limit_that_grows_counts_from_now_on() -> None:
    bucket = RateBucket()
    bucket.may_be_unused(0, 60)
    bucket.begun(0, 1)
    assert bucket.may_be_unused(SECOND_NS, 6000) == 1
    assert bucket.may_be_unused(2 * SECOND_NS, 6000) == 100


@pytest.mark.parametrize("limit", [1, 7, 60, 90, 600])
def test_no_minute_sees_more_than_the_limit_though_every_grant_is_used_at_once(limit: int) -> None:
    """The bucket alone would let a second's worth more through."""
    bucket = RateBucket()
    begun_at: list[int] = []
    for tenth in range(1500):
        now_ns = tenth * SECOND_NS // 10
        copies = bucket.may_be_unused(now_ns, limit)
        bucket.begun(now_ns, copies)
        begun_at += [now_ns] * copies
    busiest = max(
        sum(at_ns <= other < at_ns + 60 * SECOND_NS for other in begun_at[i:]) for i, at_ns in enumerate(begun_at)
    )
    assert limit * 0.9 - 1 <= busiest <= limit
