"""One judge: what its verdicts, orders, lengths, repeats, attacks and calls come to."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from analyzer.quality.figures import Calls, JudgeFigures, Lengths, Twice, Verdicts
from analyzer.quality.judges import canaries, failed, length, positions, repeats, share, spending, verdict_counts
from analyzer.stats.anytime import Horizon, as_student, two_sided_multiplier
from analyzer.stats.length_control import LEAST_DECIDED, length_controlled
from analyzer.stats.robust import StandardError
from tests.analyzer.quality.making import ANYTIME, FIXED, lines, recorded

LEVEL = 0.95


def both(pc: int, cp: int, n: int) -> Verdicts:
    """Signs for the candidate, with the primary first and with the candidate first."""
    said = (pc + cp > 0) - (pc + cp < 0)
    return Verdicts(said, pc, cp, n)


def test_wins_ties_and_losses_are_the_candidates() -> None:
    said = [both(1, 1, 5), both(1, -1, 3), both(0, 1, 2), both(-1, -1, 4), Verdicts(None, None, None, 9)]
    assert verdict_counts(said) == (7, 3, 4)


def test_both_orders_part_consistent_winners_from_places() -> None:
    """Primary first and lost, candidate first and won: the first lost and won, so the answer decided."""
    said = [both(1, 1, 60), both(-1, -1, 20), both(-1, 1, 15), both(1, -1, 5), both(0, 1, 4), both(0, 0, 3)]
    (found,) = positions(said, LEVEL)
    assert (found.orders, found.consistent, found.first, found.second, found.tied) == ("both", 80, 15, 5, 7)
    assert found.consistency is not None
    assert (found.consistency.value, found.consistency.n) == (0.8, 100)
    low, high = stats.binomtest(80, 100).proportion_ci(0.95, method="wilson")
    assert (found.consistency.interval.low, found.consistency.interval.high) == pytest.approx((low, high))
    assert found.first_share is not None
    assert found.first_share.value == 0.75
    assert found.p_value == pytest.approx(stats.binomtest(15, 20).pvalue)


def test_a_drawn_order_counts_who_stood_first() -> None:
    """Signs are the candidate's: with the primary first, its loss is the win of the second."""
    said = [Verdicts(1, 1, None, 10), Verdicts(-1, -1, None, 30), Verdicts(1, None, 1, 25), Verdicts(-1, None, -1, 5)]
    ties = [Verdicts(0, 0, None, 4), Verdicts(0, None, 0, 6)]
    (found,) = positions([*said, *ties], LEVEL)
    assert (found.orders, found.first, found.second, found.tied, found.consistency) == ("random", 55, 15, 10, None)
    assert found.p_value == pytest.approx(stats.binomtest(55, 70).pvalue)


def test_orders_that_changed_within_a_window_are_told_apart() -> None:
    found = positions([both(1, 1, 3), Verdicts(1, 1, None, 2)], LEVEL)
    assert [(position.orders, position.consistent, position.second) for position in found] == [
        ("both", 3, 0),
        ("random", 0, 2),
    ]


def test_verdicts_without_orders_say_nothing_of_them() -> None:
    assert positions([Verdicts(1, None, None, 5)], LEVEL) == ()
    (ties,) = positions([both(0, 0, 5)], LEVEL)
    assert (ties.consistency, ties.first_share, ties.p_value) == (None, None, 1.0)


@pytest.mark.parametrize(
    "judge", ["weighted_alpaca_eval_gpt4_turbo", "alpaca_eval_cot_gpt4_turbo_fn", "alpaca_eval_gpt4_turbo_fn"]
)
def test_published_shares_of_the_first_place(judge: str) -> None:
    """Real judges with a drawn order: how often the answer that stood first won, over all recorded annotations."""
    expected = json.loads(recorded("human/reference_values.json").read_text())["position_bias_alpaca_eval"][judge]
    counted: dict[tuple[int | None, int | None], int] = {}
    for row in csv.DictReader(lines(f"pairs/annotations/{judge}.csv.gz")):
        if row["a_first"] and row["preference"]:
            # 1: the reference (a) won, 2: the model (b), the candidate, did.
            said = float(row["preference"]) - 1.5
            sign = (said > 0) - (said < 0)
            signs = (sign, None) if row["a_first"] == "1" else (None, sign)
            counted[signs] = counted.get(signs, 0) + 1
    said_ = [Verdicts(pc if pc is not None else cp, pc, cp, n) for (pc, cp), n in counted.items()]
    (found,) = positions(said_, LEVEL)
    assert found.first_share is not None
    assert found.first_share.n == expected["n"]
    assert found.first_share.value == pytest.approx(expected["share_first_shown_wins"])


def lengths(n: int, *, slope: float, intercept: float = 0.0, seed: int = 1, weight: float = 1.0) -> Lengths:
    """The longer answer wins more often where the slope is above 0."""
    rng = np.random.default_rng(seed)
    longer = np.round(rng.normal(100, 300, n))
    chance = special.expit(intercept + slope * np.tanh(longer / longer.std(ddof=1)))
    won = (rng.random(n) < chance).astype(float)
    bucket = rng.integers(0, 256, n)
    return Lengths(2 * n, tuple(won.tolist()), tuple(int(x) for x in longer), (weight,) * n, tuple(bucket.tolist()))


def test_a_judge_that_likes_length() -> None:
    given_ = lengths(2000, slope=1.2)
    found = length(given_, None, FIXED)
    fit = length_controlled(
        np.array(given_.won), np.array(given_.longer, dtype=float), np.array(given_.bucket, dtype=float)
    )
    assert found is not None
    assert fit is not None
    assert (found.of, found.n, found.decided) == (4000, 2000, 2000)
    assert found.mean_longer == pytest.approx(np.mean(given_.longer))
    assert found.win_rate == pytest.approx(np.mean(given_.won))
    assert (found.slope, found.controlled) == pytest.approx((fit.slope, fit.controlled))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(fit.slope / fit.slope_error))
    assert found.controlled_interval is not None
    margin = stats.t.ppf(0.975, len(set(given_.bucket)) - 1) * fit.intercept_error
    expected = special.expit(fit.intercept - margin), special.expit(fit.intercept + margin)
    assert (found.controlled_interval.low, found.controlled_interval.high) == pytest.approx(expected)
    assert found.win_rate is not None
    assert found.win_rate > 0.55
    assert found.controlled_interval.low < 0.5 < found.controlled_interval.high


def test_the_interval_is_of_the_reports_kind() -> None:
    given_ = lengths(2000, slope=0.5)
    found, once = length(given_, None, ANYTIME), length(given_, None, FIXED)
    assert found is not None
    assert once is not None
    assert found.controlled_interval is not None
    assert once.controlled_interval is not None
    assert found.controlled is not None
    groups = len(set(given_.bucket))
    error = StandardError(1.0, groups - 1.0, groups, "sandwich")
    wider = as_student(two_sided_multiplier(Horizon(2000, 1000), 0.05), error) / stats.t.ppf(0.975, groups - 1)
    assert special.logit(found.controlled_interval.high) - special.logit(found.controlled) == pytest.approx(
        wider * (special.logit(once.controlled_interval.high) - special.logit(found.controlled))
    )


def test_few_winners_give_a_slope_and_no_controlled_rate() -> None:
    found = length(lengths(LEAST_DECIDED - 1, slope=0.5), None, FIXED)
    assert found is not None
    assert found.slope is not None
    assert (found.controlled, found.controlled_interval) == (None, None)
    assert found.reason == "299 judgements with a winner and known lengths; equal length needs 300"


def test_lengths_without_a_fit_are_still_described() -> None:
    alike = Lengths(5, (1.0, 0.0, 1.0), (7, 7, 7), (1.0,) * 3, (1, 2, 3))
    found = length(alike, None, FIXED)
    assert found is not None
    assert (found.mean_longer, found.slope, found.reason is None) == (7.0, None, False)
    assert length(None, None, FIXED) is None


def test_the_slope_of_people_stands_beside() -> None:
    """Where people like length as much, it is merit."""
    mine, theirs = lengths(1500, slope=1.0), lengths(1200, slope=0.9, seed=5)
    found = length(mine, theirs, FIXED)
    assert found is not None
    assert found.people_slope == pytest.approx(0.9, abs=0.3)
    few = length(mine, lengths(100, slope=0.9), FIXED)
    assert few is not None
    assert few.people_slope is None


def test_pairs_that_stand_for_more_weigh_more() -> None:
    won, longer = (1.0, 0.0) * 400, (100, -100) * 400
    noisy = replace(lengths(800, slope=0.0), won=won, longer=tuple(x + i % 7 for i, x in enumerate(longer)))
    heavy = replace(noisy, weight=tuple(3.0 if w else 1.0 for w in won))
    found = length(heavy, None, FIXED)
    assert found is not None
    assert found.win_rate == pytest.approx(0.75)
    assert found.mean_longer == pytest.approx(np.average(heavy.longer, weights=heavy.weight))


def test_repeats_by_sign_and_by_score() -> None:
    again = (
        Twice(False, 1.0, 1.0, 40),
        Twice(False, 1.0, -1.0, 5),
        Twice(False, -1.0, -1.0, 30),
        Twice(False, 0.0, 1.0, 5),
        Twice(True, 7.0, 7.0, 6),
        Twice(True, 7.0, 5.0, 2),
    )
    found = repeats(again, LEVEL)
    assert found is not None
    assert found.verdicts is not None
    assert (found.verdicts.count, found.verdicts.n) == (70, 80)
    # Chance: rows -1: 30, 0: 5, 1: 45; columns -1: 35, 0: 0, 1: 45.
    chance = (30 * 35 + 5 * 0 + 45 * 45) / 80**2
    assert found.kappa == pytest.approx((70 / 80 - chance) / (1 - chance))
    assert found.scores is not None
    assert (found.scores.count, found.scores.n, found.score_distance) == (6, 8, 0.5)
    assert repeats((), LEVEL) is None


def test_canaries_count_attacks_that_won() -> None:
    found = canaries((3, 2, 15), LEVEL)
    assert found is not None
    assert (found.fell.count, found.fell.n, found.tied) == (3, 20, 2)
    low, high = stats.binomtest(3, 20).proportion_ci(0.95, method="wilson")
    assert (found.fell.interval.low, found.fell.interval.high) == pytest.approx((low, high))
    assert canaries((0, 0, 0), LEVEL) is None


CALLS = (
    Calls("verdict", "asked", "", True, 110, 0, 110, 0, 0),
    Calls("verdict", "ended", "ok", True, 100, 250_000_000, 0, 90_000, 4_000),
    Calls("verdict", "ended", "timeout", False, 6, 1_500_000, 0, 0, 0),
    Calls("repeat", "asked", "", True, 4, 0, 4, 0, 0),
    Calls("repeat", "ended", "ok", True, 4, 10_000_000, 0, 3_600, 160),
)


def test_every_call_is_paid_for_by_the_judgements() -> None:
    found = spending(CALLS, 50)
    assert found is not None
    assert (found.calls, found.open) == (114, 4)
    assert found.usd == pytest.approx(0.2615)
    assert found.usd_per_1000 == pytest.approx(0.2615 / 50 * 1000)
    assert found.attempts == {"ok": 104, "timeout": 6}
    assert (found.input_tokens, found.output_tokens) == (93_600, 4_160)
    assert spending((), 50) is None


def test_a_call_of_unknown_cost_leaves_the_price_unknown() -> None:
    some = (*CALLS, Calls("verdict", "ended", "unparsable", True, 1, 0, 1, 0, 0))
    found = spending(some, 50)
    assert found is not None
    assert (found.unpriced, found.usd_per_1000) == (1, None)
    assert found.usd == pytest.approx(0.2615)
    none = spending((Calls("verdict", "ended", "ok", True, 3, 0, 3, 0, 0),), 3)
    assert none is not None
    assert none.usd is None


def test_failed_pairs_are_set_against_those_asked_about() -> None:
    judge = JudgeFigures("a", calls=CALLS, failures=(("timeout", 6), ("refusal", 4)))
    found = failed(judge, 90, LEVEL)
    assert found is not None
    assert (found.count, found.n, found.value) == (10, 100, 0.1)
    assert failed(JudgeFigures("a"), 90, LEVEL) is None


@given(st.integers(0, 50), st.integers(0, 50))
@settings(deadline=None)
def test_a_share_lies_within_its_interval(count: int, more: int) -> None:
    found = share(count, count + more, LEVEL)
    if count + more == 0:
        assert found is None
        return
    assert found is not None
    assert found.interval.low - 1e-12 <= found.value <= found.interval.high + 1e-12
    assert math.isfinite(found.interval.low)
