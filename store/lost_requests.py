"""What is known of requests that shadowbench itself lost: the primary's figures of those that were skipped, and a bare
count of the others.

Reads only. A skipped request has a row; one that was lost with its worker, its disk or its frame has none.
"""

# ruff: noqa: S608 - names are those of this package; times, ids and limits are parameters

from collections.abc import Mapping, Sequence

from record.finish import CUT_SHORT
from record.states import CLASS_OF, LOST, SKIPS, StateClass
from store import tables
from store.comparison import Ask, Columns, Span
from store.rollups.measures import COST_MAX_NANOUSD, HOUR_US, SPEED_MAX_MILLITOKENS, TOKENS_MAX
from store.rollups.vectors import GAMMA, ZERO_BIN
from store.slices import Slices

OURS = tuple(s.value for s in SKIPS if CLASS_OF[s] is StateClass.OURS)
"""Reasons of rows of `skips` that are shadowbench's own fault."""
COUNTED = (*OURS, *(s.value for s in LOST))
"""All such states, as counted."""
_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_OK = "primary_outcome = 'ok'"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def ours_counts(ask: Ask, span: Span, since_s: Mapping[str, int]) -> Columns:
    """`candidate`, `requests` that shadowbench itself lost by the counters, `rows` that are there of them.

    Args:
        ask: runs a SELECT.
        span: starts of requests.
        since_s: candidate -> hour of its experiment's first pair, seconds since the epoch; earlier counts are left out.
    """
    begun = "ts >= toDateTime({begin_s:Array(Int64)}[indexOf({names:Array(String)}, candidate)], 'UTC')"
    named = f"{_WITHIN} AND candidate IN {{names:Array(String)}} AND {begun}"
    return ask(
        "SELECT candidate, sum(counted) AS requests, sum(there) AS rows FROM ("
        f"SELECT candidate, toInt64(sum(count)) AS counted, toInt64(0) AS there FROM {tables.COUNTERS.name} "
        f"WHERE {named} AND state IN ({_listed(COUNTED)}) GROUP BY candidate UNION ALL "
        f"SELECT candidate, toInt64(0) AS counted, toInt64(count()) AS there FROM {tables.SKIPS.name} "
        f"WHERE {named} AND reason IN ({_listed(OURS)}) GROUP BY candidate) GROUP BY candidate ORDER BY candidate",
        {**span.parameters(), "names": list(since_s), "begin_s": list(since_s.values())},
    )


_STAYED = "primary_outcome NOT IN ('', 'client_abort')"
_TOKENS = "toFloat64(if(primary_tokens_estimated, primary_estimated_output_tokens, primary_output_tokens))"
_COST = "toFloat64(primary_cost_usd)"
_ALL_TOKENS = "toFloat64(primary_input_tokens) + primary_output_tokens"


def _known(prefix: str, counts: str, value: str, never: str, *, per_unit: int = 1, most: int = 1) -> str:
    """`<prefix>_n`, `_sum`, `_never` over rows of skips."""
    is_known = f"({counts}) AND isFinite(ifNull({value}, nan))"
    whole = f"toInt128(least(greatest(round(ifNotFinite(ifNull({value}, 0), 0) * {per_unit}), 0), {most}.))"
    numbers = (f"countIf({is_known})", f"sumIf({whole}, {is_known})", f"countIf({never})")
    return ", ".join(f"{sql} AS {prefix}_{end}" for sql, end in zip(numbers, ("n", "sum", "never"), strict=True))


def _known_times(name: str, cap: str) -> list[str]:
    ms = f"primary_{name}_ms"
    ended = "primary_outcome IN ('ok', 'timeout')" if cap else _OK
    never = f"NOT ({ended}) OR ({_OK} AND isNull({ms}))"
    # Whether a request that timed out would have been a stream is not known: only its total time is.
    counts = ended if name == "total" else _OK
    # The engine's least() leaves out what is unknown.
    capped = f"if(isNull({ms}), NULL, least({ms}, {{cap_ms:Float64}}))"
    value = f"if(primary_outcome = 'timeout', {{cap_ms:Float64}}, {capped})" if name == "total" else capped
    log = f"if(isNull({ms}), NULL, log(greatest(round({capped} * 1000), 1)))"
    return [
        _known(f"{name}_us", counts, value, never, per_unit=1000, most=HOUR_US),
        _known(f"{name}_us_log", _OK, log, f"NOT ({_OK}) OR isNull({ms})", per_unit=10**6, most=23 * 10**6),
        # In quantiles a failure counts, as longer than everything.
        _known(f"{name}_us_rank", f"{_OK} AND isNotNull({ms})", "1.", f"NOT ({_STAYED}) OR ({_OK} AND isNull({ms}))"),
    ]


def missing_rows(ask: Ask, span: Span, experiment: str, *, cap_ms: float) -> Columns:
    """What the rows of requests that shadowbench lost say of the primary: one row, `rows` and, by measure
    (`MISSING_MEASURES`), `<prefix>_n` with a value, their `<prefix>_sum`, and `<prefix>_never` that could not count.
    """
    gone = f"NOT ({_STAYED})"
    ended = "primary_outcome IN ('ok', 'truncated', 'too_large')"
    cut = f"toFloat64(NOT ({_OK}) OR lower(ifNull(primary_finish_reason, '')) IN ({_listed(CUT_SHORT)}))"
    parts = [
        *_known_times("total", "cap"),
        *_known_times("ttft", "cap"),
        *_known_times("itl", ""),
        _known(
            "millitokens_per_second",
            _OK,
            f"{_TOKENS} / nullIf(primary_total_ms / 1000, 0)",
            f"NOT ({_OK})",
            per_unit=1000,
            most=SPEED_MAX_MILLITOKENS,
        ),
        _known("output_tokens", _OK, _TOKENS, f"NOT ({_OK})", most=TOKENS_MAX),
        _known("cost_nanousd", _STAYED, _COST, gone, per_unit=10**9, most=COST_MAX_NANOUSD),
        _known(
            "cost_per_token_x",
            f"{_STAYED} AND isNotNull(primary_output_tokens)",
            f"if(isNull({_ALL_TOKENS}), NULL, {_COST})",
            gone,
            per_unit=10**9,
            most=COST_MAX_NANOUSD,
        ),
        _known(
            "cost_per_token_y",
            f"{_STAYED} AND isNotNull(primary_cost_usd)",
            _ALL_TOKENS,
            gone,
            most=2 * TOKENS_MAX,
        ),
        _known("cost_per_success_x", _STAYED, _COST, gone, per_unit=10**9, most=COST_MAX_NANOUSD),
        _known("cost_per_success_y", f"{_STAYED} AND isNotNull(primary_cost_usd)", f"toFloat64({_OK})", gone),
        _known("error", _STAYED, f"toFloat64(NOT ({_OK}))", gone),
        _known("timeout", _STAYED, "toFloat64(primary_outcome = 'timeout')", gone),
        _known("refusal", _OK, "toFloat64(primary_refusal)", f"NOT ({_OK})"),
        _known("truncation", ended, cut, f"NOT ({ended})"),
        _known("valid_json", _OK, "toFloat64(primary_valid_json)", f"{gone} OR ({_OK} AND isNull(primary_valid_json))"),
    ]
    return ask(
        f"SELECT count() AS rows, {', '.join(parts)} FROM {tables.SKIPS.name} "
        f"WHERE {_WITHIN} AND experiment = {{experiment:String}} AND reason IN ({_listed(OURS)})",
        {**span.parameters(), "experiment": experiment, "cap_ms": cap_ms},
    )


MISSING_MEASURES = (
    *(f"{name}_us{end}" for name in ("total", "ttft", "itl") for end in ("", "_log", "_rank")),
    *("millitokens_per_second", "output_tokens", "cost_nanousd"),
    *("cost_per_token_x", "cost_per_token_y", "cost_per_success_x", "cost_per_success_y"),
    *("error", "timeout", "refusal", "truncation", "valid_json"),
)


def missing_bins(ask: Ask, span: Span, experiment: str) -> Columns:
    """`series`, `bin`, `n`: the primary's times of requests that shadowbench lost, binned as those of pairs are."""
    names = ("total_ms", "ttft_ms", "itl_ms")
    times = ", ".join(f"('{name.replace('_ms', '_us')}', primary_{name})" for name in names)
    us = f"least(round(time.2 * 1000), {HOUR_US}.)"
    return ask(
        f"SELECT time.1 AS series, toInt32(if({us} <= 0, {ZERO_BIN}, floor(log(greatest({us}, 1)) / log({GAMMA})))) "
        f"AS bin, count() AS n FROM (SELECT arrayJoin([{times}]) AS time FROM {tables.SKIPS.name} "
        f"WHERE {_WITHIN} AND experiment = {{experiment:String}} AND reason IN ({_listed(OURS)}) AND {_OK}) "
        "WHERE isFinite(ifNull(time.2, nan)) GROUP BY series, bin ORDER BY series, bin",
        {**span.parameters(), "experiment": experiment},
    )


def largest_values(ask: Ask, looked: Slices, span: Span, experiment: str) -> Columns:
    """The largest value of either arm in any pair that is looked at: `cost_usd`, `output_tokens`, `tokens_per_second`,
    `kilotokens` (input and output of a request), `judge_score`; NULL where none is known."""
    estimated = "primary_tokens_estimated OR candidate_tokens_estimated"

    def both(expression: str) -> str:
        arms = (f"max(toFloat64({expression.format(arm=arm)}))" for arm in ("primary", "candidate"))
        return f"arrayMax(arrayFilter(x -> isNotNull(x), [{', '.join(arms)}, NULL]))"

    tokens = f"if({estimated}, {{arm}}_estimated_output_tokens, {{arm}}_output_tokens)"
    mine = "experiment = {experiment:String}"
    return ask(
        f"SELECT {both('{arm}_cost_usd')} AS cost_usd, {both(tokens)} AS output_tokens, "
        f"{both(f'{tokens} / nullIf({{arm}}_total_ms / 1000, 0)')} AS tokens_per_second, "
        f"{both('({arm}_input_tokens + {arm}_output_tokens) / 1000')} AS kilotokens, "
        "(SELECT max(greatest(score_primary, score_candidate)) FROM judgements "
        f"WHERE {_WITHIN} AND {mine}) AS judge_score FROM {tables.PAIRS.name} WHERE {mine} AND ({looked.condition})",
        {**span.parameters(), "experiment": experiment},
    )
