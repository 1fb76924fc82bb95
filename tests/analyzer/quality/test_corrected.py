"""What people would say of all pairs, from the labels of some and the judges' verdicts on many."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.inference import Asked, compare
from analyzer.metrics import METRICS, named
from analyzer.quality.corrected import DECIDING_LABELS, PLANNED_LABELS, corrected, label_groups, mix
from analyzer.quality.figures import Correction, Groups, Weighted
from analyzer.quality.needed import labels_needed
from analyzer.quality.weighted import against
from analyzer.results import Comparison
from analyzer.stats.moments import Moments
from analyzer.stats.prediction_powered import LEAST_LABELS, LabelSums, corrected_mean
from analyzer.verdict import Verdict
from tests.analyzer.quality.making import BLOCK_S, One, correction, figures
from tests.analyzer.stats.reference import reference_case

PREFERENCE = named(METRICS, "judge_preference", "corrected")
WIN_RATE = named(METRICS, "win_rate", "corrected")
OF_LABELS = Asked("anytime", 0.95, PLANNED_LABELS, counted="labels")
ONE_LOOK = replace(OF_LABELS, kind="fixed")


def spread(values: Sequence[tuple[float, float]], *, weights: Sequence[float] = ()) -> list[One]:
    """(a, b) over 25 blocks and 40 conversations."""
    w = weights or [1.0] * len(values)
    return [One(a, b, w[i], block=1 + i % 25, bucket=i % 40) for i, (a, b) in enumerate(values)]


def test_equal_weights_and_no_settled_pairs_give_the_published_estimate() -> None:
    """The authors' package, by the reference case."""
    case = reference_case("ppi_plus_plus_mean")
    human, judge, others = case.array("Y"), case.array("Yhat"), case.array("Yhat_unlabeled")
    made = correction(
        spread(list(zip(human.tolist(), judge.tolist(), strict=True))), spread([(x, 0.0) for x in others.tolist()])
    )
    found = mix(made)
    z = 1.959963984540054
    case.check(
        lambda_hat=found.weight,
        theta=found.value,
        se=found.error,
        ci=(found.value - z * found.error, found.value + z * found.error),
    )
    assert found.of_judged == found.value


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 200))
@settings(deadline=None, max_examples=50)
def test_equal_weights_of_any_size_change_nothing(seed: int, n: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    human = rng.choice([-1.0, 0.0, 1.0], n)
    judge, unlabelled = np.clip(human + rng.normal(size=n), -1, 1), rng.uniform(-1, 1, others)
    made = correction(
        [One(a, b, 4.0) for a, b in zip(human.tolist(), judge.tolist(), strict=True)],
        [One(a, 0.0, 4.0) for a in unlabelled.tolist()],
    )
    expected = corrected_mean(LabelSums.of_pairs(human, judge), Moments.of(unlabelled))
    assert expected is not None
    found = mix(made)
    assert (found.value, found.weight) == pytest.approx((expected.value, expected.weight), abs=1e-9)
    assert found.error == pytest.approx(expected.error, abs=1e-7)


def _raw(seed: int) -> tuple[list[One], list[One], list[One]]:
    rng = np.random.default_rng(seed)

    def of(n: int) -> list[One]:
        return [
            One(
                float(rng.choice([-1, 0, 1])),
                float(rng.uniform(-1, 1)),
                float(rng.choice([1.0, 2.0, 5.0])),
                block=int(rng.integers(1, 15)),
                bucket=int(rng.integers(0, 20)),
            )
            for _ in range(n)
        ]

    labelled, judged = of(60), of(300)
    settled = [replace(one, w=1.0) for one in of(80)]
    return labelled, judged, settled


def _value(weight: float, labelled: list[One], judged: list[One], settled: list[One]) -> float:
    """By its definition, pair by pair."""

    def mean(pairs: list[One], take: str) -> float:
        return float(sum(p.w * getattr(p, take) for p in pairs) / sum(p.w for p in pairs))

    of_judged = weight * mean(judged, "a") + mean(labelled, "a") - weight * mean(labelled, "b")
    w_judged = sum(p.w for p in (*labelled, *judged))
    total = sum(p.w * p.a for p in settled) + w_judged * of_judged
    return total / (w_judged + sum(p.w for p in settled))


@pytest.mark.parametrize("seed", range(4))
def test_influence_is_what_each_group_moves(seed: int) -> None:
    """Numerical derivatives of the definition by the weight of each pair, lambda held."""
    labelled, judged, settled = _raw(seed)
    found = mix(correction(labelled, judged, settled))
    assert found.value == pytest.approx(_value(found.weight, labelled, judged, settled))
    step = 1e-6
    moved: dict[int, float] = {}
    squares = 0.0
    for place, part in enumerate((labelled, judged, settled)):
        for i, one in enumerate(part):
            sides = []
            for sign in (1, -1):
                parts = [list(p) for p in (labelled, judged, settled)]
                parts[place][i] = replace(one, w=one.w * (1 + sign * step))
                sides.append(_value(found.weight, *parts))
            by = (sides[0] - sides[1]) / (2 * step)
            moved[one.bucket] = moved.get(one.bucket, 0.0) + by
            squares += by**2
    ours = dict(zip(found.buckets.keys.tolist(), (found.buckets.sums / found.buckets.total).tolist(), strict=True))
    assert ours == pytest.approx(moved, abs=1e-8)
    assert found.error == pytest.approx(math.sqrt(squares), rel=1e-5)
    assert float(found.blocks.sums.sum()) == pytest.approx(0, abs=1e-9)
    assert found.blocks.total == pytest.approx(60)
    assert found.buckets.total == pytest.approx(60)


@pytest.mark.parametrize("seed", range(3))
def test_the_weight_makes_the_error_smallest(seed: int) -> None:
    """On a grid of lambdas, by the variance of a difference of two weighted means; the judge's variance is pooled."""
    rng = np.random.default_rng(seed)
    n, others = 800, 4000
    w, w_others = rng.choice([1.0, 4.0], n), rng.choice([1.0, 4.0], others)
    human = rng.normal(size=n)
    judge, unlabelled = 0.7 * human + 0.3 + rng.normal(0, 0.5, n), rng.normal(0.3, math.sqrt(0.74), others)
    made = correction(
        [One(a, b, c) for a, b, c in zip(human.tolist(), judge.tolist(), w.tolist(), strict=True)],
        [One(a, 0.0, c) for a, c in zip(unlabelled.tolist(), w_others.tolist(), strict=True)],
    )

    def error(weight: float) -> float:
        residual = human - weight * judge
        of_labels = float((w**2 * (residual - np.average(residual, weights=w)) ** 2).sum()) / float(w.sum()) ** 2
        of_judge = float((w_others**2 * (unlabelled - np.average(unlabelled, weights=w_others)) ** 2).sum())
        return math.sqrt(of_labels + weight**2 * of_judge / float(w_others.sum()) ** 2)

    found = mix(made)
    best = min(error(x) for x in np.linspace(0, 1, 201))
    assert found.error == pytest.approx(error(found.weight), rel=1e-9)
    assert found.error <= best * 1.01


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3))
@settings(deadline=None, max_examples=30)
def test_a_constant_bias_of_the_judges_does_not_matter(seed: int, bias: float) -> None:
    labelled, judged, settled = _raw(seed)
    one = mix(correction(labelled, judged, settled))
    kinder = [replace(p, b=p.b + bias) for p in labelled], [replace(p, a=p.a + bias) for p in judged]
    other = mix(correction(*kinder, settled))
    assert (other.value, other.weight) == pytest.approx((one.value, one.weight), abs=1e-6)
    assert other.error == pytest.approx(one.error, abs=1e-6)


def test_settled_pairs_keep_what_their_rung_says() -> None:
    """30 ties by equality; of 70 others people say +1 in half and -1 in half of 20, and +1 throughout with a bias."""
    half = spread([(1.0, 1.0), (-1.0, -1.0)] * 10)
    judged = spread([(1.0, 0.0), (-1.0, 0.0)] * 25)
    ties = spread([(0.0, 0.0)] * 30)
    assert mix(correction(half, judged, ties)).value == pytest.approx(0.0)
    won = spread([(1.0, 0.0)] * 20)
    assert mix(correction(won, judged, ties)).value == pytest.approx(0.7)


def test_without_other_judged_pairs_the_labels_stand_alone() -> None:
    labelled = spread([(1.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
    found = mix(correction(labelled))
    values = np.array([1.0, 0.0, 1.0, -1.0])
    assert (found.value, found.weight) == (0.25, 0.0)
    assert found.error == pytest.approx(values.std() / 2)


def test_a_judge_that_knows_nothing_is_not_believed() -> None:
    labelled = spread([(1.0, -1.0), (-1.0, 1.0)] * 100)
    judged = [One(float(i % 2), block=30 + i % 5, bucket=100 + i) for i in range(100)]
    found = mix(correction(labelled, judged))
    assert (found.weight, found.value) == (0.0, 0.0)
    # Groups on which nothing rests are no groups.
    assert found.buckets.groups == 40
    assert found.blocks.groups == 25


def _row(of: Correction, asked: Asked = OF_LABELS) -> Comparison:
    metric = PREFERENCE if of.metric == "judge_preference" else WIN_RATE
    assert metric is not None
    return compare(metric, corrected(of.metric, figures(of)), asked).row


def _study(n: int, seed: int = 1, **kind: float) -> Correction:
    """People say +0.3 on average; judges say much the same, kinder by `bias`."""
    rng = np.random.default_rng(seed)
    bias = kind.get("bias", 0.2)

    def pair(i: int) -> tuple[float, float]:
        human = float(rng.choice([-1.0, 0.0, 1.0], p=[0.25, 0.2, 0.55]))
        judge = human + bias + float(rng.normal(0, 0.4))
        return human, judge

    labelled = spread([pair(i) for i in range(n)])
    judged = spread([(pair(i)[1], 0.0) for i in range(2000)])
    return correction(labelled, judged)


def test_no_label_no_corrected_value() -> None:
    assert PREFERENCE is not None
    assert corrected("judge_preference", None) is None
    unlabelled = correction([], spread([(1.0, 0.0)] * 50))
    assert corrected("judge_preference", figures(unlabelled)) is None
    row = compare(PREFERENCE, None, OF_LABELS).row
    assert row.reason == "no judged pair has a label by people"
    assert label_groups("judge_preference", figures(unlabelled)) == (0, 0)


def test_few_labels_are_counted_and_show_nothing() -> None:
    row = _row(_study(LEAST_LABELS - 1))
    assert (row.n, row.interval) == (99, None)
    assert row.reason == "99 labels by people; a corrected value is shown from 100 on"
    needed = labels_needed(row, None)
    assert needed.reason == "it takes about 201 more labels by people"


def test_from_a_hundred_labels_on_there_is_an_interval_that_decides_nothing() -> None:
    row = _row(_study(LEAST_LABELS, bias=0.0))
    assert row.interval is not None
    assert row.interval.low > 0
    assert row.verdict is Verdict.UNDECIDED
    assert row.doubt == row.reason == "100 labels by people; a verdict needs 300"


@pytest.mark.parametrize("asked", [OF_LABELS, ONE_LOOK])
def test_from_three_hundred_labels_on_it_decides(asked: Asked) -> None:
    row = _row(_study(DECIDING_LABELS), asked)
    assert (row.verdict, row.doubt) == (Verdict.BETTER, None)
    assert (row.primary, row.n) == (0.0, 300)
    assert row.candidate == row.difference == pytest.approx(0.3, abs=0.1)
    assert "labels planned" in row.method or asked.kind == "fixed"


def test_win_rates_stand_against_a_half() -> None:
    found = _row(_wins(correction([*spread([(1.0, 1.0)] * 160), *spread([(0.0, 0.5)] * 140)])))
    assert found.primary == 0.5
    assert found.candidate == pytest.approx(160 / 300)
    assert found.difference == pytest.approx(160 / 300 - 0.5)


def _wins(of: Correction) -> Correction:
    return replace(of, metric="win_rate")


def test_labels_of_a_few_minutes_or_conversations_say_too_little() -> None:
    pairs = [(1.0, 1.0), (0.0, 0.0), (-1.0, -1.0)] * 100
    judged = spread([(x, 0.0) for x in (-1.0, 0.0, 1.0)] * 100)
    soon = [One(a, b, block=1 + i % 4, bucket=i % 40) for i, (a, b) in enumerate(pairs)]
    few = [One(a, b, block=1 + i % 25, bucket=i % 4) for i, (a, b) in enumerate(pairs)]
    assert _row(correction(soon, judged)).reason == "labels lie in 4 time blocks; an interval needs 10"
    assert _row(correction(few, judged)).reason == "labels lie in 4 groups of conversations; an interval needs 10"
    assert label_groups("judge_preference", figures(correction(soon, judged))) == (4, 40)


def test_labels_of_picked_pairs_decide_nothing() -> None:
    """Somebody labelled what the judges had said the candidate won."""
    picked = spread([(1.0, 1.0), (0.0, 1.0), (-1.0, 1.0)] * 120)
    judged = spread([(x, 0.0) for x in (-1.0, 0.0, 1.0)] * 500)
    row = _row(correction(picked, judged))
    assert row.verdict is Verdict.UNDECIDED
    assert row.doubt == (
        "labelled pairs are not like the others: judges prefer the candidate by +1.00 there and by +0.00 elsewhere; "
        "label pairs that are drawn at random"
    )


def test_what_is_still_needed_is_labels() -> None:
    close = _row(_study(300, bias=0.0))
    near = replace(close, margin=0.05, difference=0.0, p_margin=0.5)
    assert near.interval is not None
    error = compare(PREFERENCE, corrected("judge_preference", figures(_study(300))), OF_LABELS).error  # type: ignore[arg-type]
    found = labels_needed(near, error)
    assert found.pairs is None
    assert found.reason is not None
    assert found.reason.startswith("it takes about ")
    assert found.reason.endswith(" more labels by people")
    assert labels_needed(replace(close, p_margin=0.001), error).pairs == 0


def _simulated(rng: np.random.Generator, labels: int) -> tuple[Correction, Weighted]:
    """5,000 pairs in conversations of 5 turns, that share much of what people say; a judge that is too kind; drawn for
    judging with a probability that depends on what it says; 10 % settled ties.

    Returns:
        Sums with the labels, and the judges' own.
    """
    conversations = 1000
    talk = np.repeat(np.arange(conversations), 5)
    n = len(talk)
    likes = rng.normal(0.1, 0.6, conversations)[talk]
    human = np.sign(np.round(likes + rng.normal(0, 0.8, n), 0))
    judge = np.clip(0.6 * human + 0.25 + rng.normal(0, 0.5, n), -1, 1)
    is_settled = rng.random(n) < 0.1
    p = np.where(np.abs(judge) > 0.5, 0.6, 0.2)
    drawn = ~is_settled & (rng.random(n) < p)
    block = np.sort(rng.integers(1, 200, conversations))[talk] * BLOCK_S
    bucket = rng.integers(0, 256, conversations)[talk]
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.choice(np.flatnonzero(drawn), labels, replace=False)] = True
    nothing, w = np.zeros(n), np.where(is_settled, 1.0, 1 / p)

    def sums(where: Any, a: Any, b: Any) -> Weighted:
        x, y, each = a[where], b[where], w[where]
        products = (x * x, x * y, x, y * y, y, np.ones(len(x)))
        aa, ab, aw, bb, bw, ww = (float(each**2 @ of) for of in products)
        blocks, buckets = (_groups(keys[where], x, y, each) for keys in (block, bucket))
        return Weighted(blocks, buckets, (aa, ab, aw, bb, bw, ww))

    judges = np.where(is_settled, 0.0, judge)
    made = Correction(
        "judge_preference",
        {
            "settled": sums(is_settled, nothing, nothing),
            "judged": sums(drawn & ~chosen, judge, nothing),
            "labelled": sums(chosen, human, judge),
        },
    )
    return made, sums(drawn | is_settled, judges, nothing)


def _groups(keys: Any, a: Any, b: Any, w: Any) -> Groups:
    names, at = np.unique(keys, return_inverse=True)
    columns = (np.bincount(at, weights=of) for of in (w, w * a, w * b))
    n = np.bincount(at)
    return Groups(tuple(names.tolist()), tuple(n.tolist()), *(tuple(of.tolist()) for of in columns))


def _truth() -> float:
    """What people say of a pair on average, 10 % of them ties: by a million draws of the same."""
    rng = np.random.default_rng(99)
    likes = rng.normal(0.1, 0.6, 10**6) + rng.normal(0, 0.8, 10**6)
    return 0.9 * float(np.sign(np.round(likes, 0)).mean())


@pytest.mark.parametrize("labels", [100, 300])
def test_corrected_intervals_hold_the_truth_and_the_judges_do_not(labels: int) -> None:
    """200 seeded studies, one look each: 95 % within three standard errors (4.6 points), the judges' own none."""
    assert PREFERENCE is not None
    truth, studies = _truth(), 200
    held = raw_held = 0
    for seed in range(studies):
        made, raw = _simulated(np.random.default_rng([labels, seed]), labels)
        row = compare(PREFERENCE, corrected("judge_preference", figures(made)), ONE_LOOK).row
        assert row.interval is not None
        held += row.interval.low <= truth <= row.interval.high
        alone = against(raw, 0.0)
        assert alone is not None
        judged = compare(PREFERENCE, alone, ONE_LOOK).row
        assert judged.interval is not None
        raw_held += judged.interval.low <= truth <= judged.interval.high
    assert abs(held / studies - 0.95) < 3 * math.sqrt(0.95 * 0.05 / studies)
    assert raw_held == 0
