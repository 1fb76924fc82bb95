"""Counter rows: differences since the last, in the right hour; what a dead worker lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.checkpoint import Checkpoint
from proxy.recorder.tally import SETTLED_AFTER_HOURS, Hours, accept, next_counters, second_within

HOUR = 500_000
NOW_S = HOUR * 3600 + 1800


def report(
    checkpoint: Checkpoint,
    hours: Hours,
    *,
    is_final: bool = False,
    now_hour: int = HOUR,
    may_settle: bool = True,
) -> dict[tuple[int, str, str], int]:
    """What is sent, by hour, candidate and state; the checkpoint knows it was."""
    now_s = now_hour * 3600 + 1800
    plan = next_counters(checkpoint, "proxy-0", hours, now_s, is_final=is_final, may_settle=may_settle)
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
    counts = {("a", "received"): 10, ("a", "admitted"): 10, ("a", "ended"): 8}
    sent = report(checkpoint, {HOUR: counts}, is_final=True)
    assert (sent[HOUR, "a", "quarantined"], sent[HOUR, "a", "worker_lost"]) == (3, 2)


ONE = {("a", "received"): 2, ("a", "admitted"): 2}
"""Two requests, both sent."""


def days(first: int, count: int) -> dict[int, dict[tuple[str, str], int]]:
    """A board of so many hours, in the order of their beginning."""
    return {first + n: dict(ONE) for n in range(count)}


def test_an_hour_that_is_long_over_is_settled_though_its_worker_lives() -> None:
    """So that the account of a worker that runs for weeks stays small."""
    old = HOUR - SETTLED_AFTER_HOURS
    checkpoint = Checkpoint(recorded={old: {"a": {"pair": 1}}})
    board = days(old, SETTLED_AFTER_HOURS + 1)
    assert (old, "a", "worker_lost") not in report(checkpoint, days(old, SETTLED_AFTER_HOURS), now_hour=HOUR - 1)
    sent = report(checkpoint, board)
    assert sent == {(old, "a", "worker_lost"): 1, (HOUR, "a", "received"): 2, (HOUR, "a", "admitted"): 2}
    assert checkpoint.closed_through == old
    assert set(checkpoint.reported) == set(board) - {old}
    assert checkpoint.recorded == {}
    assert report(checkpoint, board) == {}


def test_what_waits_for_a_store_that_was_away_for_days_is_not_taken_for_lost() -> None:
    """Its rows are on disk still: nothing is settled before they have been read."""
    old = HOUR - 100
    checkpoint, board = Checkpoint(), days(old, 101)
    assert not any(state == "worker_lost" for _, _, state in report(checkpoint, board, may_settle=False))
    for hour in board:
        checkpoint.recorded[hour] = {"a": {"pair": 2}}
    assert report(checkpoint, board) == {}
    assert checkpoint.closed_through == HOUR - SETTLED_AFTER_HOURS


@pytest.mark.parametrize("jump", [-9000, -100, -3, 3, 49, 100, 9000])
def test_a_clock_that_steps_and_is_set_right_again_settles_nothing_that_goes_on(jump: int) -> None:
    """For one hour the clock is wrong, for the worker and for us; all counts arrive, whichever hour they bear."""
    checkpoint, board = Checkpoint(), days(HOUR - 60, 60)
    sent: dict[tuple[int, str, str], int] = {}

    def look(now_hour: int) -> None:
        for place, count in report(checkpoint, board, now_hour=now_hour).items():
            sent[place] = sent.get(place, 0) + count

    look(HOUR - 1)
    board[HOUR + jump] = dict(ONE) if HOUR + jump not in board else {k: 2 * n for k, n in ONE.items()}
    look(HOUR + jump)
    for hour in range(HOUR, HOUR + 30):
        board.setdefault(hour, dict(ONE))
        look(hour)
        board[hour] = {k: n + 1 for k, n in board[hour].items()}
        look(hour)
    for hour, counts in board.items():
        assert (sent[hour, "a", "received"], sent[hour, "a", "admitted"]) == tuple(counts.values())
    over = range(HOUR - 60, HOUR - SETTLED_AFTER_HOURS + 30)
    assert {hour for hour, _, state in sent if state == "worker_lost"} <= set(over)


def test_a_request_that_died_between_two_counts_is_counted_as_lost() -> None:
    """Received, and neither left out nor admitted: its worker was killed between the two; the sums agree again."""
    board = {HOUR: {("a", "received"): 9, ("a", "unsampled"): 4, ("a", "budget"): 1, ("a", "admitted"): 3}}
    checkpoint = Checkpoint(recorded={HOUR: {"a": {"pair": 2}}})
    assert (HOUR, "a", "worker_lost") not in report(checkpoint, board)
    assert report(checkpoint, board, is_final=True) == {(HOUR, "a", "admitted"): 1, (HOUR, "a", "worker_lost"): 2}


def test_what_the_copy_of_a_board_did_not_see_received_is_counted_as_received() -> None:
    """It was copied while its worker counted, and the machine went down."""
    board = {HOUR: {("a", "received"): 5, ("a", "unsampled"): 6}}
    assert report(Checkpoint(), board, is_final=True)[HOUR, "a", "received"] == 6


def test_what_the_recorder_dropped_stands_beside_what_the_worker_dropped() -> None:
    """10 admitted = 2 pairs + 3 dropped by the worker + 4 by us + 1 that died with its worker."""
    counts = {("a", "received"): 10, ("a", "admitted"): 10, ("a", "ended"): 6, ("a", "disk_dropped"): 3}
    checkpoint = Checkpoint(recorded={HOUR: {"a": {"pair": 2, "disk_dropped": 1}}})
    assert report(checkpoint, {HOUR: counts})[HOUR, "a", "disk_dropped"] == 4
    checkpoint.recorded[HOUR]["a"]["disk_dropped"] = 4
    sent = report(checkpoint, {HOUR: counts}, is_final=True)
    assert sent == {(HOUR, "a", "disk_dropped"): 3, (HOUR, "a", "worker_lost"): 1}


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
