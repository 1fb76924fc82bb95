"""Periods without copies: known to everybody who knows seed and clock, and as many as asked for."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.switchback import Switchback, is_off

periods = st.integers(0, 2**40)
seeds = st.integers(0, 2**63 - 1)


@given(periods, st.floats(0, 1), st.floats(0, 1), seeds)
def test_a_larger_share_keeps_the_periods_that_were_off(period: int, a: float, b: float, seed: int) -> None:
    low, high = sorted((a, b))
    assert not is_off(period, low, seed) or is_off(period, high, seed)


@given(periods, seeds)
def test_the_documented_formula_gives_the_same(period: int, seed: int) -> None:
    digest = hashlib.blake2b(period.to_bytes(8, "little"), key=seed.to_bytes(8, "little"), digest_size=8).digest()
    assert is_off(period, 0.3, seed) == (int.from_bytes(digest, "big") / 2**64 < 0.3)


@given(st.integers(0, 2**50), st.floats(1, 86_400), st.floats(0, 1), seeds)
def test_all_instants_of_a_period_fall_one_way_whoever_asks_and_in_which_order(
    unix_us: int, period_s: float, share: float, seed: int
) -> None:
    period_us = round(period_s * 1e6)
    start = unix_us // period_us * period_us
    instants = [unix_us, start + period_us - 1, start, start + period_us, unix_us]
    one = Switchback(period_s, share, seed)
    said = [one.is_off(instant) for instant in instants]
    assert said == [Switchback(period_s, share, seed).is_off(instant) for instant in instants]
    assert said[0] == said[1] == said[2] == said[4]


def test_a_tenth_of_the_periods_is_off() -> None:
    """20,000 periods: within four standard deviations of a binomial count."""
    hits = sum(is_off(period, 0.1, 7) for period in range(20_000))
    assert abs(hits - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


def test_none_is_never_off_and_the_whole_always() -> None:
    assert not any(is_off(period, 0.0, 1) for period in range(1_000))
    assert all(is_off(period, 1.0, 1) for period in range(1_000))
