"""From an estimate to a statement: the fixed and the anytime way, and when nothing is said."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.evidence import Normal
from analyzer.inference import Asked, compare, margin_of, with_missing
from analyzer.metrics import METRICS, Metric, named
from analyzer.results import Comparison
from analyzer.stats.anytime import kappa
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.stats.interval import Interval
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.moments import FloatArray as Floats
from analyzer.stats.moments import Moments
from analyzer.stats.robust import StandardError
from analyzer.verdict import Verdict
from config.policy import Margin, MetricRule

FIXED, ANYTIME = Asked("fixed", 0.95, 5000), Asked("anytime", 0.95, 5000)


def metric(name: str, estimand: str | None = None) -> Metric:
    found = named(METRICS, name, estimand)  # type: ignore[arg-type]
    assert found is not None
    return found


TOTAL, ERRORS, LENGTH = metric("total_ms", "mean"), metric("error_rate"), metric("output_tokens")


def estimated(
    difference: float, *, n: int = 5000, sd: float = 100.0, groups: int = 100, primary: float = 1000.0, seed: int = 1
) -> Estimate:
    """Groups of equal size without any dependence: their sums have just the spread that independent pairs give."""
    rng = np.random.default_rng(seed)
    size = n / groups

    def influence() -> Influence:
        sums = rng.standard_normal(groups)
        sums -= sums.mean()
        sums *= sd * math.sqrt(size) / sums.std(ddof=1)
        return Influence.of(np.full(groups, size), sums)

    return Estimate(
        n, primary, primary + difference, difference, sd / math.sqrt(n), influence(), influence(), skewness=0.0
    )


def row(difference: float, asked: Asked = FIXED, of: Metric = TOTAL, **given: float) -> Comparison:
    return compare(of, estimated(difference, **given), asked).row  # type: ignore[arg-type]


def test_one_look_is_students_t_over_groups() -> None:
    made = row(-10.0, n=5000, sd=100.0, groups=100)
    half = float(stats.t.ppf(0.975, 99)) * 100 / math.sqrt(5000)
    assert made.interval is not None
    assert (made.interval.low, made.interval.high) == pytest.approx((-10 - half, -10 + half), rel=0.02)
    assert made.design_effect == pytest.approx(1.0, abs=0.05)
    assert made.verdict is Verdict.BETTER
    assert "valid for one look" in made.method


def test_anytime_is_wider_by_what_the_theory_says() -> None:
    """At n = n*: sqrt((1 + 1/kappa) ln((1 + kappa) / alpha^2)) = 3.035; over 1.96, 1.549. With an error of 99 degrees
    of freedom, both are Student's quantiles with the same tails."""
    fixed, anytime = row(-10.0).interval, row(-10.0, ANYTIME).interval
    assert fixed is not None
    assert anytime is not None
    r = kappa(0.05)
    multiplier = math.sqrt((1 + 1 / r) * math.log((1 + r) / 0.05**2))
    assert multiplier / float(stats.norm.ppf(0.975)) == pytest.approx(1.549, abs=1e-3)
    expected = stats.t.isf(stats.norm.sf(multiplier), 99) / stats.t.ppf(0.975, 99)
    assert (anytime.high - anytime.low) / (fixed.high - fixed.low) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
@given(difference=st.floats(-40, 40), margin=st.floats(0.5, 60))
def test_bounds_and_p_values_say_the_same(asked: Asked, difference: float, margin: float) -> None:
    rule = MetricRule.model_validate({"metric": "total_ms", "margin": margin})
    made = row(difference, dataclasses.replace(asked, rule=rule, role="primary"))
    assert made.interval is not None
    assert made.bound is not None
    assert made.p_value is not None
    assert made.p_margin is not None
    if min(abs(made.interval.low), abs(made.interval.high)) > 1e-3:
        assert (made.p_value < 0.05) == (not made.interval.low <= 0 <= made.interval.high)
    if abs(made.bound.value - margin) > 1e-3:
        assert (made.p_margin < 0.05) == (made.bound.value < margin)


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
@given(difference=st.floats(-40, 40))
def test_what_is_better_one_way_is_worse_the_other_way(asked: Asked, difference: float) -> None:
    speed = metric("tokens_per_second")
    slower, faster = row(difference, asked, TOTAL), row(difference, asked, speed)
    turned = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    if {slower.verdict, faster.verdict} & set(turned):
        assert turned[slower.verdict] is faster.verdict


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (estimated(1.0, n=29, groups=29), "29 pairs"),
        (estimated(1.0, n=5000, groups=9), "9 time blocks"),
        (dataclasses.replace(estimated(1.0), buckets=estimated(1.0, groups=9).buckets), "9 groups of conversations"),
        (dataclasses.replace(estimated(1.0), skewness=30.0), "22,500 pairs"),
        (estimated(1.0, sd=0.0), "no spread"),
        (dataclasses.replace(estimated(1.0), obstacle="because of something"), "because of something"),
        (None, "no pair has a known total_ms in both arms"),
    ],
)
def test_what_cannot_be_judged_is_undecided_with_the_reason(asked: Asked, estimate: Estimate, said: str) -> None:
    made = compare(TOTAL, estimate, asked).row
    assert (made.verdict, made.interval, made.p_value) == (Verdict.UNDECIDED, None, None)
    assert said in (made.reason or "")


def test_rounding_is_no_spread_to_plan_pairs_by() -> None:
    assert compare(TOTAL, estimated(1.0, sd=0.0), ANYTIME).error is None


def test_an_anytime_statement_waits_for_a_tenth_of_the_planned_pairs() -> None:
    assert row(50.0, ANYTIME, n=499).reason == (
        "499 pairs count; anytime intervals with 5,000 pairs planned begin at 500"
    )
    assert row(50.0, ANYTIME, n=500, groups=50).verdict is Verdict.WORSE
    assert row(50.0, dataclasses.replace(ANYTIME, planned=1000), n=199).interval is None
    assert row(50.0, dataclasses.replace(ANYTIME, planned=1000), n=200, groups=20).interval is not None


def test_a_metric_without_a_better_direction_has_an_interval_and_no_verdict() -> None:
    made = row(-100.0, of=LENGTH)
    assert made.interval is not None
    assert (made.verdict, made.bound, made.reason) == (
        Verdict.UNDECIDED,
        None,
        "neither direction is better by itself",
    )


def test_the_wider_of_both_errors_counts() -> None:
    calm, stormy = estimated(1.0), estimated(1.0, sd=300.0)
    over_time = compare(TOTAL, dataclasses.replace(calm, blocks=stormy.blocks), FIXED).error
    over_conversations = compare(TOTAL, dataclasses.replace(calm, buckets=stormy.buckets), FIXED).error
    assert over_time is not None
    assert over_conversations is not None
    assert over_time.value == pytest.approx(300 / math.sqrt(5000), rel=0.05)
    assert over_conversations.value == pytest.approx(over_time.value, rel=0.05)


def test_margins_are_of_the_policy_else_the_metrics_own() -> None:
    assert margin_of(TOTAL, None, 800.0) == pytest.approx(40.0)
    assert margin_of(TOTAL, None, 0.0) is None
    assert margin_of(TOTAL, None, None) is None
    rule = MetricRule(metric="total_ms", margin=Margin(value=0.1, relative=True))
    assert margin_of(TOTAL, rule, 800.0) == pytest.approx(80.0)
    assert margin_of(metric("total_ms", "log_ratio"), rule, None) == pytest.approx(math.log(1.1))
    assert margin_of(ERRORS, None, None) == 0.005


def test_a_long_right_tail_moves_the_bound_outwards() -> None:
    """Hall: a mean of right-skewed values may be further above than its error says."""
    plain = compare(TOTAL, estimated(1.0), FIXED).row.bound
    skewed = compare(TOTAL, dataclasses.replace(estimated(1.0), skewness=8.0), FIXED).row.bound
    assert plain is not None
    assert skewed is not None
    assert skewed.value > plain.value


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
@pytest.mark.parametrize(("difference", "holds"), [(0.0, True), (60.0, False), (-60.0, False)])
def test_equivalence_is_asked_on_both_sides(asked: Asked, difference: float, holds: bool) -> None:
    rule = MetricRule(metric="total_ms", require="equivalent", margin=Margin(value=20.0))
    p_value = row(difference, dataclasses.replace(asked, rule=rule)).p_margin
    assert p_value is not None
    assert (p_value < 1e-6, p_value > 0.9) == (holds, not holds)


@pytest.mark.parametrize("planned", [None, 5000])
def test_a_long_left_tail_is_a_long_right_tail_in_the_mirror(planned: int | None) -> None:
    """Both bounds and both one-sided p-values know of the skewness."""
    error = StandardError(1.4, 80.0, 81, "CR1")
    right, left = (Normal(sign * 3.0, error, 0.95, 5000, sign * 20.0, planned) for sign in (1, -1))
    assert left.evidence().lower_bound == pytest.approx(-right.evidence().upper_bound)
    assert left.evidence().upper_bound == pytest.approx(-right.evidence().lower_bound)
    assert left.p_above(-8.0) == pytest.approx(right.p_below(8.0))
    plain = Normal(3.0, error, 0.95, 5000, 0.0, planned).evidence()
    assert right.evidence().lower_bound > plain.lower_bound
    assert right.evidence().upper_bound > plain.upper_bound


def test_a_verdict_that_lost_requests_could_turn_is_none() -> None:
    better = row(-10.0)
    assert better.verdict is Verdict.BETTER
    assert better.interval is not None
    slightly = with_missing(better, (0.5, 0.5))
    assert slightly.verdict is Verdict.BETTER
    assert slightly.worst == Interval(better.interval.low - 0.5, better.interval.high + 0.5)
    turned = with_missing(better, (0.0, 60.0))
    assert (turned.verdict, turned.reason) == (
        Verdict.UNDECIDED,
        "requests that shadowbench itself lost could turn the verdict",
    )
    assert with_missing(better, (0.0, 0.0)) == better
    assert with_missing(better, None).verdict is Verdict.UNDECIDED
    preferred = dataclasses.replace(better, metric=next(m for m in METRICS if m.key == ("win_rate", "corrected")))
    reason = with_missing(dataclasses.replace(preferred, verdict=Verdict.WORSE), (60.0, 60.0)).reason
    assert reason == "requests that shadowbench itself lost, or pairs that judges failed on, could turn the verdict"


def of_pairs(primary: Floats, candidate: Floats, block: Floats, bucket: Floats) -> Estimate:
    blocks, buckets = (PairedSums.of_pairs(primary, candidate, group) for group in (block, bucket))
    mean = paired_mean(blocks)
    assert mean is not None
    spread = Moments.of(candidate - primary)
    return Estimate(
        mean.n,
        mean.primary,
        mean.candidate,
        mean.difference,
        spread.error(),
        blocks.influence(),
        buckets.influence(),
        skewness=spread.skewness,
    )


def test_conversations_widen_the_error_when_they_move_together() -> None:
    """Twenty conversations of 30 pairs that share their difference: the error is that of twenty values."""
    rng = np.random.default_rng(8)
    conversation = np.tile(np.arange(20.0), 30)
    shared = rng.normal(0, 1, 20)
    primary = np.full(600, 10.0)
    made = of_pairs(primary, primary + np.tile(shared, 30), np.arange(600.0), conversation)
    told = compare(TOTAL, dataclasses.replace(made, skewness=0.0), FIXED).row
    theirs = stats.ttest_1samp(shared, 0).confidence_interval(0.95)
    assert told.interval is not None
    assert (told.interval.low, told.interval.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert told.design_effect is not None
    assert told.design_effect > 25


def test_a_constant_difference_has_no_interval_although_rounding_leaves_a_trace() -> None:
    primary = np.linspace(100, 200, 600)
    made = of_pairs(primary, primary + 0.1, np.arange(600.0), np.arange(600.0))
    told = compare(TOTAL, made, ANYTIME).row
    assert (told.verdict, told.interval) == (Verdict.UNDECIDED, None)
    assert "no spread to judge by" in (told.reason or "") or "a few extreme values" in (told.reason or "")


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
@pytest.mark.parametrize(("failing", "word"), [("candidate", Verdict.WORSE), ("primary", Verdict.BETTER)])
def test_an_arm_that_alone_always_fails_is_judged_by_exact_limits(asked: Asked, failing: str, word: Verdict) -> None:
    """600 groups, all on one side: the failing share is at least 0.025^(1/600), for one look."""
    ones, zeros = np.ones(600), np.zeros(600)
    arms = (zeros, ones) if failing == "candidate" else (ones, zeros)
    discordant = (600, 0) if failing == "candidate" else (0, 600)
    made = dataclasses.replace(of_pairs(*arms, np.arange(600.0), np.arange(600.0)), discordant=discordant)
    told = compare(ERRORS, made, asked).row
    assert told.verdict is word
    assert told.interval is not None
    if asked is FIXED:
        least = 2 * 0.025 ** (1 / 600) - 1
        ends = (told.interval.low, told.interval.high)
        assert ends == pytest.approx((least, 1) if failing == "candidate" else (-1, -least))


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
def test_errors_that_hardly_ever_happen_still_let_a_guardrail_pass(asked: Asked) -> None:
    zeros = np.zeros(6000)
    groups = np.arange(6000.0)
    made = dataclasses.replace(of_pairs(zeros, zeros, groups // 100, groups % 256), discordant=(0, 0), skewness=None)
    told = compare(ERRORS, made, asked).row
    assert told.verdict is Verdict.EQUIVALENT
    assert told.p_margin is not None
    assert told.p_margin < 1e-6


def with_levels(primary: Floats, candidate: Floats, block: Floats, bucket: Floats) -> Estimate:
    """With what the primary's own level rests on."""
    blocks, buckets = (PairedSums.of_pairs(primary, candidate, group) for group in (block, bucket))
    return dataclasses.replace(
        of_pairs(primary, candidate, block, bucket),
        primary_blocks=blocks.primary_influence(),
        primary_buckets=buckets.primary_influence(),
    )


def test_a_margin_that_is_a_share_of_the_primary_is_as_uncertain_as_the_primary() -> None:
    """The candidate is a constant 5 % of the primary's true mean slower: the difference is known, the margin is not.

    "Less than 5 % slower" is false, so at one look 5 % may pass at most; against the known difference alone, every
    sample in which the primary seems slow would.
    """
    spread, true_mean = 0.8, 800 * math.exp(0.8**2 / 2)
    guardrail = dataclasses.replace(FIXED, rule=MetricRule(metric="total_ms", margin=Margin(value=0.05, relative=True)))
    passed, replications = 0, 400
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        primary = 800 * np.exp(spread * rng.normal(size=1000))
        candidate = primary + 0.05 * true_mean + rng.normal(size=1000)
        made = with_levels(primary, candidate, np.arange(1000.0) // 10, np.arange(1000.0) % 256)
        told = compare(TOTAL, made, guardrail).row
        assert told.p_margin is not None
        assert told.bound is not None
        assert told.margin is not None
        assert (told.p_margin < 0.05) == (told.bound.value < told.margin)
        passed += told.p_margin < 0.05
    assert passed <= replications * 0.05 + 3 * math.sqrt(replications * 0.05 * 0.95)


def test_the_bound_at_such_a_margin_is_that_of_the_distance_to_it() -> None:
    """d - m p, averaged in groups of equal size, has Student's t; interval and p-value are those of d alone."""
    rng = np.random.default_rng(3)
    primary = 800 * np.exp(0.8 * rng.normal(size=1024))
    candidate = primary + 20 + rng.normal(size=1024)
    block, bucket = np.arange(1024.0) // 16, np.arange(1024.0) % 256
    made = dataclasses.replace(with_levels(primary, candidate, block, bucket), skewness=0.0)
    share, number = (
        compare(TOTAL, made, dataclasses.replace(FIXED, rule=MetricRule(metric="total_ms", margin=margin))).row
        for margin in (Margin(value=0.05, relative=True), Margin(value=0.05 * float(primary.mean())))
    )
    away = (candidate - 1.05 * primary).reshape(64, 16)
    uppers = [
        stats.ttest_1samp(means, 0, alternative="less").confidence_interval(0.95).high
        for means in (away.mean(axis=1), away.reshape(4, 256).mean(axis=0))
    ]
    assert share.bound is not None
    assert number.bound is not None
    assert share.margin == pytest.approx(number.margin)
    assert share.bound.value - 0.05 * primary.mean() == pytest.approx(max(uppers), rel=1e-9)
    assert share.bound.value > number.bound.value + 1
    assert (share.interval, share.p_value) == (number.interval, number.p_value)


def test_a_few_conversations_that_hold_most_pairs_say_nothing() -> None:
    """One conversation holds half of the pairs: its own difference is in the mean, and in no error."""
    rng = np.random.default_rng(4)
    primary = rng.lognormal(6, 0.5, 2000)
    bucket = np.where(np.arange(2000) % 2 == 0, 0.0, np.arange(2000) % 200 + 1.0)
    told = compare(
        TOTAL, of_pairs(primary, primary * rng.lognormal(0, 0.2, 2000), np.arange(2000.0) // 20, bucket), FIXED
    )
    assert (told.row.interval, told.row.verdict) == (None, Verdict.UNDECIDED)
    assert "a few conversations hold most pairs" in (told.row.reason or "")


def test_errors_within_a_few_long_conversations_are_no_evidence_of_none() -> None:
    """24 conversations of 250 pairs without an error: as if each were one request, of which 24 say nothing of 0.5 %."""
    zeros, groups = np.zeros(6000), np.arange(6000.0)
    of = of_pairs(zeros, zeros, groups // 100, groups % 24 * 10)
    told = compare(ERRORS, dataclasses.replace(of, discordant=(0, 0), skewness=None), ANYTIME).row
    assert told.verdict is Verdict.UNDECIDED
    assert told.p_margin is not None
    assert told.p_margin > 0.05


def test_errors_that_come_in_outages_count_as_outages() -> None:
    """Fifteen errors in a row say as much as one or two by themselves."""
    zeros, groups = np.zeros(6000), np.arange(6000.0)
    spread, outage = (np.isin(groups, at).astype(float) for at in (range(7, 6000, 400), range(1500, 1515)))
    singly, together = (
        compare(ERRORS, dataclasses.replace(made, discordant=(15, 0), skewness=None), FIXED).row
        for made in (of_pairs(zeros, failed, groups // 50, groups % 256) for failed in (spread, outage))
    )
    assert singly.bound is not None
    assert together.bound is not None
    assert singly.verdict is Verdict.WORSE
    assert together.bound.value > 1.5 * singly.bound.value
    assert together.verdict is Verdict.UNDECIDED


def _of_conversations(pairs_of_bucket: Floats) -> Estimate:
    """3,072 pairs in 256 buckets, six failures of the candidate alone."""
    zeros = np.zeros(3072)
    buckets = np.repeat(np.arange(256.0), pairs_of_bucket.astype(int))
    made = of_pairs(zeros, zeros, np.arange(3072.0) // 32, buckets)
    return dataclasses.replace(made, difference=6 / 3072, discordant=(6, 0), skewness=None)


@pytest.mark.parametrize("asked", [FIXED, ANYTIME])
def test_a_few_failures_of_long_conversations_say_less_than_of_single_requests(asked: Asked) -> None:
    """Buckets of 4 and 20 pairs vary by 5 times as much as single requests would, buckets of 12 by nothing."""
    single, lumps = (
        compare(ERRORS, _of_conversations(np.tile(sizes, 128)), asked).row
        for sizes in (np.array([12.0, 12.0]), np.array([4.0, 20.0]))
    )
    assert single.bound is not None
    assert lumps.bound is not None
    assert lumps.bound.value > 1.4 * single.bound.value
