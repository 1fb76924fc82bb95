"""Limits in time, on a clock that the test moves."""

import time

from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.deadlines import TICK_S, Deadlines

TICK_NS = int(TICK_S * 1e9)


class Watched:
    def __init__(self, deadline_ns: int) -> None:
        self.deadline_ns = deadline_ns
        self.deadline_bucket = -1
        self.expired_at: list[int] = []

    def expired(self, now_ns: int) -> None:
        self.expired_at.append(now_ns)


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=20), st.integers(0, 10**10))
def test_what_is_due_expires_once_and_within_two_ticks_and_nothing_expires_early(
    waits_ns: list[int], step_ns: int
) -> None:
    deadlines = Deadlines()
    begin_ns = time.monotonic_ns()
    watched = [Watched(begin_ns + wait) for wait in waits_ns]
    for one in watched:
        deadlines.add(one)
    now_ns = begin_ns
    while now_ns < begin_ns + 10**10 + 4 * TICK_NS:
        now_ns += max(TICK_NS, step_ns)
        deadlines.sweep(now_ns)
    for one in watched:
        (at_ns,) = one.expired_at
        assert one.deadline_ns <= at_ns <= one.deadline_ns + 2 * TICK_NS + max(TICK_NS, step_ns)


def test_more_time_given_silently_is_honoured() -> None:
    deadlines = Deadlines()
    begin_ns = time.monotonic_ns()
    one = Watched(begin_ns + 10 * TICK_NS)
    deadlines.add(one)
    one.deadline_ns += 50 * TICK_NS
    deadlines.sweep(begin_ns + 20 * TICK_NS)
    assert one.expired_at == []
    deadlines.sweep(begin_ns + 62 * TICK_NS)
    assert len(one.expired_at) == 1


def test_less_time_is_honoured_when_told() -> None:
    deadlines = Deadlines()
    begin_ns = time.monotonic_ns()
    one = Watched(begin_ns + 1000 * TICK_NS)
    deadlines.add(one)
    one.deadline_ns = begin_ns + 2 * TICK_NS
    deadlines.hasten(one)
    deadlines.sweep(begin_ns + 4 * TICK_NS)
    assert len(one.expired_at) == 1


def test_what_is_discarded_never_expires() -> None:
    deadlines = Deadlines()
    begin_ns = time.monotonic_ns()
    one = Watched(begin_ns)
    deadlines.add(one)
    deadlines.discard(one)
    deadlines.discard(one)
    deadlines.sweep(begin_ns + 100 * TICK_NS)
    assert one.expired_at == []
