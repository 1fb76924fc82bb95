"""How a sample came about: which requests were kept, skipped and lost, and when both legs were sent.

Reads only. Sums come from the rollups where they hold them; pairs are read in the few columns that are needed.
Hours are whole: a window that begins or ends within one is widened to it where rollups answer.
"""

# ruff: noqa: S608 - names are those of this package; times, ids and limits are parameters

from collections.abc import Sequence

from record.states import CLASS_OF, SKIPS, StateClass
from store import tables
from store.comparison import Ask, Columns, Span, unix_us
from store.never_sent import UNAVAILABLE
from store.rollups.measures import COST_MAX_NANOUSD
from store.rollups.tables import BLOCKS, BUCKETS, HISTOGRAMS, SKIPPED, Rollup
from store.slices import Slices

BY_DESIGN = tuple(s.value for s in SKIPS if CLASS_OF[s] is StateClass.BY_DESIGN)
FIGURES = ("total_us", "output_tokens")
"""Of the primary, which skips and kept pairs are compared in."""
_HOUR_US = 3600 * 10**6
_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_OK = "primary_outcome = 'ok'"


def _of(looked: Slices) -> str:
    return f"experiment = {{experiment:String}} AND ({looked.condition})"


def _hours(span: Span) -> dict[str, int]:
    """The whole hours that a window touches."""
    since_us, until_us = unix_us(span.since), unix_us(span.until)
    return {"since_s": since_us // _HOUR_US * 3600, "until_s": -(-until_us // _HOUR_US) * 3600}


def _in_hours(rollup: Rollup) -> str:
    ends = "toDateTime({since_s:Int64}, 'UTC')", "toDateTime({until_s:Int64}, 'UTC')"
    return f"{rollup.time} >= {ends[0]} AND {rollup.time} < {ends[1]}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _place(rollup: Rollup, statistic: str) -> str:
    """One statistic of merged vectors, by name."""
    for vector, places in rollup.vectors.items():
        names = [place.name for place in places]
        if statistic in names:
            return f"sumForEachMerge({vector})[{names.index(statistic) + 1}]"
    raise KeyError(statistic)


def _moments(rollup: Rollup, prefix: str) -> str:
    """`<figure>_n`, `<figure>` and `<figure>_2` of every figure."""
    ends = ("_n", "", "_2")
    return ", ".join(f"{_place(rollup, f'{prefix}_{f}{end}')} AS {f}{end}" for f in FIGURES for end in ends)


def bucket_rows(ask: Ask, span: Span) -> Columns:
    """`candidate`, `bucket`, `requests`: sampled ones by conversation bucket; pairs and skips of all experiments."""
    reasons = _listed([s.value for s in SKIPS if s.value not in UNAVAILABLE])
    of_pairs = f"{_place(BUCKETS, 'pairs')} + {_place(BUCKETS, 'unavailable')}"
    return ask(
        "SELECT candidate, bucket, sum(n) AS requests FROM ("
        f"SELECT candidate, bucket, {of_pairs} AS n FROM {BUCKETS.name} "
        f"WHERE {_in_hours(BUCKETS)} GROUP BY candidate, bucket UNION ALL "
        f"SELECT candidate, bucket, toInt64(count()) AS n FROM {tables.SKIPS.name} "
        f"WHERE {_WITHIN} AND reason IN ({reasons}) GROUP BY candidate, bucket) "
        "GROUP BY candidate, bucket ORDER BY candidate, bucket",
        {**_hours(span), **span.parameters()},
    )


def kept_hours(ask: Ask, span: Span, experiments: Sequence[str]) -> Columns:
    """`candidate`, `experiment`, `hour_s`, `rows` (pairs), and sums of the primary's figures (`FIGURES`)."""
    return ask(
        "SELECT candidate, experiment, toUnixTimestamp(toStartOfHour(block)) AS hour_s, "
        f"{_place(BLOCKS, 'pairs')} AS rows, {_moments(BLOCKS, 'kept')} FROM {BLOCKS.name} "
        f"WHERE {_in_hours(BLOCKS)} AND experiment IN {{experiments:Array(String)}} "
        "GROUP BY candidate, experiment, hour_s ORDER BY candidate, experiment, hour_s",
        {**_hours(span), "experiments": list(experiments)},
    )


def skipped_hours(ask: Ask, span: Span, experiments: Sequence[str]) -> Columns:
    """`candidate`, `experiment`, `reason`, `hour_s`, `rows` (skips), and sums of the primary's figures."""
    return ask(
        "SELECT candidate, experiment, reason, toUnixTimestamp(hour) AS hour_s, "
        f"{_place(SKIPPED, 'skips')} AS rows, {_moments(SKIPPED, 'skipped')} FROM {SKIPPED.name} "
        f"WHERE {_in_hours(SKIPPED)} AND experiment IN {{experiments:Array(String)}} "
        "GROUP BY candidate, experiment, reason, hour_s ORDER BY candidate, experiment, reason, hour_s",
        {**_hours(span), "experiments": list(experiments)},
    )


def skipped_labels(ask: Ask, looked: Slices, experiment: str, *, values: int) -> Columns:
    """`reason`, `label`, `value`, `requests`: the `values` most frequent of each label of one experiment.

    The label and value of all rows that were looked at are empty: their `requests` are the sum that shares are of.
    """
    pairs = "arrayConcat([('', '')], arrayZip(mapKeys(labels), mapValues(labels)))"
    return ask(
        "SELECT reason, pair.1 AS label, pair.2 AS value, count() AS requests "
        f"FROM (SELECT reason, arrayJoin({pairs}) AS pair FROM {tables.SKIPS.name} WHERE {_of(looked)}) "
        "GROUP BY reason, label, value ORDER BY reason, label, requests DESC, value "
        "LIMIT {values:UInt64} BY reason, label",
        {"experiment": experiment, "values": values},
    )


def start_rows(ask: Ask, looked: Slices, experiment: str, *, loop_lag_ms: float) -> Columns:
    """One row of one experiment: `pairs` with a start skew, its `sum_us` and `p99_ms` (to within 1 %: half-precision
    bins); `watched`: pairs with a known lag of the event loop, `busy`: with one above `loop_lag_ms`."""
    skew_us = "toInt64(round(ifNull(start_skew_ms, 0) * 1000))"
    return ask(
        "SELECT countIf(isNotNull(start_skew_ms)) AS pairs, "
        f"sum({skew_us}) AS sum_us, quantileBFloat16(0.99)(start_skew_ms) AS p99_ms, "
        "countIf(isNotNull(loop_lag_ms)) AS watched, countIf(loop_lag_ms > {loop_lag_ms:Float64}) AS busy "
        f"FROM {tables.PAIRS.name} WHERE {_of(looked)}",
        {"experiment": experiment, "loop_lag_ms": loop_lag_ms},
    )


def primary_bins(ask: Ask, span: Span, experiments: Sequence[str]) -> Columns:
    """`candidate`, `experiment`, `bin`, `n`: the primary's time to the last byte in the histograms of pairs."""
    return ask(
        f"SELECT candidate, experiment, bin, sum(pairs) AS n FROM {HISTOGRAMS.name} "
        f"WHERE {_in_hours(HISTOGRAMS)} AND experiment IN {{experiments:Array(String)}} "
        "AND series = 'total_us_primary' GROUP BY candidate, experiment, bin ORDER BY candidate, experiment, bin",
        {**_hours(span), "experiments": list(experiments)},
    )


def strata_rows(ask: Ask, looked: Slices, experiment: str, *, edges_ms: Sequence[float], cap_ms: float) -> Columns:
    """Sums of one experiment by strata of the primary's figures.

    `tenth` (how many of `edges_ms` the primary's time exceeds; 10: no time), `is_streamed`, `kept`, `left_out`, and
    for `total_us` (each arm answered or timed out), `cost_nanousd` and `error`: `<name>_n`, `_p`, `_c`, kept only.

    Args:
        ask: runs a SELECT.
        looked: times of pairs and skips to read.
        experiment: id.
        edges_ms: ascending, nine of them.
        cap_ms: what a leg that timed out, and any longer answer, counts as.
    """
    shared = "primary_total_ms, primary_ttft_ms, primary_outcome"
    own = "held_ms = 0 AND NOT gateway_cache AND NOT has(changed, 'n')"
    alike = "NOT has(changed, 'n') AND primary_tokens_estimated = candidate_tokens_estimated"
    pairs = (
        f"SELECT {shared}, toString(candidate_outcome) AS outcome_c, candidate_total_ms AS total_c, {own} AS is_own, "
        f"{alike} AS is_priced, primary_cost_usd AS cost_p, candidate_cost_usd AS cost_c, true AS is_kept "
        f"FROM {tables.PAIRS.name} WHERE {_of(looked)}"
    )
    skips = (
        f"SELECT {shared}, if(reason IN ({_listed(UNAVAILABLE)}), 'unavailable', '') AS outcome_c, "
        "CAST(NULL, 'Nullable(Float64)') AS total_c, true AS is_own, false AS is_priced, "
        "CAST(NULL, 'Nullable(Decimal(18, 9))') AS cost_p, CAST(NULL, 'Nullable(Decimal(18, 9))') AS cost_c, "
        f"outcome_c != '' AS is_kept FROM {tables.SKIPS.name} "
        f"WHERE {_of(looked)} AND reason IN ({_listed((*UNAVAILABLE, *BY_DESIGN))})"
    )
    stayed = "is_kept AND primary_outcome NOT IN ('', 'client_abort') AND outcome_c NOT IN ('', 'client_abort')"
    timed = f"{stayed} AND is_own AND known_p AND known_c"
    priced = f"{stayed} AND is_priced AND isNotNull(cost_p) AND isNotNull(cost_c)"
    return ask(
        "SELECT tenth, is_streamed, countIf(is_kept) AS kept, countIf(NOT is_kept) AS left_out, "
        f"countIf({timed}) AS total_us_n, sumIf(us_p, {timed}) AS total_us_p, sumIf(us_c, {timed}) AS total_us_c, "
        f"countIf({priced}) AS cost_nanousd_n, sumIf({_nano('cost_p')}, {priced}) AS cost_nanousd_p, "
        f"sumIf({_nano('cost_c')}, {priced}) AS cost_nanousd_c, countIf({stayed}) AS error_n, "
        f"countIf({stayed} AND NOT {_OK}) AS error_p, countIf({stayed} AND outcome_c != 'ok') AS error_c FROM ("
        f"SELECT *, {_capped('primary_outcome', 'primary_total_ms', 'p')}, {_capped('outcome_c', 'total_c', 'c')}, "
        f"if({_OK} AND isNotNull(primary_total_ms), "
        "arrayCount(edge -> primary_total_ms > edge, {edges:Array(Float64)}), 10) AS tenth, "
        f"isNotNull(primary_ttft_ms) AS is_streamed FROM ({pairs} UNION ALL {skips})) "
        "GROUP BY tenth, is_streamed ORDER BY tenth, is_streamed",
        {
            "experiment": experiment,
            "edges": list(edges_ms),
            "cap_us": round(cap_ms * 1000),
        },
    )


def _nano(cost: str) -> str:
    return f"toInt128(least(toInt64(round(toFloat64(ifNull({cost}, 0)) * 1e9)), {COST_MAX_NANOUSD}))"


def _capped(outcome: str, total_ms: str, arm: str) -> str:
    """Whole microseconds of an arm that answered, or timed out."""
    us = f"toInt64(round(ifNull({total_ms}, 0) * 1000))"
    return (
        f"({outcome} = 'timeout' OR ({outcome} = 'ok' AND isFinite(ifNull({total_ms}, nan)))) AS known_{arm}, "
        f"toInt64(if({outcome} = 'timeout', {{cap_us:Int64}}, least({us}, {{cap_us:Int64}}))) AS us_{arm}"
    )
