"""Sampled requests without a pair, and how far they could move a difference.

Requests that shadowbench itself lost are missing data. Nothing says that they are like the others (a busy proxy loses
requests at busy times), so nothing is assumed: each may have been as good or as bad as is possible (Manski 1990, AER
80:319). Of those that have a row, the primary's figures are known and used; a candidate's leg that was never sent can
have taken anything between 0 and its limit. Every request that might count for a metric is taken to count.

Range of one arm's value, where nothing is known:

    rates                                  0 to 1
    times                                  0 to `cap_ms`; on the log scale 1 microsecond, the store's unit, to `cap_ms`
    costs, tokens, speed, other scores     0 to the largest value that any pair has
    preferences of judges                  -1 to 1
    judges' scores by one of our rubrics   1 to 10
    metrics of texts                       as they are declared
    metrics of plug-ins                    not bounded, unless they are rates

Pairs that judges were asked about and could not judge are missing from the judged metrics alone; each stands for as
many as its probability of being drawn says.

What is not bounded has no worst case: `worst_shift` is None, and no verdict may be given while anything is missing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.audit import RECEIVED
from analyzer.figures import Compared, Histogram
from analyzer.integrity.figures import KnownPrimary, MissingRows
from analyzer.integrity.results import Missing
from analyzer.metrics import Metric
from analyzer.stats.bounds import difference_range, worst_case_shift
from analyzer.stats.estimate import Estimate
from analyzer.stats.histogram import LogHistogram
from analyzer.stats.interval import Interval
from analyzer.stats.quantile import quantile_rank
from record.states import CLASS_OF, LOST, SKIPS, UNCAPTURED, State, StateClass
from store.rollups.measures import BY_METRIC
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN

_LOG_SCALE = 1e-6
_EVERYBODY_OK = "output_tokens"
"""The measure whose `never` are the requests in which the primary did not answer."""
_SCORES = 9.0
"""Between the best and the worst score that a judge may give."""
_NOTHING = KnownPrimary(0, 0, 0)
Shift = tuple[float, float]
"""How far a difference may move down, and up; both 0 or above."""


def missing(counted: Mapping[str, int]) -> Missing:
    """Counts by class of state.

    Args:
        counted: `received` and states, as the workers counted them; empty where nobody did.
    """

    def of(cls: StateClass) -> int:
        return sum(counted.get(s, 0) for s in (*SKIPS, *LOST) if CLASS_OF[s] is cls)

    sampled = counted.get(RECEIVED, 0) - sum(counted.get(s, 0) for s in UNCAPTURED)
    ours = of(StateClass.OURS)
    found: list[tuple[State, int]] = [(s, counted[s]) for s in (*SKIPS, *LOST) if counted.get(s)]
    return Missing(
        of(StateClass.BY_DESIGN),
        of(StateClass.CANDIDATE),
        ours,
        min(1.0, ours / sampled) if sampled > 0 else None,
        tuple((state.value, count) for state, count in sorted(found, key=lambda item: -item[1])),
    )


def worst_shift(metric: Metric, estimate: Estimate, compared: Compared | None, missing: Missing) -> Shift | None:
    """How far the difference could move if the missing requests had been as bad, or as good, as they can be.

    Args:
        metric: of the estimate.
        estimate: over the pairs that are there.
        compared: what it was made from.
        missing: of the candidate; it decides only where `compared` does not know which requests are missing.

    Returns:
        (down, up) in the metric's unit; (0, 0) when nothing is missing; None when nothing bounds what is.
    """
    known = None if compared is None else compared.conduct.missing
    rows = MissingRows(0, missing.ours, {}, {}, {}) if known is None else known
    if not rows.requests and not _unjudged(metric, compared):
        return 0.0, 0.0
    if compared is None or not math.isfinite(estimate.difference):
        return None
    if metric.quantile is not None:
        return _quantile_shift(metric, compared, rows, metric.quantile)
    if metric.measure.origin != "rollups":
        return _other_shift(metric, estimate, compared, rows)
    if metric.measure.kind == "ratio":
        return _ratio_shift(metric, compared, rows)
    if metric.measure.joint:
        # The level moves; what it is set against is the control's own.
        level = estimate.difference if estimate.candidate is None else estimate.candidate
        return _shift(level, _absent(rows, _EVERYBODY_OK).requests, estimate.n, Interval(0.0, 1.0))
    if metric.estimand == "log_ratio":
        whole = Interval(0.0, math.log(compared.cap_ms * 1000))
        return _mean_shift(estimate, _absent(rows, f"{BY_METRIC[metric.name].prefix}_log", _LOG_SCALE), whole)
    span = _range(metric, compared, rows)
    kept = BY_METRIC[metric.name]
    return None if span is None else _mean_shift(estimate, _absent(rows, kept.prefix, 1 / kept.per_unit), span)


@dataclass(frozen=True, slots=True)
class _Absent:
    """Missing requests that may count for one measure."""

    requests: int
    known: int
    """Of these, with the primary's value."""
    sum: float
    """Of these values, in the metric's unit."""

    @property
    def unknown(self) -> int:
        return self.requests - self.known


def _absent(rows: MissingRows, prefix: str, scale: float = 1.0) -> _Absent:
    known = rows.known.get(prefix, _NOTHING)
    requests = max(known.n, rows.requests - known.never)
    return _Absent(requests, known.n, known.sum * scale)


def _range(metric: Metric, compared: Compared, rows: MissingRows) -> Interval | None:
    """Of one arm's value in one request."""
    if metric.measure.kind == "rate":
        return Interval(0.0, 1.0)
    if metric.name.endswith("_ms"):
        return Interval(0.0, compared.cap_ms)
    largest = rows.largest.get(metric.name)
    return None if largest is None else Interval(0.0, largest)


def _shift(difference: float, requests: float, n: float, possible: Interval) -> Shift:
    """Of a mean over n pairs, with so many requests missing whose mean lies within a range."""
    if not requests:
        return 0.0, 0.0
    shift = worst_case_shift(difference, requests / (n + requests), possible)
    return max(0.0, -shift.low), max(0.0, shift.high)


def _mean_shift(estimate: Estimate, absent: _Absent, span: Interval) -> Shift:
    if not absent.requests:
        return 0.0, 0.0
    primary = Interval(
        *((absent.sum + absent.unknown * end) / absent.requests for end in (span.low, span.high)),
    )
    return _shift(estimate.difference, absent.requests, estimate.n, difference_range(primary, span))


def _other_shift(metric: Metric, estimate: Estimate, compared: Compared, rows: MissingRows) -> Shift | None:
    """Of judgements and scores of texts: of the missing requests as many would have had one as of the others."""
    pairs = max(1, compared.experiment.pairs)
    requests: float = rows.requests
    if metric.measure.origin in {"judgements", "scores"}:
        requests = math.ceil(requests * min(1.0, estimate.n / pairs))
    if failed := _unjudged(metric, compared):
        # In pairs that count, which stand for as many as their weights add up to.
        requests += failed * estimate.n / max(_weight(metric, compared), estimate.n)
    possible = _other_range(metric, estimate, rows)
    if metric.name == "judge_score" and compared.quality is not None and compared.quality.is_of_our_judges:
        possible = Interval(-_SCORES, _SCORES)
    # Of an agreement the level moves; what it is set against is the control's own.
    level = estimate.candidate if metric.measure.joint else None
    moved = estimate.difference if level is None else level
    return None if possible is None else _shift(moved, requests, estimate.n, possible)


def _unjudged(metric: Metric, compared: Compared | None) -> float:
    """Pairs that judges failed on stand for so many."""
    if metric.measure.origin != "judgements" or compared is None or compared.quality is None:
        return 0.0
    return compared.quality.unjudged_weight


def _weight(metric: Metric, compared: Compared) -> float:
    """Judged pairs stand for so many."""
    found = next((o for o in compared.others if o.metric == metric.name), None)
    return 0.0 if found is None else math.fsum(y for _, y, _, _ in found.buckets.sums)


def _other_range(metric: Metric, estimate: Estimate, rows: MissingRows) -> Interval | None:
    """Of the difference in one request."""
    if metric.name == "judge_preference":
        return Interval(-1.0, 1.0)
    if metric.name == "win_rate":
        # A win is 1, a tie 1/2: against a primary that stands for 1/2, half a point either way.
        is_half = estimate.primary is not None and math.isclose(estimate.primary, 0.5)
        return Interval(-0.5, 0.5) if is_half else Interval(-1.0, 1.0)
    if metric.measure.kind == "rate":
        return Interval(0.0, 1.0) if metric.measure.joint else Interval(-1.0, 1.0)
    if metric.measure.bounds is not None:
        low, high = metric.measure.bounds
        return Interval(low, high) if metric.measure.joint else Interval(low - high, high - low)
    largest = rows.largest.get(metric.name)
    return None if largest is None else Interval(-largest, largest)


def _ratio_shift(metric: Metric, compared: Compared, rows: MissingRows) -> Shift | None:
    """Of two ratios of sums: numerators are costs, denominators tokens or successes."""
    prefix, totals = BY_METRIC[metric.name].prefix, compared.totals
    per = 1e3 if metric.name == "cost_per_1k_tokens" else 1.0
    most_cost = rows.largest.get("cost_usd")
    most_per = rows.largest.get("kilotokens") if metric.name == "cost_per_1k_tokens" else 1.0
    if most_cost is None or most_per is None:
        return None
    cost, counted = _absent(rows, f"{prefix}_x", 1e-9), _absent(rows, f"{prefix}_y", 1 / per)
    x_p, x_c = (totals[f"{prefix}_x_{arm}"] * 1e-9 for arm in ("primary", "candidate"))
    y_p, y_c = (totals[f"{prefix}_y_{arm}"] / per for arm in ("primary", "candidate"))
    if y_p <= 0 or y_c <= 0:
        return None
    m, u = cost.requests, cost.unknown
    candidate = Interval(x_c / (y_c + m * most_per), (x_c + m * most_cost) / y_c)
    x_p_known, y_p_known = x_p + cost.sum, y_p + counted.sum
    primary = Interval(x_p_known / (y_p_known + u * most_per), (x_p_known + u * most_cost) / y_p_known)
    worst, there = difference_range(primary, candidate), x_c / y_c - x_p / y_p
    return max(0.0, there - worst.low), max(0.0, worst.high - there)


def _quantile_shift(metric: Metric, compared: Compared, rows: MissingRows, p: float) -> Shift | None:
    """Missing values move the rank: all of them below a quantile, or all above."""
    prefix = BY_METRIC[metric.name].prefix
    arms = [compared.histograms.get(f"{prefix}_{arm}") for arm in ("primary", "candidate")]
    primary, candidate = arms
    if primary is None or candidate is None or not sum(primary.pairs):
        return None
    n = sum(primary.pairs)
    absent = _absent(rows, f"{prefix}_rank")
    seen = dict(rows.bins.get(prefix, ()))
    unknown = absent.requests - sum(seen.values())
    range_c = _rank_range(candidate, {}, absent.requests, p, compared.cap_ms)
    range_p = _rank_range(primary, seen, unknown, p, compared.cap_ms)
    there = [_at(_merged(arm, {}), quantile_rank(n, p), compared.cap_ms) for arm in (primary, candidate)]
    worst, difference = difference_range(range_p, range_c), there[1] - there[0]
    return max(0.0, difference - worst.low), max(0.0, worst.high - difference)


def _rank_range(arm: Histogram, seen: Mapping[int, int], unknown: int, p: float, cap_ms: float) -> Interval:
    values = _merged(arm, seen)
    rank = quantile_rank(values.n + unknown, p)
    return Interval(_at(values, rank - unknown, cap_ms), _at(values, rank, cap_ms))


def _at(values: LogHistogram, rank: int, cap_ms: float) -> float:
    """In milliseconds; 0 below all values, the cap above them and among failures."""
    if rank < 1:
        return 0.0
    return cap_ms if rank > values.n else min(cap_ms, values.at_rank(rank) / 1000)


def _merged(arm: Histogram, seen: Mapping[int, int]) -> LogHistogram:
    counts = dict(zip(arm.bins, arm.pairs, strict=True))
    for number, count in seen.items():
        counts[number] = counts.get(number, 0) + count
    bins = sorted(counts)
    return LogHistogram(bins, [counts[b] for b in bins], gamma=GAMMA, zero=ZERO_BIN, beyond=FAILED_BIN)
