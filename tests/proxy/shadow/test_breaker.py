"""The breaker: three states, and what leads from one to the next."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.breaker import Breaker, BreakerState, has_failed
from record.outcome import Outcome

WINDOW_NS, OPEN_FOR_NS = 100, 50


def breaker(failures: int = 3) -> Breaker:
    return Breaker(failures, WINDOW_NS, OPEN_FOR_NS)


def state(b: Breaker) -> BreakerState:
    return b.state


def ends(b: Breaker, now_ns: int, *, failed: bool) -> None:
    b.end(b.begin(now_ns), now_ns, failed=failed)


def opened(at_ns: int = 0) -> Breaker:
    b = breaker()
    for _ in range(3):
        ends(b, at_ns, failed=True)
    assert state(b) is BreakerState.OPEN
    return b


def test_it_opens_at_as_many_failures_within_the_window_and_not_before() -> None:
    b = breaker()
    ends(b, 0, failed=True)
    ends(b, 50, failed=True)
    assert b.lets_through(50)
    ends(b, 100, failed=True)
    assert not b.lets_through(100)
    assert (state(b), b.openings) == (BreakerState.OPEN, 1)


def test_failures_that_lie_apart_do_not_open_it() -> None:
    b = breaker()
    for now_ns in range(0, 1_000, 51):
        ends(b, now_ns, failed=True)
        assert b.lets_through(now_ns)


def test_successes_between_failures_do_not_hide_them() -> None:
    b = breaker()
    for now_ns in range(3):
        ends(b, now_ns, failed=False)
        ends(b, now_ns, failed=True)
    assert not b.lets_through(3)


def test_one_probe_is_sent_when_the_time_is_over_and_its_success_closes_it() -> None:
    b = opened()
    assert not b.lets_through(OPEN_FOR_NS - 1)
    assert b.lets_through(OPEN_FOR_NS)
    probe = b.begin(OPEN_FOR_NS)
    assert state(b) is BreakerState.HALF_OPEN
    assert not b.lets_through(OPEN_FOR_NS + 1)
    b.end(probe, OPEN_FOR_NS + 2, failed=False)
    assert state(b) is BreakerState.CLOSED
    assert b.lets_through(OPEN_FOR_NS + 2)


def test_a_failed_probe_opens_it_again_for_the_whole_time() -> None:
    b = opened()
    b.end(b.begin(60), 70, failed=True)
    assert (state(b), b.openings) == (BreakerState.OPEN, 2)
    assert not b.lets_through(70 + OPEN_FOR_NS - 1)
    assert b.lets_through(70 + OPEN_FOR_NS)


def test_after_closing_it_takes_as_many_failures_again() -> None:
    b = opened()
    b.end(b.begin(60), 61, failed=False)
    ends(b, 62, failed=True)
    ends(b, 63, failed=True)
    assert b.lets_through(64)


def test_copies_from_before_it_opened_do_not_decide_for_the_probe() -> None:
    b = breaker()
    stragglers = [b.begin(0) for _ in range(5)]
    for term in stragglers[:3]:
        b.end(term, 1, failed=True)
    probe = b.begin(1 + OPEN_FOR_NS)
    b.end(stragglers[3], 60, failed=False)
    b.end(stragglers[4], 60, failed=True)
    assert state(b) is BreakerState.HALF_OPEN
    b.end(probe, 61, failed=False)
    assert state(b) is BreakerState.CLOSED


def test_a_probe_that_does_not_end_is_given_up_after_the_same_time() -> None:
    b = opened()
    lost = b.begin(60)
    assert not b.lets_through(60 + OPEN_FOR_NS - 1)
    assert b.lets_through(60 + OPEN_FOR_NS)
    second = b.begin(60 + OPEN_FOR_NS)
    b.end(lost, 120, failed=False)
    assert state(b) is BreakerState.HALF_OPEN
    b.end(second, 121, failed=False)
    assert state(b) is BreakerState.CLOSED


def test_zero_failures_never_opens_it() -> None:
    b = breaker(0)
    for _ in range(1_000):
        ends(b, 0, failed=True)
    assert b.lets_through(0)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=80), st.integers(1, 5))
def test_while_it_is_not_closed_at_most_one_copy_per_time_is_sent(steps: list[tuple[int, bool]], failures: int) -> None:
    """Copies of random outcome, each ended at once or never, at random distances."""
    b = breaker(failures)
    now_ns = 0
    last_probe_ns = -OPEN_FOR_NS
    for wait_ns, failed in steps:
        now_ns += wait_ns
        if not b.lets_through(now_ns):
            assert state(b) is not BreakerState.CLOSED
            continue
        was_closed = state(b) is BreakerState.CLOSED
        term = b.begin(now_ns)
        if not was_closed:
            assert now_ns - last_probe_ns >= OPEN_FOR_NS
            last_probe_ns = now_ns
        if failed or was_closed:
            b.end(term, now_ns, failed=failed)


def test_what_counts_as_a_failure() -> None:
    assert all(has_failed(o, None) for o in (Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.TRUNCATED))
    assert has_failed(Outcome.TOO_LARGE, 200)
    assert all(has_failed(Outcome.OK, status) for status in (429, 500, 502, 503, 529, 599))
    assert not any(has_failed(Outcome.OK, status) for status in (200, 302, 400, 401, 404, 422))
    assert not has_failed(Outcome.CLIENT_ABORT, None)
