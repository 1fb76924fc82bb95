"""A table of what a judge's silence does: pauses, probes, and the way back."""

import pytest

from analyzer.judge.away import FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_TOLD_S, Away, End, Ticket


def away(most: int = 4, draw: float = 0.0) -> Away:
    return Away(most, lambda: draw)


def ticket(judge: Away, now_s: float = 0.0) -> Ticket:
    found = judge.ticket(now_s)
    assert found is not None
    return found


def gone(judge: Away, now_s: float = 0.0, **told: float) -> None:
    judge.ended(ticket(judge, now_s), End.AWAY, now_s, reason="no answer", **told)


def test_as_many_calls_as_it_allows() -> None:
    judge = away(2)
    first = ticket(judge)
    ticket(judge)
    assert judge.ticket(0) is None
    judge.ended(first, End.ANSWERED, 0)
    assert judge.ticket(0) is not None


def answered(judge: Away, seconds: float, times: int = 100) -> None:
    for _ in range(times):
        judge.ended(ticket(judge), End.ANSWERED, seconds)


@pytest.mark.parametrize(("seconds", "ready"), [(0.0, 8), (0.3, 8), (1.0, 4), (2.0, 2), (60.0, 1)])
def test_as_many_are_kept_ready_as_get_their_turn_while_one_is_written_down(seconds: float, ready: int) -> None:
    """Nobody waits for the store when it is its turn, and hardly any waits long after it was written down."""
    judge = away(8)
    answered(judge, seconds)
    assert [judge.may_prepare(waiting, 0) for waiting in range(18)].count(True) == 8 + ready
    for _ in range(8):
        ticket(judge)
    assert [judge.may_prepare(waiting, 0) for waiting in range(18)].count(True) == ready


def test_a_failure_leaves_it_alone_for_a_while_then_one_call_looks() -> None:
    judge = away()
    gone(judge)
    assert judge.is_away
    assert (judge.since_s, judge.reason) == (0.0, "no answer")
    assert judge.ticket(FIRST_PAUSE_S - 0.01) is None
    assert not judge.may_prepare(0, FIRST_PAUSE_S - 0.01)
    assert judge.may_prepare(0, FIRST_PAUSE_S)
    assert not judge.may_prepare(1, FIRST_PAUSE_S)
    probe = ticket(judge, FIRST_PAUSE_S)
    assert probe.is_probe
    assert judge.ticket(FIRST_PAUSE_S + 100) is None
    assert not judge.may_prepare(0, FIRST_PAUSE_S + 100)


def test_pauses_double_up_to_a_minute_and_never_overflow() -> None:
    judge, now_s, pauses = away(), 0.0, []
    gone(judge)
    for _ in range(2000):
        wait_s = judge.wait_s(now_s)
        assert wait_s is not None
        pauses.append(wait_s)
        now_s += wait_s
        gone(judge, now_s)
    assert pauses[:8] == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    assert set(pauses[7:]) == {LONGEST_PAUSE_S}


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_jitter_makes_pauses_longer_and_never_longer_than_a_minute(draw: float) -> None:
    judge = away(draw=draw)
    gone(judge)
    assert judge.wait_s(0) == pytest.approx(FIRST_PAUSE_S * (1 + draw / 2))


@pytest.mark.parametrize(("told_s", "pause_s"), [(0.2, 1.0), (7.0, 7.0), (86_400.0, LONGEST_TOLD_S)])
def test_what_the_judge_says_itself_is_honoured_up_to_ten_minutes(told_s: float, pause_s: float) -> None:
    judge = away()
    gone(judge, retry_after_s=told_s)
    assert judge.wait_s(0) == pause_s


def test_calls_that_were_sent_before_do_not_make_the_pause_longer() -> None:
    """Sixteen that fail together are one failure."""
    judge = away(16)
    tickets = [ticket(judge) for _ in range(16)]
    for one in tickets:
        judge.ended(one, End.AWAY, 0.5)
    assert judge.wait_s(0.5) == FIRST_PAUSE_S
    late = Away(2, lambda: 0.0)
    first, second = ticket(late), ticket(late)
    late.ended(first, End.AWAY, 0.0)
    late.ended(second, End.AWAY, 0.1, retry_after_s=30)
    assert late.wait_s(0.0) == pytest.approx(30.1)


def test_an_answer_to_the_probe_brings_it_back_slowly() -> None:
    judge = away(8)
    gone(judge)
    judge.ended(ticket(judge, 1.0), End.ANSWERED, 1.0)
    assert not judge.is_away
    assert judge.since_s is None
    under_way = [ticket(judge, 1.0), ticket(judge, 1.0)]
    assert judge.ticket(1.0) is None
    for one in under_way:
        judge.ended(one, End.ANSWERED, 1.0)
    assert len([t for t in (judge.ticket(1.0) for _ in range(9)) if t]) == 4


def test_an_answer_to_a_call_from_before_does_not_bring_it_back() -> None:
    judge = away()
    early = ticket(judge)
    gone(judge)
    judge.ended(early, End.ANSWERED, 0.5)
    assert judge.is_away


def test_a_failure_from_before_it_came_back_does_not_send_it_away_again() -> None:
    judge = away()
    slow = ticket(judge)
    gone(judge)
    judge.ended(ticket(judge, 1.0), End.ANSWERED, 1.0)
    judge.ended(slow, End.AWAY, 2.0)
    assert not judge.is_away


def test_a_probe_that_nobody_waited_for_makes_room_for_the_next() -> None:
    judge = away()
    gone(judge)
    judge.ended(ticket(judge, 1.0), End.UNKNOWN, 1.5)
    assert ticket(judge, 1.5).is_probe


def test_it_is_known_whether_a_later_call_was_answered() -> None:
    judge = away()
    first, second = ticket(judge), ticket(judge)
    judge.ended(second, End.ANSWERED, 0)
    assert judge.last_answered > first.number
    assert not judge.last_answered > second.number
