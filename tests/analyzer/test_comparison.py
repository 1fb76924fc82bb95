import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.comparison import MIN_PAIRS, Comparison, adjusted, compare
from analyzer.measures import BY_NAME
from analyzer.source import Grouped
from analyzer.stats.mean import PairedSums
from analyzer.stats.moments import FloatArray
from analyzer.stats.ratio import RatioSums
from analyzer.verdict import Verdict

LEVEL = 0.95


def _grouped(primary: FloatArray, candidate: FloatArray, per_block: int = 1) -> Grouped:
    n = len(primary)
    return Grouped(
        PairedSums.of_pairs(primary, candidate, (np.arange(n) // per_block).astype(np.float64)),
        PairedSums.of_pairs(primary, candidate, (np.arange(n) % 256).astype(np.float64)),
    )


def _latency(n: int, shift: float, seed: int = 1, per_block: int = 1) -> Comparison:
    rng = np.random.default_rng(seed)
    primary = rng.lognormal(6, 0.3, n)
    return compare(
        BY_NAME["total_ms"], _grouped(primary, primary + shift + rng.normal(0, 20, n), per_block), level=LEVEL
    )


def test_independent_pairs_give_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    primary = rng.lognormal(6, 0.3, 200)
    candidate = primary - 15 + rng.normal(0, 50, 200)
    row = compare(BY_NAME["total_ms"], _grouped(primary, candidate), level=LEVEL)
    theirs = stats.ttest_rel(candidate, primary)
    interval = theirs.confidence_interval(LEVEL)
    assert row.interval is not None
    assert (row.interval.low, row.interval.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert row.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert row.bound is not None
    assert row.bound.side == "upper"
    assert row.bound.value == pytest.approx(theirs.confidence_interval(0.90).high, rel=1e-9)
    assert row.design_effect == pytest.approx(1.0)
    assert (row.primary, row.candidate) == pytest.approx((primary.mean(), candidate.mean()))
    assert row.relative == pytest.approx((candidate.mean() - primary.mean()) / primary.mean())


def test_a_faster_candidate_is_better_and_a_slower_one_worse() -> None:
    assert _latency(400, -30).verdict is Verdict.BETTER
    assert _latency(400, +30).verdict is Verdict.WORSE
    undecided = _latency(400, 0)
    assert (undecided.verdict, undecided.reason) == (Verdict.UNDECIDED, "the interval holds 0")


def test_where_neither_direction_is_better_nothing_is() -> None:
    rng = np.random.default_rng(5)
    primary = rng.integers(10, 100, 300).astype(float)
    row = compare(BY_NAME["output_tokens"], _grouped(primary, primary * 2), level=LEVEL)
    assert (row.verdict, row.bound) == (Verdict.UNDECIDED, None)
    assert row.interval is not None
    assert row.interval.low > 0
    assert row.reason == "neither direction is better by itself"


def test_conversations_widen_the_error_when_they_move_together() -> None:
    """Twenty conversations of 30 pairs that share their difference: the error is that of twenty values."""
    rng = np.random.default_rng(8)
    conversation = np.tile(np.arange(20), 30)
    shared = rng.normal(0, 1, 20)
    difference = shared[conversation]
    primary = np.full(600, 10.0)
    sums = Grouped(
        PairedSums.of_pairs(primary, primary + difference, np.arange(600.0)),
        PairedSums.of_pairs(primary, primary + difference, conversation.astype(float)),
    )
    row = compare(BY_NAME["total_ms"], sums, level=LEVEL)
    theirs = stats.ttest_1samp(shared, 0).confidence_interval(LEVEL)
    assert row.interval is not None
    assert (row.interval.low, row.interval.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert row.design_effect is not None
    assert row.design_effect > 25


@pytest.mark.parametrize("n", [1, 2, MIN_PAIRS - 1])
def test_few_pairs_have_numbers_and_no_interval(n: int) -> None:
    row = _latency(n, -500)
    assert (row.verdict, row.interval, row.p_value) == (Verdict.UNDECIDED, None, None)
    assert row.difference is not None
    assert row.reason == f"{n} pairs count; a verdict needs {MIN_PAIRS}"


def test_one_block_is_no_sample_of_time() -> None:
    row = _latency(500, -500, per_block=500)
    assert (row.blocks, row.interval, row.reason) == (1, None, "1 time blocks; a verdict needs 10")


def test_one_conversation_is_no_sample_of_conversations() -> None:
    rng = np.random.default_rng(1)
    primary, candidate = rng.normal(size=(2, 100))
    sums = Grouped(
        PairedSums.of_pairs(primary, candidate, np.arange(100.0)),
        PairedSums.of_pairs(primary, candidate, np.zeros(100)),
    )
    row = compare(BY_NAME["total_ms"], sums, level=LEVEL)
    assert (row.interval, row.reason) == (None, "1 groups of conversations; a verdict needs 10")


def test_no_pairs_have_nothing() -> None:
    row = compare(BY_NAME["total_ms"], None, level=LEVEL)
    assert (row.n, row.primary, row.difference, row.interval, row.relative) == (0, None, None, None, None)
    assert row.reason == "no pair has a known total_ms in both arms"


def test_a_constant_difference_has_no_interval() -> None:
    primary = np.linspace(100, 200, 100)
    row = compare(BY_NAME["total_ms"], _grouped(primary, primary + 0.1), level=LEVEL)
    assert (row.verdict, row.interval) == (Verdict.UNDECIDED, None)
    assert row.reason == "all pairs differ by the same; there is no spread to judge by"


@pytest.mark.parametrize(("failing", "word"), [("candidate", Verdict.WORSE), ("primary", Verdict.BETTER)])
def test_an_arm_that_alone_always_fails_is_judged_by_exact_limits(failing: str, word: Verdict) -> None:
    """100 groups, all on one side: the failing share is at least 0.025^(1/100) on the two-sided level."""
    ones, zeros = np.ones(100), np.zeros(100)
    sums = _grouped(zeros, ones) if failing == "candidate" else _grouped(ones, zeros)
    row = compare(BY_NAME["error_rate"], sums, level=LEVEL)
    least = 2 * 0.025 ** (1 / 100) - 1
    assert row.interval is not None
    assert row.verdict is word
    ends = (row.interval.low, row.interval.high)
    assert ends == pytest.approx((least, 1) if failing == "candidate" else (-1, -least))


def test_equal_arms_without_a_failure_prove_no_equal_error_rates() -> None:
    """Zero errors in a thousand pairs still allow a difference of some per mille; no interval of width 0."""
    row = compare(BY_NAME["error_rate"], _grouped(np.zeros(1000), np.zeros(1000)), level=LEVEL, margin=0.01)
    assert (row.verdict, row.interval) == (Verdict.UNDECIDED, None)
    assert row.reason == "the arms differ in 0 pairs; a verdict needs 10"


@settings(max_examples=50)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 20))
def test_discordant_pairs_are_counted_exactly(only_candidate: int, only_primary: int, both: int) -> None:
    n = 500
    primary, candidate = np.zeros(n), np.zeros(n)
    candidate[: only_candidate + both] = 1
    primary[only_candidate : only_candidate + both + only_primary] = 1
    row = compare(BY_NAME["error_rate"], _grouped(primary, candidate), level=LEVEL)
    discordant = only_candidate + only_primary
    if discordant < 10:
        assert row.reason == f"the arms differ in {discordant} pairs; a verdict needs 10"
    else:
        assert row.interval is not None


def test_cost_per_success_waits_for_successes() -> None:
    rng = np.random.default_rng(2)
    success = np.zeros(200)
    success[:5] = 1
    values = np.stack([rng.random(200), success, rng.random(200), np.ones(200)], axis=1)
    sums = Grouped(RatioSums.of_pairs(values, np.arange(200.0)), RatioSums.of_pairs(values, np.arange(200.0)))
    row = compare(BY_NAME["cost_per_success"], sums, level=LEVEL)
    assert (row.interval, row.reason) == (None, "the denominator is too uncertain yet")


def test_cost_per_success_compares_ratios_of_sums() -> None:
    rng = np.random.default_rng(2)
    success = (rng.random(400) < 0.9).astype(float)
    values = np.stack([rng.random(400), success, 2 * rng.random(400), np.ones(400)], axis=1)
    sums = Grouped(RatioSums.of_pairs(values, np.arange(400.0)), RatioSums.of_pairs(values, np.arange(400.0)))
    row = compare(BY_NAME["cost_per_success"], sums, level=LEVEL)
    assert row.candidate == pytest.approx(values[:, 0].sum() / success.sum())
    assert row.verdict is Verdict.BETTER


def test_an_agreement_is_a_level_and_no_difference() -> None:
    matches = np.tile([1.0, 0.0], 50)
    row = compare(BY_NAME["exact_match"], _grouped(np.zeros(100), matches), level=LEVEL)
    assert (row.candidate, row.primary, row.difference, row.interval) == (0.5, None, None, None)
    assert row.verdict is Verdict.UNDECIDED


def test_only_rows_with_p_values_are_adjusted() -> None:
    silent = compare(BY_NAME["total_ms"], None, level=LEVEL)
    rows = [dataclasses.replace(silent, p_value=p) for p in (0.01, None, 0.04)]
    assert [row.p_adjusted for row in adjusted(rows)] == [0.02, None, 0.04]


def _coverage(*, blocks: int, load_share: float, studies: int) -> float:
    """Share of seeded studies of equal arms whose interval holds 0; ten skewed pairs a block, load that lasts."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(studies):
        noise = rng.lognormal(0, 0.6, (2, blocks * 10))
        load = rng.normal(size=blocks)
        for i in range(1, blocks):
            load[i] = 0.8 * load[i - 1] + 0.6 * load[i]
        candidate = noise[1] + np.repeat(load, 10) * load_share
        row = compare(BY_NAME["total_ms"], _grouped(noise[0], candidate, per_block=10), level=LEVEL)
        assert row.interval is not None
        covered += row.interval.low <= 0 <= row.interval.high
    return covered / studies


def test_equal_arms_are_called_different_at_most_as_often_as_the_level_says() -> None:
    """400 seeded studies of 1,200 independent, skewed pairs: coverage within 3 standard errors of 95 %, or above."""
    assert _coverage(blocks=120, load_share=0.0, studies=400) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


def test_load_that_lasts_over_blocks_does_not_break_the_interval() -> None:
    """Load with a correlation of 0.8 from block to block, 600 blocks; taken as independent they cover about 54 %."""
    assert _coverage(blocks=600, load_share=0.7, studies=200) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 200)
