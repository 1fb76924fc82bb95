"""What mirroring does to the primary is found where there is something, with honest intervals under moving load."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.results import Kind
from analyzer.surroundings.figures import Periods, Surroundings
from analyzer.surroundings.interference import interference
from analyzer.surroundings.results import Effect, Interference
from proxy.shadow.switchback import is_off

LENGTH_S = 600.0


def _periods(off: np.ndarray, requests: np.ndarray, us: np.ndarray, failed: np.ndarray | None = None) -> Surroundings:
    n = tuple(int(x) for x in requests)
    return Surroundings(
        Periods(
            LENGTH_S,
            numbers=tuple(range(1000, 1000 + len(n))),
            off=tuple(int(k) if is_off_ else 0 for k, is_off_ in zip(n, off, strict=True)),
            requests=n,
            stayed_n=n,
            failed=tuple(int(x) for x in (failed if failed is not None else np.zeros(len(n)))),
            total_us_n=n,
            total_us=tuple(int(x) for x in us),
        )
    )


def _latency(s: Surroundings, kind: Kind = "fixed") -> Effect:
    found = interference(s, 0.95, kind)
    assert found is not None
    assert found.latency_ms is not None
    return found.latency_ms


def test_the_effect_is_the_weighted_difference_within_stretches() -> None:
    """Two stretches of four periods, one off in each, worked out by hand: 10 and 30 ms, weighted 75 and 30."""
    off = np.array([1, 0, 0, 0, 0, 0, 0, 1])
    requests = np.array([100, 100, 100, 100, 20, 20, 20, 60])
    mean_ms = np.array([50, 60, 60, 60, 150, 130, 140, 110])
    effect = _latency(_periods(off, requests, mean_ms * requests * 1000))
    weights = np.array([100 * 300 / 400, 60 * 60 / 120])
    assert effect.difference == pytest.approx((weights @ [60 - 50, 140 - 110]) / weights.sum())
    assert effect.off == pytest.approx((weights @ [50, 110]) / weights.sum())
    assert effect.on - effect.off == pytest.approx(effect.difference)
    assert effect.interval is None


def test_a_drift_of_load_leaves_no_trace() -> None:
    """Latency rises a little every stretch and depends on nothing else: the effect is 0, and nothing varies to judge
    by. The plain difference of all on and all off periods would be 3 ms."""
    off = np.array([1, 0, 0, 0] * 7 + [0, 1, 1, 1] * 8)
    level = 100 + np.arange(60) // 4
    effect = _latency(_periods(off, np.full(60, 10), level * 10 * 1000))
    assert effect.difference == pytest.approx(0)
    assert effect.interval is None
    assert abs(level[off == 0].mean() - level[off == 1].mean()) > 3


def _windows(kind: str, count: int, effect_ms: float) -> tuple[int, float, float]:
    """(intervals that hold the effect, their mean width, mean estimate) of windows with the proxy's own draw."""
    rng = np.random.default_rng(11)
    held, widths, estimates = 0, [], []
    for seed in range(count):
        off = np.array([is_off(1000 + k, 0.2, seed) for k in range(288)])
        load = np.zeros(288)
        for k in range(1, 288):
            load[k] = 0.9 * load[k - 1] + rng.normal()
        load += 4 * np.sin(2 * np.pi * (np.arange(288) / 144 + rng.random())) if kind == "daily" else 0
        requests = rng.poisson(60 * np.exp(0.05 * load)) + 1
        noise = 5 * rng.normal(size=288) / np.sqrt(requests) + 0.5 * rng.normal(size=288)
        mean_ms = 50 + load + noise + np.where(off, 0, effect_ms)
        effect = _latency(_periods(off, requests, mean_ms * requests * 1000))
        assert effect.interval is not None
        held += effect.interval.low <= effect_ms <= effect.interval.high
        widths.append(effect.interval.high - effect.interval.low)
        estimates.append(effect.difference)
    return held, float(np.mean(widths)), float(np.mean(estimates))


@pytest.mark.parametrize("kind", ["autocorrelated", "daily"])
def test_intervals_hold_the_effect_under_moving_load(kind: str) -> None:
    """400 simulated two-day windows: 95 % of intervals hold the true effect, within 3 standard errors of that count."""
    held, width, mean = _windows(kind, 400, effect_ms=1.0)
    assert abs(held - 380) <= 3 * np.sqrt(400 * 0.95 * 0.05)
    # Half the mean width is about two standard errors of one estimate.
    assert abs(mean - 1.0) <= 3 * width / 4 / np.sqrt(400)


def test_looking_after_every_stretch_finds_nothing_where_nothing_is() -> None:
    """150 windows of 400 periods, looked at every 20: the anytime interval excludes 0 at any look in 5 % at most (and 3
    standard errors); the fixed one, beside it, does so several times as often."""
    rng = np.random.default_rng(3)
    wrong = {"anytime": 0, "fixed": 0}
    kinds: tuple[Kind, ...] = ("anytime", "fixed")
    for _ in range(150):
        off = rng.random(400) < 0.2
        us = (50 + rng.normal(size=400)) * 10_000
        for kind in kinds:
            looks = (interference(_periods(off[:n], np.full(n, 10), us[:n]), 0.95, kind) for n in range(80, 401, 20))
            wrong[kind] += any(_excludes_zero(look) for look in looks)
    assert wrong["anytime"] <= 150 * 0.05 + 3 * np.sqrt(150 * 0.05 * 0.95)
    assert wrong["fixed"] > 2 * wrong["anytime"]


def _excludes_zero(found: Interference | None) -> bool:
    interval = found.latency_ms.interval if found is not None and found.latency_ms is not None else None
    return interval is not None and not interval.low <= 0 <= interval.high


def test_the_sentence_says_what_mirroring_does() -> None:
    rng = np.random.default_rng(1)
    off = np.arange(200) % 5 == 2
    requests = np.full(200, 50)
    noise = rng.normal(size=200)
    slowed = (100 + noise - noise[off].mean() + np.where(off, 0, 20)) * requests * 1000
    failed = rng.binomial(50, np.where(off, 0.01, 0.2))
    found = interference(_periods(off, requests, slowed, failed), 0.95, "fixed")
    assert found is not None
    assert (found.periods_on, found.periods_off) == (160, 40)
    assert (found.requests_on, found.requests_off) == (8000, 2000)
    assert found.sentence.startswith("Mirroring slows the primary: 100 ms without copies, 120 ms with them: +")
    assert "Mirroring makes it fail more often" in found.sentence
    assert "(160 periods with copies, 40 without.)" in found.sentence
    calm = interference(_periods(off, requests, (100 + rng.normal(size=200)) * 5e4), 0.95, "fixed")
    assert calm is not None
    assert "No effect of mirroring on the primary's latency is seen" in calm.sentence
    assert "No request of the primary failed in either." in calm.sentence


def test_too_few_periods_say_how_many_more() -> None:
    """8 of 40 periods are off: 2 more are missing, which come by in 10 periods of 10 minutes."""
    off = np.arange(40) % 5 == 2
    found = interference(_periods(off, np.full(40, 9), np.arange(40) * 1000), 0.95, "anytime")
    assert found is not None
    assert found.latency_ms is not None
    assert found.latency_ms.interval is None
    assert found.sentence == (
        "32 periods with copies and 8 without are too few to see what mirroring does to the primary: 2 more without "
        "copies needed, about 100 minutes of traffic at the present share."
    )


def test_periods_of_a_changed_configuration_are_left_out() -> None:
    """In one period some requests were copied and others kept back: it belongs to neither kind."""
    s = _periods(np.arange(60) % 3 == 0, np.full(60, 10), np.arange(60) * 7)
    assert s.periods is not None
    mixed = Periods(LENGTH_S, s.periods.numbers, (4, *s.periods.off[1:]), *_rest(s.periods))
    found = interference(Surroundings(mixed), 0.95, "fixed")
    assert found is not None
    assert (found.periods_on, found.periods_off) == (40, 19)


def _rest(p: Periods) -> tuple[tuple[int, ...], ...]:
    return p.requests, p.stayed_n, p.failed, p.total_us_n, p.total_us


def test_without_switchback_there_is_no_answer() -> None:
    assert interference(Surroundings(), 0.95, "fixed") is None
    never_off = _periods(np.zeros(50), np.full(50, 3), np.arange(50))
    assert interference(never_off, 0.95, "fixed") is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 10**9), st.integers(0, 5)), min_size=0, max_size=60
    ),
    st.sampled_from(["fixed", "anytime"]),
)
def test_no_figures_make_it_fail(rows: list[tuple[bool, int, int, int]], kind: Kind) -> None:
    """Only off periods, no requests, no answers, all the same, one period: an answer in words, or none."""
    off, requests, us, failed = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.array([])] * 4
    found = interference(_periods(off, requests, us, np.minimum(failed, requests)), 0.95, kind)
    if found is not None:
        assert found.sentence
        for effect in (found.latency_ms, found.error_rate):
            if effect is not None and effect.interval is not None:
                assert effect.interval.low < effect.difference < effect.interval.high
