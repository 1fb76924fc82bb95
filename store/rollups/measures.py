"""What the rollups add up, measure by measure: which pairs count, and which whole numbers each arm gives.

The definitions are those of the metrics in `analyzer.measures` (a test compares both over the same rows), with values
as whole numbers of a small unit: microseconds, nano-dollars, tokens. Sums of whole numbers are exact, do not depend on
the order in which parts are merged, and a row can be taken out again.

A value above its cap counts as the cap, so that sums over 10^9 pairs fit their columns: an Int64 (9.2e18) holds 10^9
times an hour in microseconds (3.6e18), an Int128 (1.7e38) 10^9 squares of $1,000 in nano-dollars (1e33), an Int256
(5.8e76) their cubes (1e45).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from record.finish import CUT_SHORT

Kind = Literal["latency", "mean", "ratio", "rate", "agreement"]
Arm = Literal["primary", "candidate"]
ROWS_MAX = 10**9
"""So many pairs may fall into one sum."""
HOUR_US = 3_600_000_000
"""Cap of a time."""
COST_MAX_NANOUSD = 10**12
"""Cap of a cost: $1,000 a request."""
TOKENS_MAX = 2**32 - 1
SPEED_MAX_MILLITOKENS = 10**9
"""Cap of a speed: a million tokens a second."""
PPM = 10**6

CONDITIONS: Mapping[str, str] = {
    "client_stayed": "primary_outcome NOT IN ('client_abort', '') AND candidate_outcome NOT IN ('client_abort', '')",
    # A request for several answers is copied for one: times, tokens and costs are not alike.
    "one_answer": "NOT has(changed, 'n')",
    # A slow client held the primary, or a response cache answered for it: neither is the primary's own time.
    "own_time": "held_ms = 0 AND NOT gateway_cache AND one_answer",
    "primary_ok": "primary_outcome = 'ok'",
    "candidate_ok": "candidate_outcome = 'ok'",
    "both_ok": "primary_ok AND candidate_ok",
    "timed": "both_ok AND own_time",
    "candidate_failed": "client_stayed AND own_time AND primary_ok AND NOT candidate_ok",
    "primary_failed": "client_stayed AND own_time AND candidate_ok AND NOT primary_ok",
    "both_failed": "client_stayed AND own_time AND NOT primary_ok AND NOT candidate_ok",
    "streams_failed": "both_failed AND ifNull(stream, false)",
    # Our estimate of tokens against a provider's count would measure the estimator.
    "priced": "client_stayed AND one_answer AND primary_tokens_estimated = candidate_tokens_estimated",
    # Nobody is charged for an error or for what was never answered.
    "primary_free": "primary_outcome IN ('http_error', 'connect_error', 'unavailable') "
    "AND isNull(primary_output_tokens)",
    "candidate_free": "candidate_outcome IN ('http_error', 'connect_error', 'unavailable') "
    "AND isNull(candidate_output_tokens)",
    "both_ok_alike": "both_ok AND one_answer",
    "both_ended": "primary_outcome IN ('ok', 'truncated', 'too_large') "
    "AND candidate_outcome IN ('ok', 'truncated', 'too_large')",
    "json_asked": "client_stayed AND (isNotNull(primary_valid_json) OR isNotNull(candidate_valid_json))",
}
"""Conditions on a pair, by name; they may name each other."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric: a whole number of each arm."""

    metric: str
    """As in `analyzer.measures`."""
    prefix: str
    """Begin of its statistics' names; carries the unit."""
    kind: Kind
    title: str
    """With the unit, for people."""
    counts: str
    """Name of a condition: a pair counts where it holds and all values are known."""
    sql: str
    """A number over the columns of `pairs` and the conditions, with `{arm}` in place of the arm; NULL: not known. Of a
    ratio: the denominator; the numerator is the cost."""
    per_unit: int = 1
    """It is rounded to this part of its unit; doubles hold all whole numbers up to 9e15."""
    most: int = 1
    """Its cap, of the whole number."""
    neither: str = "both_failed"
    """Of a latency: name of the condition that both arms failed where there would have been such a time."""


# Where an arm does not report its tokens, both are counted by our estimator.
_COUNTED = (
    "if(primary_tokens_estimated OR candidate_tokens_estimated, {arm}_estimated_output_tokens, {arm}_output_tokens)"
)
_TOKENS = "toFloat64({arm}_input_tokens) + {arm}_output_tokens"


def _latency(metric: str, title: str, neither: str) -> Measure:
    prefix = metric.replace("_ms", "_us")
    return Measure(metric, prefix, "latency", f"{title}, µs", "timed", f"{{arm}}_{metric}", 1000, HOUR_US, neither)


def _rate(metric: str, title: str, counts: str, sql: str) -> Measure:
    return Measure(metric, metric.removesuffix("_rate"), "rate", title, counts, sql)


MEASURES: tuple[Measure, ...] = (
    _latency("total_ms", "time to last byte", "both_failed"),
    _latency("ttft_ms", "time to first token", "streams_failed"),
    _latency("itl_ms", "time between tokens", "streams_failed"),
    Measure(
        "tokens_per_second",
        "millitokens_per_second",
        "mean",
        "output speed, thousandths of a token per second",
        "timed",
        f"{_COUNTED} / nullIf({{arm}}_total_ms / 1000, 0)",
        1000,
        SPEED_MAX_MILLITOKENS,
    ),
    Measure("output_tokens", "output_tokens", "mean", "output tokens", "both_ok_alike", _COUNTED, 1, TOKENS_MAX),
    Measure(
        "cost_usd",
        "cost_nanousd",
        "mean",
        "cost, nano-dollars",
        "priced",
        "toFloat64({arm}_cost_usd)",
        10**9,
        COST_MAX_NANOUSD,
    ),
    Measure("cost_per_1k_tokens", "cost_per_token", "ratio", "tokens", "priced", _TOKENS, 1, 2 * TOKENS_MAX),
    Measure("cost_per_success", "cost_per_success", "ratio", "successes", "priced", "{arm}_ok"),
    _rate("error_rate", "failed requests", "client_stayed", "NOT {arm}_ok"),
    _rate("timeout_rate", "timeouts", "client_stayed", "{arm}_outcome = 'timeout'"),
    _rate("refusal_rate", "refusals", "both_ok", "{arm}_refusal"),
    _rate(
        "truncation_rate",
        "answers cut short",
        "both_ended",
        f"{{arm}}_outcome IN ('truncated', 'too_large') OR lower(ifNull({{arm}}_finish_reason, '')) IN {CUT_SHORT}",
    ),
    _rate("valid_json_rate", "valid JSON where asked for", "json_asked", "if({arm}_ok, {arm}_valid_json, false)"),
    Measure("exact_match", "exact_match", "agreement", "same text in both arms", "both_ok", "exact_match"),
    Measure(
        "tool_call_agreement",
        "tool_call_agreement_ppm",
        "agreement",
        "tool calls that agree, millionths",
        "both_ok",
        "tool_call_agreement",
        PPM,
        PPM,
    ),
)
"""In the order of their kinds. Preferences of judges are not among them: judgements come later than their pairs, into a
table of their own."""
BY_METRIC: Mapping[str, Measure] = {measure.metric: measure for measure in MEASURES}
COST, TOTAL, OUTPUT_TOKENS = "cost_nanousd", "total_us", "output_tokens"


def place_of(prefix: str) -> int:
    """Place of a measure in the vectors of one arm, from 1."""
    return [measure.prefix for measure in MEASURES].index(prefix) + 1
