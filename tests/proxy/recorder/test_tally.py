"""Counter rows: differences since the last, in the right hour; what a dead worker lost."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.checkpoint import Checkpoint
from proxy.recorder.tally import SETTLED_AFTER_HOURS, Hours, accept, next_counters, second_within

HOUR = 500_000
NOW_S = HOUR * 3600 + 1800


def report(checkpoint: Checkpoint, hours: Hours, *, is_final: bool = False) -> dict[tuple[int, str, str], int]:
    """What is sent, by hour, candidate and state; the checkpoint knows it was."""
    plan = next_counters(checkpoint, "proxy-0", hours, NOW_S, is_final=is_final)
    if plan is None:
        return {}
    accept(checkpoint, plan)
    sent: dict[tuple[int, str, str], int] = {}
    for row in plan.rows:
        key = (row.unix_s // 3600, row.candidate, row.state)
        assert key not in sent
        sent[key] = row.count
    return sent


def test_only_what_has_changed_is_sent() -> None:
    checkpoint = Checkpoint()
    assert report(checkpoint, {HOUR: {("a", "received"): 3}}) == {(HOUR, "a", "received"): 3}
    assert report(checkpoint, {HOUR: {("a", "received"): 3}}) == {}
    assert report(checkpoint, {HOUR: {("a", "received"): 5}}) == {(HOUR, "a", "received"): 2}
    assert checkpoint.counters_sent == 2


def test_the_second_lies_within_the_hour() -> None:
    """Now, if it is that hour; the last second of one that is over; the first of one that a clock has not reached."""
    assert second_within(HOUR, NOW_S) == NOW_S
    assert second_within(HOUR - 1, NOW_S) == HOUR * 3600 - 1
    assert second_within(HOUR + 1, NOW_S) == (HOUR + 1) * 3600


def test_lost_is_what_was_admitted_and_came_to_nothing() -> None:
    """10 admitted = 4 pairs + 1 set aside + 2 dropped + 3 that died with their worker."""
    checkpoint = Checkpoint(recorded={HOUR: {"a": {"pair": 4, "quarantined": 1}}})
    counts = {("a", "received"): 10, ("a", "admitted"): 10, ("a", "ended"): 5, ("a", "disk_dropped"): 2}
    sent = report(checkpoint, {HOUR: counts}, is_final=True)
    assert sent[HOUR, "a", "worker_lost"] == 3
    assert sent[HOUR, "a", "quarantined"] == 1
    assert report(checkpoint, {HOUR: counts}, is_final=True) == {}


def test_what_was_written_and_became_unreadable_is_quarantined_not_lost() -> None:
    """10 admitted, 8 written in full, 5 recorded: 3 lie in the damaged part, 2 died with the worker."""
    checkpoint = Checkpoint(recorded={HOUR: {"a": {"pair": 5}}}, damaged=True)
    sent = report(checkpoint, {HOUR: {("a", "admitted"): 10, ("a", "ended"): 8}}, is_final=True)
    assert (sent[HOUR, "a", "quarantined"], sent[HOUR, "a", "worker_lost"]) == (3, 2)


def test_an_hour_that_is_long_over_is_settled_though_its_worker_lives() -> None:
    """So that the account of a worker that runs for weeks stays small."""
    old = HOUR - SETTLED_AFTER_HOURS
    checkpoint = Checkpoint(recorded={old: {"a": {"pair": 1}}})
    counts = {("a", "admitted"): 2}
    assert report(checkpoint, {old: counts}) == {(old, "a", "admitted"): 2}
    sent = report(checkpoint, {old: counts, HOUR: counts})
    assert sent == {(old, "a", "worker_lost"): 1, (HOUR, "a", "admitted"): 2}
    assert (checkpoint.closed_through, set(checkpoint.reported), set(checkpoint.recorded)) == (old, {HOUR}, set())
    assert report(checkpoint, {old: counts, HOUR: counts}) == {}


@given(
    steps=st.lists(
        st.dictionaries(
            st.tuples(st.integers(HOUR - 60, HOUR), st.sampled_from("ab"), st.sampled_from(["received", "budget"])),
            st.integers(1, 5),
            max_size=4,
        ),
        max_size=8,
    )
)
def test_however_often_it_is_looked_at_the_rows_add_up_to_the_board(
    steps: list[dict[tuple[int, str, str], int]],
) -> None:
    """Counts of hours that are not settled yet; a settled one is not asked again."""
    checkpoint = Checkpoint()
    board: dict[int, dict[tuple[str, str], int]] = {}
    sent: dict[tuple[int, str, str], int] = {}
    expected: dict[tuple[int, str, str], int] = {}
    for step in steps:
        for (hour, candidate, state), more in step.items():
            page = board.setdefault(hour, {})
            page[candidate, state] = page.get((candidate, state), 0) + more
            if hour > checkpoint.closed_through:
                expected[hour, candidate, state] = page[candidate, state]
        for key, count in report(checkpoint, board).items():
            sent[key] = sent.get(key, 0) + count
    assert sent == expected
