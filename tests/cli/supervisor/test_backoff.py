"""How long a role that died waits for its next start."""

from cli.supervisor.backoff import Backoff


def test_the_first_restart_is_immediate_and_later_ones_wait_longer_up_to_a_bound() -> None:
    """0.25 s doubled eight times is 64 s: 30 s from there on."""
    backoff = Backoff()
    waits = [backoff.after(ran_s=0.1) for _ in range(12)]
    assert waits == [0, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_stable_run_is_forgiven() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(ran_s=9.9)
    assert backoff.after(ran_s=10) == 0


def test_a_thousand_deaths_do_not_overflow() -> None:
    backoff = Backoff()
    assert [backoff.after(ran_s=0) for _ in range(1000)][-1] == 30
