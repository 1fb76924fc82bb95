"""Estimates from sums, against the same worked out pair by pair."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analyzer.estimation import estimate, of_other, of_ratio
from analyzer.figures import Compared, OtherMetric, WeighedSums
from analyzer.gathering import gather, thresholds
from analyzer.inference import Asked, compare
from analyzer.measures import BY_NAME
from analyzer.metrics import METRICS, Metric, named
from analyzer.plan import Plan
from analyzer.reading import DEFAULT_CAP_MS, Setting
from analyzer.stats.estimate import Estimate
from analyzer.stats.ratio import RatioSums
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import random_rows

Row = Mapping[str, Any]
Floats = NDArray[np.float64]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
ROWS = [{**row, "stream": i % 3 > 0} for i, row in enumerate(random_rows(3000, seed=11))]
_ANSWERED = [row for row in ROWS if {row["primary_outcome"], row["candidate_outcome"]} == {"ok"}]
HEALTHY = [*_ANSWERED, *(row for row in ROWS if row["candidate_outcome"] == "timeout")][: len(_ANSWERED) + 20]
"""One in a hundred fails."""


def compared(rows: Sequence[Row] = ROWS) -> Compared:
    source = FakeSource(rows)
    plan = Plan(source.window(), ("swift",))
    return gather(source, plan, Setting(), now=NOW).compared["swift"]


COMPARED = compared()


def metric(name: str, estimand: Any = None) -> Metric:
    found = named(METRICS, name, estimand)
    assert found is not None
    return found


def made(name: str, estimand: Any = None, of: Compared = COMPARED) -> Estimate:
    found = estimate(metric(name, estimand), of)
    assert found is not None
    return found


def timed(name: str, row: Row, arm: str) -> float | None:
    """A time of one arm: infinite for a failure."""
    value = row.get(f"{arm}_{name}")
    return (None if value is None else float(value)) if row[f"{arm}_outcome"] == "ok" else math.inf


def own_time(row: Row) -> bool:
    return (
        not row["held_ms"]
        and not row["gateway_cache"]
        and "n" not in row["changed"]
        and not {row["primary_outcome"], row["candidate_outcome"]} & {"client_abort", ""}
    )


def arrays(pairs: Sequence[tuple[Row, float, float]]) -> tuple[Floats, Floats]:
    return np.array([p for _, p, _ in pairs]), np.array([c for _, _, c in pairs])


def capped(name: str, row: Row, arm: str) -> float | None:
    """A leg that timed out took at least the cap; one whose first token had come keeps that time."""
    if row[f"{arm}_outcome"] == "ok" or (name == "ttft_ms" and row.get(f"{arm}_ttft_ms") is not None):
        value: float | None = row.get(f"{arm}_{name}")
        return value
    return DEFAULT_CAP_MS if name == "total_ms" or row["stream"] else None


def capped_pairs(name: str) -> list[tuple[Row, float, float]]:
    """Both arms answered or timed out; a time-out counts as the cap."""
    found: list[tuple[Row, float, float]] = []
    for row in ROWS:
        if not own_time(row) or not {row["primary_outcome"], row["candidate_outcome"]} <= {"ok", "timeout"}:
            continue
        values = [capped(name, row, arm) for arm in ("primary", "candidate")]
        if None not in values:
            p, c = (min(float(v or 0), DEFAULT_CAP_MS) for v in values)
            found.append((row, p, c))
    return found


def measured_pairs(name: str) -> list[tuple[Row, float, float]]:
    found: list[tuple[Row, float, float]] = []
    for row in ROWS:
        if (taken := BY_NAME[name].taken(row)) is not None:
            candidate, primary = taken
            found.append((row, primary, candidate))
    return found


def check(found: Estimate, pairs: Sequence[tuple[Row, float, float]], *, unit: float = 1e-3) -> None:
    """`unit`: values are kept rounded to this."""
    primary, candidate = arrays(pairs)
    difference = candidate - primary
    assert found.n == len(pairs)
    assert found.primary == pytest.approx(primary.mean(), abs=unit)
    assert found.candidate == pytest.approx(candidate.mean(), abs=unit)
    assert found.difference == pytest.approx(difference.mean(), abs=unit)
    assert found.independent_error == pytest.approx(difference.std(ddof=1) / math.sqrt(len(pairs)), rel=1e-4)
    for influence, key in ((found.blocks, "block"), (found.buckets, "bucket")):
        keys = [row[key].timestamp() if key == "block" else row[key] for row, _, _ in pairs]
        for at, n, total in zip(influence.keys, influence.n, influence.sums, strict=True):
            mine = np.array([k == at for k in keys])
            assert n == mine.sum()
            assert total == pytest.approx((difference[mine] - difference.mean()).sum(), abs=2 * unit * (n + 1))
        assert float(influence.sums.sum()) == pytest.approx(0, abs=1e-6 * len(pairs))


@pytest.mark.parametrize("name", ["total_ms", "ttft_ms"])
def test_means_of_times_count_a_timed_out_leg_as_its_time_out(name: str) -> None:
    found = made(name, "mean")
    check(found, capped_pairs(name))
    primary, candidate = arrays(capped_pairs(name))
    assert found.skewness == pytest.approx(float(stats.skew(candidate - primary)), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "unit"), [("itl_ms", 1e-3), ("tokens_per_second", 1e-3), ("output_tokens", 1e-9), ("cost_usd", 1e-9)]
)
def test_means_of_other_values(name: str, unit: float) -> None:
    check(made(name), measured_pairs(name), unit=unit)


@pytest.mark.parametrize("name", ["error_rate", "timeout_rate", "refusal_rate", "truncation_rate", "valid_json_rate"])
def test_rates_and_the_pairs_in_which_the_arms_differ(name: str) -> None:
    pairs = measured_pairs(name)
    check(made(name), pairs, unit=1e-12)
    primary, candidate = arrays(pairs)
    assert made(name).discordant == ((candidate > primary).sum(), (candidate < primary).sum())


def test_log_ratios() -> None:
    pairs = [(row, p, c) for row, p, c in measured_pairs("total_ms") if p > 0 and c > 0]
    primary, candidate = arrays(pairs)
    logs = np.log(candidate / primary)
    found = made("total_ms", "log_ratio")
    assert (found.n, found.primary, found.candidate) == (len(pairs), None, None)
    assert found.difference == pytest.approx(logs.mean(), abs=1e-5)
    assert found.independent_error == pytest.approx(logs.std(ddof=1) / math.sqrt(len(pairs)), rel=1e-4)
    assert found.skewness == pytest.approx(float(stats.skew(logs)), abs=1e-3)


@pytest.mark.parametrize(("name", "unit"), [("cost_per_1k_tokens", 1e3), ("cost_per_success", 1.0)])
def test_ratios_of_sums(name: str, unit: float) -> None:
    taken = [t for row in ROWS if (t := BY_NAME[name].taken(row)) is not None]
    xc, yc, xp, yp = np.array(taken).T
    found = made(name)
    assert found.n == len(taken)
    assert found.candidate == pytest.approx(xc.sum() / yc.sum(), rel=1e-6)
    assert found.primary == pytest.approx(xp.sum() / yp.sum(), rel=1e-6)
    psi = (xc - xc.sum() / yc.sum() * yc) / yc.mean() - (xp - xp.sum() / yp.sum() * yp) / yp.mean()
    assert found.independent_error == pytest.approx(psi.std(ddof=1) / math.sqrt(len(taken)), rel=1e-4)


@pytest.mark.parametrize(("estimand", "p"), [("p50", 0.50), ("p95", 0.95)])
def test_quantiles_hold_failures_as_longer_than_everything(estimand: str, p: float) -> None:
    pairs = []
    for row in HEALTHY:
        values = [timed("total_ms", row, arm) for arm in ("primary", "candidate")]
        if own_time(row) and None not in values:
            pairs.append((row, float(values[0] or 0), float(values[1] or 0)))
    arms = arrays(pairs)
    found = made("total_ms", estimand, compared(HEALTHY))
    assert found.n == len(pairs)
    exact = [float(np.sort(arm)[math.ceil(len(pairs) * p) - 1]) for arm in arms]
    near = [stats.mstats.mquantiles(arm[np.isfinite(arm)], [p - 0.01, p + 0.01]) for arm in arms]
    for value, true, (low, high) in zip((found.primary, found.candidate), exact, near, strict=True):
        # Within a hundredth of what a percent of rank moves it by.
        assert value == pytest.approx(true, abs=0.1 * (high - low))
    assert found.difference == pytest.approx((found.candidate or 0) - (found.primary or 0))


def test_pairs_that_a_quantile_lacks_are_counted_with_thousands_marked() -> None:
    found = made("total_ms", "p99", compared(_ANSWERED))
    assert found.n == 1735
    assert found.obstacle == "1,735 pairs count; p99 needs 5,000"


def test_a_quantile_among_failures_is_not_known() -> None:
    failed = [{**row, "candidate_outcome": "timeout", "candidate_total_ms": None} for row in _ANSWERED[:200]]
    of = compared([*failed, *_ANSWERED[200:]])
    found = made("total_ms", "p95", of)
    assert found.candidate is None
    assert found.primary is not None
    assert found.obstacle == "p95 of the candidate lies among failures, or too near to them"
    assert ("total_ms", 0.95) not in {(t.metric, t.share) for t in thresholds(of.histograms, METRICS)}


def test_judgements_weigh_by_their_probability() -> None:
    rng = np.random.default_rng(4)
    said = rng.choice([-1.0, 0.0, 1.0], size=len(ROWS), p=[0.3, 0.2, 0.5])
    rows = [{**row, "preference": float(v)} for row, v in zip(ROWS, said, strict=True)]
    of = compared(rows)
    preference, wins = made("judge_preference", of=of), made("win_rate", of=of)
    assert preference.difference == pytest.approx(said.mean(), rel=1e-9)
    assert wins.primary == pytest.approx(0.5)
    assert wins.candidate == pytest.approx((said > 0).mean() + (said == 0).mean() / 2)
    assert wins.independent_error == pytest.approx(
        np.where(said > 0, 1, np.where(said == 0, 0.5, 0)).std(ddof=1) / math.sqrt(len(ROWS)), rel=1e-9
    )


def test_no_pairs_have_no_estimate() -> None:
    rows = [{**row, "primary_total_ms": None, "primary_cost_usd": None} for row in _ANSWERED[:50]]
    of = compared(rows)
    assert estimate(metric("total_ms", "p50"), of) is None
    assert estimate(metric("cost_usd"), of) is None
    assert estimate(metric("win_rate"), of) is None


def test_a_plug_ins_mean_knows_how_skewed_its_values_are() -> None:
    """As the built-in means do: a few extreme values are told of, and bounds are corrected for them."""
    values = np.random.default_rng(6).lognormal(0, 1.2, (400, 2))
    candidate, primary = values.T
    columns = np.stack([candidate, np.ones(400), primary, np.ones(400)], axis=1)
    sums = WeighedSums(
        tuple(range(20)),
        (20,) * 20,
        tuple(tuple(row) for row in columns.reshape(20, 20, 4).sum(axis=1).tolist()),
        tuple(tuple(row) for row in (columns.T @ columns).tolist()),
        float(((candidate - primary) ** 3).sum()),
    )
    plug_in = metric("judge_score")
    plug_in = replace(plug_in, measure=replace(plug_in.measure, origin="pairs"))
    known, unknown, beyond = (
        of_other(plug_in, OtherMetric("judge_score", of, of))
        for of in (sums, replace(sums, cubes=None), replace(sums, cubes=math.inf))
    )
    assert known is not None
    assert known.skewness == pytest.approx(stats.skew(candidate - primary))
    assert unknown is not None
    assert beyond is not None
    assert (unknown.skewness, beyond.skewness) == (None, None)


def test_a_rate_of_texts_knows_in_how_many_pairs_the_arms_differ() -> None:
    """As the built-in rates do, so that a few such pairs are not taken for a normal sample. Both squares count, too."""
    random = np.random.default_rng(7)
    candidate, primary = (random.random((2, 400)) < [[0.97], [0.99]]).astype(float)
    rate = metric("regex_match")

    def found(weight: Floats, values: Floats = candidate) -> Estimate:
        columns = np.stack([weight * values, weight, weight * primary, weight], axis=1)
        sums = WeighedSums(
            tuple(range(20)),
            (20,) * 20,
            tuple(tuple(row) for row in columns.reshape(20, 20, 4).sum(axis=1).tolist()),
            tuple(tuple(row) for row in (columns.T @ columns).tolist()),
            None,
        )
        made = of_other(rate, OtherMetric("regex_match", sums, sums))
        assert made is not None
        return made

    more, less = int(np.sum(candidate > primary)), int(np.sum(candidate < primary))
    assert min(more, less) > 0
    assert found(np.ones(400)).discordant == (more, less)
    assert found(np.tile([1.0, 2.0], 200)).discordant is None, "a pair that stands for two is not one"
    assert found(np.ones(400), candidate * 0.5).discordant is None, "half a yes is none"
    row = compare(rate, found(np.ones(400)), Asked("fixed", 0.95, 1000)).row
    assert "Tango" in row.method


def _ratio_sums(x: Floats, y: Floats) -> RatioSums:
    """The candidate's and the primary's alike, every pair a group of its own."""
    columns = np.stack([x, y, x, y], axis=1)
    return RatioSums(np.ones(len(x)), columns, columns.T @ columns, np.arange(len(x)))


@pytest.mark.parametrize(("successes", "said"), [(49, "49 successes in one arm; an interval needs 50"), (50, None)])
def test_a_cost_per_success_waits_for_fifty_of_them_in_each_arm(successes: int, said: str | None) -> None:
    y = np.concatenate([np.ones(successes), np.zeros(10)])
    sums = _ratio_sums(np.full(len(y), 0.01), y)
    found = of_ratio(sums, sums, least_successes=50)
    assert found is not None
    assert found.obstacle == said


@pytest.mark.parametrize(("spread", "is_certain"), [(0.9, True), (1.1, False)])
def test_a_denominator_that_may_be_near_zero_gives_no_interval(spread: float, is_certain: bool) -> None:
    """100 values of mean 1: a standard error of spread / 10, of which the mean has to be ten."""
    y = 1 + spread * np.tile([-1.0, 1.0], 50) * math.sqrt(0.99)
    found = of_ratio(_ratio_sums(np.ones(100), y), _ratio_sums(np.ones(100), y))
    assert found is not None
    assert (found.obstacle is None) is is_certain


@pytest.mark.parametrize(("estimand", "least"), [("p50", 200), ("p95", 1000)])
def test_a_quantile_waits_for_the_pairs_that_it_needs(estimand: str, least: int) -> None:
    p = named(METRICS, "total_ms", estimand)  # type: ignore[arg-type]
    assert p is not None
    few, enough = (estimate(p, compared(HEALTHY[:n])) for n in (least // 2, 2 * least))
    assert few is not None
    assert enough is not None
    assert (few.obstacle or "").endswith(f"pairs count; {estimand} needs {least:,}")
    assert few.n < least <= enough.n
    assert enough.obstacle is None


def test_every_level_that_a_margin_can_be_a_share_of_knows_what_it_rests_on() -> None:
    """Levels of single arms: what groups add to them, and to the difference, is what they add to the other arm."""
    turned = {"primary": "candidate", "candidate": "primary"}

    def name(key: str) -> str:
        arm, _, rest = key.partition("_")
        return f"{turned[arm]}_{rest}" if arm in turned and rest else key

    others = compared([{name(key): value for key, value in row.items()} for row in _ANSWERED])
    for asked in (("total_ms", "mean"), ("total_ms", "p50"), ("cost_per_success", "ratio"), ("error_rate", "rate")):
        one, other = made(*asked, compared(_ANSWERED)), made(*asked, others)
        assert one.primary_blocks is not None
        assert one.primary_buckets is not None
        assert other.primary_blocks is not None
        assert other.primary_buckets is not None
        for mine, theirs, both in (
            (one.primary_blocks, other.primary_blocks, one.blocks),
            (one.primary_buckets, other.primary_buckets, one.buckets),
        ):
            assert mine.sums + both.sums == pytest.approx(theirs.sums, rel=1e-6, abs=1e-9 * np.abs(theirs.sums).max())
