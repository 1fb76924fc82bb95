"""Missing requests: whose fault they are, and how far they could move each kind of metric.

Bounds are checked by filling the missing values in: whatever is filled in stays within them, and the worst filling
reaches them.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.figures import Histogram, OtherMetric, WeighedSums
from analyzer.integrity.figures import Conduct, KnownPrimary, MissingRows
from analyzer.integrity.missing import missing, worst_shift
from analyzer.integrity.results import Missing
from analyzer.quality.figures import QualityFigures
from analyzer.stats.estimate import Estimate
from analyzer.stats.quantile import quantile_rank
from record.states import CLASS_OF, LOST, SKIPS, State, StateClass
from store.rollups.vectors import FAILED_BIN, GAMMA
from tests.analyzer.integrity.making import CAP_MS, compared, estimate, experiment, metric

COUNTED = {
    "received": 1000,
    "no_match": 200,
    "unsampled": 700,
    "budget": 4,
    "breaker_open": 3,
    "memory": 2,
    "admitted": 91,
}
SOME = Missing(ours=10, ours_share=0.01)


def lost(rows: int = 0, unseen: int = 0, largest: dict[str, float] | None = None, **known: KnownPrimary) -> Conduct:
    return Conduct(missing=MissingRows(rows, unseen, known, {}, largest or {}))


def shift(name: str, estimand: Any, of: Any, conduct: Conduct, **fields: Any) -> tuple[float, float] | None:
    return worst_shift(metric(name, estimand), of, compared(conduct, **fields), SOME)


def test_missing_is_split_by_whose_fault_it_is() -> None:
    found = missing(COUNTED)
    assert (found.by_design, found.candidate, found.ours) == (4, 3, 2)
    assert found.ours_share == pytest.approx(2 / 100)
    assert found.by_state == (("budget", 4), ("breaker_open", 3), ("memory", 2))


@pytest.mark.parametrize("state", [*SKIPS, *LOST])
def test_every_state_without_a_pair_is_somebodys(state: State) -> None:
    found = missing({"received": 1, state.value: 1})
    by_class = {
        StateClass.BY_DESIGN: found.by_design,
        StateClass.CANDIDATE: found.candidate,
        StateClass.OURS: found.ours,
    }
    assert by_class == {cls: int(CLASS_OF[state] is cls) for cls in by_class}


def test_without_counts_nothing_is_known_to_be_missing() -> None:
    assert missing({}) == Missing()
    assert worst_shift(metric("total_ms"), estimate(10, 1.0), compared(), Missing()) == (0.0, 0.0)


def test_what_was_lost_in_earlier_experiments_moves_nothing_here() -> None:
    assert shift("total_ms", "mean", estimate(1000, -5.0), lost()) == (0.0, 0.0)


def test_counts_alone_are_taken_at_their_worst() -> None:
    """Nobody read what is missing: ten requests of which nothing is known, of 1010; d = -5, each within -+60 s."""
    found = worst_shift(metric("total_ms"), estimate(1000, -5.0), compared(Conduct()), SOME)
    assert found == pytest.approx((10 / 1010 * (CAP_MS - 5.0), 10 / 1010 * (CAP_MS + 5.0)))


def test_the_primarys_known_times_are_used() -> None:
    """Of 20 missing, 15 have a primary's time (3 s in all, 200 ms each), 3 could not have counted, 2 are unknown.

    17 count: candidates 0 to 60 s, primaries 3 s and two of 0 to 60 s.
    """
    known = lost(18, 2, total_us=KnownPrimary(15, 3_000_000, 3))
    down, up = shift("total_ms", "mean", estimate(1000, 10.0), known) or (0, 0)
    assert down == pytest.approx(10.0 - (1000 * 10.0 - 3000.0 - 2 * CAP_MS) / 1017)
    assert up == pytest.approx((1000 * 10.0 + 17 * CAP_MS - 3000.0) / 1017 - 10.0)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=10),
    st.integers(0, 10),
)
def test_no_filling_of_a_rate_leaves_its_bounds_and_the_worst_one_reaches_them(
    seen: list[tuple[bool, bool]], absent: list[tuple[bool, bool]], known: int
) -> None:
    """(primary failed, candidate failed); of the first `known` missing ones the primary's outcome is known."""
    known = min(known, len(absent))
    d = float(np.mean([c - p for p, c in seen]))
    rows = lost(known, len(absent) - known, error=KnownPrimary(known, sum(p for p, _ in absent[:known]), 0))
    found = shift("error_rate", "rate", estimate(len(seen), d), rows)
    assert found is not None
    least, most = d - found[0], d + found[1]

    def filled(values: list[tuple[bool, bool]]) -> float:
        return float(np.mean([c - p for p, c in [*seen, *values]]))

    primaries = [p for p, _ in absent[:known]]
    assert least - 1e-9 <= filled(absent) <= most + 1e-9
    best = filled([(p, False) for p in [*primaries, *[True] * (len(absent) - known)]])
    worst = filled([(p, True) for p in [*primaries, *[False] * (len(absent) - known)]])
    # What was measured stays possible: a missing request need not count.
    assert (least, most) == pytest.approx((min(d, best), max(d, worst)))


def test_log_ratios_are_bounded_by_the_stores_microsecond_and_the_cap() -> None:
    """One primary of 1 s is known: ln c - ln p lies within ln(1 us / 1 s) and ln(60 s / 1 s)."""
    known = lost(1, 0, total_us_log=KnownPrimary(1, round(math.log(1e6) * 1e6), 0))
    found = shift("total_ms", "log_ratio", estimate(99, 0.1), known)
    down, up = (0.1 + math.log(1e6)) / 100, (math.log(60) - 0.1) / 100
    assert found == pytest.approx((down, up), rel=1e-6)


LARGEST = [("cost_usd", 2.0), ("output_tokens", 900.0), ("tokens_per_second", 80.0)]


@pytest.mark.parametrize(("name", "largest"), LARGEST)
def test_what_has_no_limit_is_bounded_by_the_largest_value_seen(name: str, largest: float) -> None:
    rows = lost(0, 4, {name: largest})
    found = shift(name, "mean", estimate(96, 0.5), rows)
    assert found == pytest.approx((0.04 * (largest + 0.5), 0.04 * (largest - 0.5)))
    assert shift(name, "mean", estimate(96, 0.5), lost(0, 4)) is None


def test_ratios_of_sums_are_moved_by_dear_failures_and_by_free_successes() -> None:
    """Candidate $30 over 90 successes, primary $50 over 100; two missing, one with a primary of $1 that succeeded."""
    names = ("x_candidate", "y_candidate", "x_primary", "y_primary")
    totals = dict(zip((f"cost_per_success_{n}" for n in names), (30 * 10**9, 90, 50 * 10**9, 100), strict=True))
    rows = lost(
        1, 1, {"cost_usd": 2.0}, cost_per_success_x=KnownPrimary(1, 10**9, 0), cost_per_success_y=KnownPrimary(1, 1, 0)
    )
    found = shift("cost_per_success", "ratio", estimate(100, 30 / 90 - 0.5), rows, totals=totals)
    least = 30 / 92 - 53 / 101
    most = 34 / 90 - 51 / 102
    assert found == pytest.approx((30 / 90 - 0.5 - least, most - (30 / 90 - 0.5)))


def _histogram(times_ms: list[float]) -> Histogram:
    bins = [FAILED_BIN if math.isinf(t) else math.floor(math.log(t * 1000) / math.log(GAMMA)) for t in times_ms]
    found, counts = np.unique(bins, return_counts=True)
    return Histogram(tuple(int(b) for b in found), tuple(int(n) for n in counts))


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12), st.sampled_from(["p50", "p95"]))
def test_no_filling_of_times_moves_a_quantile_beyond_its_bounds(
    seed: int, known: int, unknown: int, estimand: Any
) -> None:
    """Missing candidates are anywhere between 0 and the cap, unknown primaries too; bins are 0.2 % wide."""
    rng = np.random.default_rng(seed)
    primary, candidate = (list(rng.lognormal(6, 0.5, 60)) for _ in range(2))
    candidate[:2] = [math.inf, math.inf]
    absent_p = list(rng.lognormal(7, 0.5, known))
    rows = MissingRows(
        known,
        unknown,
        {"total_us_rank": KnownPrimary(known, known, 0)},
        {"total_us": tuple(zip(_histogram(absent_p).bins, _histogram(absent_p).pairs, strict=True))} if known else {},
        {},
    )
    histograms = {"total_us_primary": _histogram(primary), "total_us_candidate": _histogram(candidate)}
    asked = metric("total_ms", estimand)
    assert asked.quantile is not None
    found = worst_shift(
        asked, estimate(60, 0.0), compared(Conduct(missing=rows), histograms=histograms), Missing(ours=known + unknown)
    )
    assert found is not None

    def quantile(times: list[float]) -> float:
        return min(CAP_MS, sorted(times)[quantile_rank(len(times), asked.quantile or 0) - 1])

    there = quantile(candidate) - quantile(primary)
    for _ in range(5):
        filled_c = [*candidate, *rng.choice([0.0, 1.0, 500.0, CAP_MS], known + unknown)]
        filled_p = [*primary, *absent_p, *rng.choice([0.0, 1.0, 500.0, CAP_MS], unknown)]
        moved = quantile(filled_c) - quantile(filled_p)
        slack = 0.005 * (quantile(filled_c) + quantile(filled_p) + quantile(candidate) + quantile(primary))
        assert there - found[0] - slack <= moved <= there + found[1] + slack


def test_a_quantile_that_missing_times_may_push_among_failures_is_bounded_by_the_cap() -> None:
    histograms = {"total_us_primary": _histogram([100.0] * 90), "total_us_candidate": _histogram([100.0] * 90)}
    found = shift("total_ms", "p95", estimate(90, 0.0), lost(0, 10), histograms=histograms)
    assert found is not None
    assert found == pytest.approx((CAP_MS - 100, CAP_MS - 100), rel=0.005)


def test_preferences_are_bounded_by_their_scale_and_scores_by_the_largest() -> None:
    """Half of the 1000 pairs were judged, so half of the 10 missing would have been."""
    of = estimate(500, 0.2)
    assert shift("judge_preference", "mean", of, lost(0, 10)) == pytest.approx((5 / 505 * 1.2, 5 / 505 * 0.8))
    half = estimate(500, 0.2, 0.5, 0.7)
    assert shift("win_rate", "win_rate", half, lost(0, 10)) == pytest.approx((5 / 505 * 0.7, 5 / 505 * 0.3))
    scored = lost(0, 10, {"judge_score": 5.0})
    assert shift("judge_score", "mean", of, scored) == pytest.approx((5 / 505 * 5.2, 5 / 505 * 4.8))
    assert shift("judge_score", "mean", of, lost(0, 10)) is None


def test_agreement_moves_as_a_share_does() -> None:
    found = shift("exact_match", "rate", estimate(95, 0.1, 0.7, 0.8), lost(0, 5))
    assert found == pytest.approx((0.05 * 0.8, 0.05 * 0.2))


@pytest.mark.parametrize(
    ("name", "estimand", "bounds"),
    [
        ("rouge_l", "mean", (0.8, 0.2)),
        ("embedding_similarity", "mean", (1.8, 0.2)),
        ("regex_match", "rate", (1.1, 0.9)),
    ],
)
def test_scores_of_texts_move_within_what_is_declared(name: str, estimand: Any, bounds: tuple[float, float]) -> None:
    """Half of the 1000 pairs have texts. Of how alike both answers are the level moves, 0.8; else the difference."""
    found = shift(name, estimand, estimate(500, 0.1, 0.7, 0.8), lost(0, 10))
    assert found == pytest.approx(tuple(5 / 505 * bound for bound in bounds))


def test_an_estimate_that_is_no_number_has_no_worst_case() -> None:
    assert shift("total_ms", "p50", estimate(95, math.nan), lost(0, 5)) is None
    assert shift("total_ms", "p50", estimate(95, 1.0), lost(0, 5)) is None


def test_losses_without_pairs_are_not_divided_by_nothing() -> None:
    of = experiment(0)
    assert worst_shift(metric("win_rate"), estimate(0, 0.0), compared(lost(0, 5), of=of), SOME) is not None


OURS = "helpfulness@1a2b3c4d"


def judged(
    name: str, estimand: Any, of: Estimate, *, weight: float, failed: float, rubric: str = OURS, **lost_: Any
) -> tuple[float, float] | None:
    """Judged pairs stand for `weight`, those that judges failed on for `failed`."""
    n = int(of.n)
    sums = WeighedSums((0,), (n,), ((0.0, weight, 0.0, weight),), ((0.0,) * 4,) * 4, None)
    quality = QualityFigures(rubric, unjudged=round(failed), unjudged_weight=failed)
    made = replace(compared(lost(**lost_)), others=(OtherMetric(name, sums, sums),), quality=quality)
    return worst_shift(metric(name, estimand), of, made, Missing())


def test_pairs_that_judges_failed_on_may_have_been_anything() -> None:
    """500 judged pairs stand for 1,000, failed ones for 40: as bad or as good as 40 of 1,040 can make it."""
    share = 40 / 1040
    of = estimate(500, 0.2, 0.0, 0.2)
    assert judged("judge_preference", "mean", of, weight=1000, failed=40) == pytest.approx((share * 1.2, share * 0.8))
    wins = estimate(500, 0.1, 0.5, 0.6)
    assert judged("win_rate", "win_rate", wins, weight=1000, failed=40) == pytest.approx((share * 0.6, share * 0.4))
    scores = estimate(500, 1.0, 5.0, 6.0)
    assert judged("judge_score", "mean", scores, weight=1000, failed=40) == pytest.approx((share * 10, share * 8))


def test_filled_in_they_reach_the_bounds_and_no_further() -> None:
    """Weighted means over judged and failed pairs, the failed all -1, all 1, or drawn."""
    rng = np.random.default_rng(4)
    values, weights = rng.choice([-1.0, 0.0, 1.0], 300), rng.choice([1.0, 4.0], 300)
    mean = float(np.average(values, weights=weights))
    found = judged("judge_preference", "mean", estimate(300, mean, 0.0, mean), weight=float(weights.sum()), failed=60)
    assert found is not None
    for filling in (np.full(15, -1.0), np.full(15, 1.0), rng.uniform(-1, 1, 15)):
        whole = float(np.average([*values, *filling], weights=[*weights, *([4.0] * 15)]))
        assert mean - found[0] - 1e-9 <= whole <= mean + found[1] + 1e-9
    lowest = float(np.average([*values, *([-1.0] * 15)], weights=[*weights, *([4.0] * 15)]))
    assert mean - found[0] == pytest.approx(lowest)


def test_what_people_would_say_of_them_is_bounded_alike() -> None:
    """Its n are labels; the share that failed is the same."""
    of = estimate(300, 0.2, 0.0, 0.2)
    share = 40 / 1040
    found = judged("judge_preference", "corrected", of, weight=1000, failed=40)
    assert found == pytest.approx((share * 1.2, share * 0.8))


def test_failures_add_to_what_was_lost() -> None:
    """500 of 1,000 pairs judged; 10 lost requests of which 5 would have been, and failures of 20 in such pairs."""
    of = estimate(500, 0.0, 0.0, 0.0)
    found = judged("judge_preference", "mean", of, weight=1000, failed=40, unseen=10)
    assert found == pytest.approx((25 / 525, 25 / 525))


def test_failures_of_judges_move_no_other_metric() -> None:
    of = estimate(500, 0.2, 0.0, 0.2)
    assert judged("judge_preference", "mean", of, weight=1000, failed=0) == (0.0, 0.0)
    quality = QualityFigures(OURS, unjudged=40, unjudged_weight=40.0)
    made = replace(compared(lost()), quality=quality)
    assert worst_shift(metric("error_rate"), of, made, Missing()) == (0.0, 0.0)
    assert worst_shift(metric("rouge_l"), of, made, Missing()) == (0.0, 0.0)


def test_scores_of_a_file_may_have_any_scale() -> None:
    scores = estimate(500, 1.0, 5.0, 6.0)
    assert judged("judge_score", "mean", scores, weight=500, failed=0, rubric="imported", unseen=10) is None
    assert judged("judge_score", "mean", scores, weight=500, failed=0, unseen=10) == pytest.approx(
        (5 / 505 * 10, 5 / 505 * 8)
    )
