"""What follows an attempt."""

import pytest

from analyzer.webhooks.backoff import LONGEST_S, LONGEST_TOLD_S, Answer, outcome, wait_s


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken_even_at_the_last_attempt(status: int) -> None:
    assert outcome(Answer(status, ""), 6, 6) == "delivered"


@pytest.mark.parametrize("status", [None, 100, 301, 308, 400, 401, 404, 408, 413, 429, 500, 503])
def test_everything_else_is_tried_again_while_attempts_are_left(status: int | None) -> None:
    """A receiver that is set up wrong may be mended in ten minutes."""
    assert outcome(Answer(status, ""), 5, 6) == "failed"
    assert outcome(Answer(status, ""), 6, 6) == "given_up"
    assert outcome(Answer(status, ""), 1, 1) == "given_up"


def test_gone_is_gone() -> None:
    assert outcome(Answer(410, ""), 1, 6) == "given_up"


def test_waits_grow_fourfold_up_to_ten_minutes() -> None:
    assert [wait_s(n, None, 0.5) for n in range(1, 8)] == [2.0, 8.0, 32.0, 128.0, 512.0, LONGEST_S, LONGEST_S]
    assert wait_s(20, None, 0.5) == LONGEST_S


def test_waits_are_spread_by_a_fifth() -> None:
    assert wait_s(2, None, 0.0) == pytest.approx(8.0 * 0.8)
    assert wait_s(2, None, 1.0) == pytest.approx(8.0 * 1.2)


def test_a_told_wait_is_kept_and_not_for_ever() -> None:
    """`Retry-After` makes a wait longer, never shorter."""
    assert wait_s(1, 30.0, 0.5) == 30.0
    assert wait_s(3, 1.0, 0.5) == 32.0
    assert wait_s(1, 10**9, 0.5) == LONGEST_TOLD_S
