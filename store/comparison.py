"""What a comparison of both arms asks: sums per group of pairs, counts of states, rows that are really there.

Reads only. Statements are put together from names that this package and the metrics' declarations hold; what comes
from outside (times, experiment ids) goes in as parameters.

A copy that was never sent because of the candidate (`breaker_open`, `max_in_flight`) is a row of `skips`; here it
stands beside the pairs with the outcome `unavailable`, so that it counts like a failure.
"""

# ruff: noqa: S608 - see above: no text from outside is part of a statement

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from store import tables
from store.never_sent import UNAVAILABLE, of_skip

Columns = Mapping[str, Sequence[Any]]
"""A result by column name; all of one length."""
Ask = Callable[[str, Mapping[str, Any]], Columns]
"""Runs a SELECT with its parameters: `store.reader.Reader.columns`."""

_MIN_BOTH = 30
"""Legs with reported and estimated tokens, below which their ratio says little."""
_KEYS = ("candidate", "experiment", "block", "bucket")
_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)


@dataclass(frozen=True, slots=True)
class Span:
    """Starts of requests, from `since` up to but without `until`."""

    since: datetime
    until: datetime

    def parameters(self) -> dict[str, Any]:
        """Both ends in microseconds, which no client rounds."""
        return {"since_us": unix_us(self.since), "until_us": unix_us(self.until)}


@dataclass(frozen=True, slots=True)
class Summed:
    """What to add up: SQL expressions over the columns of `pairs`, never text from outside.

    A pair counts where `counts` holds and all values are finite numbers.
    """

    counts: str
    values: tuple[str, ...]
    """(candidate, primary): both, and their difference, are summed. Four of them, (x_c, y_c, x_p, y_p), are numerators
    and denominators: their sums and the sums of their ten products."""


def unix_us(moment: datetime) -> int:
    """Microseconds since the epoch; exact."""
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_epoch.days * 86400 + since_epoch.seconds) * 10**6 + since_epoch.microseconds


def difference_sums(ask: Ask, span: Span, experiments: Sequence[str], summed: Sequence[Summed]) -> Columns:
    """Sums per experiment and group, both groupings from one snapshot of the rows.

    Returns:
        Rows ordered by time. `candidate`, `experiment`; `block_s`: start of the time block in seconds since the epoch,
        0 in rows that belong to a conversation bucket. For the k-th metric `n_k` and, of two values,
        `candidate_k`, `primary_k`, `difference_k`, `variance_k` (of the differences, divisor n); of four, `sum_k_i` and
        `product_k_i_j` for i <= j. Sums of no rows are NULL.
    """
    inner = ", ".join(expression for k, metric in enumerate(summed) for expression in _taken(k, metric))
    outer = ", ".join(expression for k, metric in enumerate(summed) for expression in _sums(k, metric))
    sql = (
        f"SELECT candidate, experiment, toUnixTimestamp(block) AS block_s, bucket, {outer} "
        f"FROM (SELECT {', '.join(_KEYS)}, {inner} FROM ({_outcomes(summed)})) "
        "GROUP BY GROUPING SETS ((candidate, experiment, block), (candidate, experiment, bucket)) "
        "ORDER BY candidate, experiment, block_s, bucket"
    )
    return ask(sql, {**span.parameters(), "experiments": list(experiments)})


def _taken(k: int, metric: Summed) -> list[str]:
    finite = " AND ".join(f"isFinite({value})" for value in metric.values)
    counts = f"ifNull(({metric.counts}) AND {finite}, 0) AS counts_{k}"
    return [counts, *(f"if(counts_{k}, {value}, NULL) AS value_{k}_{i}" for i, value in enumerate(metric.values))]


def _sums(k: int, metric: Summed) -> list[str]:
    n = f"countIf(counts_{k}) AS n_{k}"
    if len(metric.values) == 2:
        difference = f"value_{k}_0 - value_{k}_1"
        return [
            n,
            f"sum(value_{k}_0) AS candidate_{k}",
            f"sum(value_{k}_1) AS primary_{k}",
            f"sum({difference}) AS difference_{k}",
            f"varPopStable({difference}) AS variance_{k}",
        ]
    size = range(len(metric.values))
    sums = [f"sum(value_{k}_{i}) AS sum_{k}_{i}" for i in size]
    products = [f"sum(value_{k}_{i} * value_{k}_{j}) AS product_{k}_{i}_{j}" for i in size for j in size if i <= j]
    return [n, *sums, *products]


def _outcomes(summed: Sequence[Summed]) -> str:
    """Pairs, and copies that the candidate was not there for, with the columns that are asked about."""
    text = " ".join(expression for metric in summed for expression in (metric.counts, *metric.values))
    mentioned = set(re.findall(r"\w+", text))
    columns = [c for c in tables.PAIRS.columns if c.name in mentioned and c.name not in _KEYS]
    names = ", ".join((*_KEYS, *(c.name for c in columns)))
    absent = ", ".join((*_KEYS, *(of_skip(c) for c in columns)))
    wanted = f"{_WITHIN} AND experiment IN {{experiments:Array(String)}}"
    reasons = ", ".join(f"'{reason}'" for reason in UNAVAILABLE)
    return (
        f"SELECT {names} FROM {tables.PAIRS.name} WHERE {wanted} "
        f"UNION ALL SELECT {absent} FROM {tables.SKIPS.name} WHERE {wanted} AND reason IN ({reasons})"
    )


def experiment_rows(ask: Ask, span: Span) -> Columns:
    """One row per candidate and experiment with pairs: `pairs`, `first_us`, `last_us` (starts of requests),
    `share_low`, `share_high`, `held`, `gateway_cached`, `client_aborts`, `failures_primary`, `failures_candidate`;
    `estimated_primary`, `estimated_candidate`, `estimated_both` (pairs with estimated tokens), and
    `estimator_error_primary`, `estimator_error_candidate` (NULL below 30 legs with reported and estimated tokens).

    Failures are counted where the client stayed.
    """
    stayed = "primary_outcome != 'client_abort' AND candidate_outcome != 'client_abort'"
    return ask(
        "SELECT candidate, experiment, count() AS pairs, "
        "toUnixTimestamp64Micro(min(ts)) AS first_us, toUnixTimestamp64Micro(max(ts)) AS last_us, "
        "min(sample_share) AS share_low, max(sample_share) AS share_high, "
        "countIf(held_ms > 0) AS held, countIf(gateway_cache) AS gateway_cached, "
        f"countIf(NOT ({stayed})) AS client_aborts, "
        f"countIf({stayed} AND primary_outcome != 'ok') AS failures_primary, "
        f"countIf({stayed} AND candidate_outcome != 'ok') AS failures_candidate, "
        "countIf(primary_tokens_estimated) AS estimated_primary, "
        "countIf(candidate_tokens_estimated) AS estimated_candidate, "
        "countIf(primary_tokens_estimated AND candidate_tokens_estimated) AS estimated_both, "
        f"{_estimator_error('primary')}, {_estimator_error('candidate')} "
        f"FROM {tables.PAIRS.name} WHERE {_WITHIN} GROUP BY candidate, experiment ORDER BY candidate, experiment",
        span.parameters(),
    )


def _estimator_error(arm: str) -> str:
    """Reported over estimated tokens, less one, of legs that have both; the larger of input and output."""
    columns = [f"{arm}_{how}{kind}_tokens" for how in ("", "estimated_") for kind in ("input", "output")]
    both = f"NOT {arm}_tokens_estimated AND " + " AND ".join(f"isNotNull({column})" for column in columns)

    def off(kind: str) -> str:
        reported, estimated = (f"sumIf(toFloat64({arm}_{how}{kind}_tokens), {both})" for how in ("", "estimated_"))
        return f"ifNull(abs({reported} / nullIf({estimated}, 0) - 1), 0)"

    return (
        f"if(countIf({both}) < {_MIN_BOTH}, NULL, greatest({off('input')}, {off('output')})) AS estimator_error_{arm}"
    )


def state_rows(ask: Ask, span: Span) -> Columns:
    """`candidate`, `state`, `requests`: sums of the counters."""
    return ask(
        f"SELECT candidate, state, sum(count) AS requests FROM {tables.COUNTERS.name} WHERE {_WITHIN} "
        "GROUP BY candidate, state ORDER BY candidate, state",
        span.parameters(),
    )


def conversation_rows(ask: Ask, span: Span) -> Columns:
    """`candidate` and `per_draw`: sum m^2 / sum m, with m the sampled requests of each conversation."""
    source = " UNION ALL ".join(
        f"SELECT candidate, conversation FROM {table.name} WHERE {_WITHIN}" for table in (tables.PAIRS, tables.SKIPS)
    )
    return ask(
        "SELECT candidate, sum(toFloat64(m) * m) / sum(m) AS per_draw FROM "
        f"(SELECT candidate, conversation, count() AS m FROM ({source}) GROUP BY candidate, conversation) "
        "GROUP BY candidate ORDER BY candidate",
        span.parameters(),
    )


def counter_hours(ask: Ask, span: Span) -> Columns:
    """`hour_s`, `candidate`, `state`, `requests`, `last_s` (the latest count): the counters hour by hour."""
    return ask(
        "SELECT toUnixTimestamp(toStartOfHour(ts)) AS hour_s, candidate, state, sum(count) AS requests, "
        f"toUnixTimestamp(max(ts)) AS last_s FROM {tables.COUNTERS.name} WHERE {_WITHIN} "
        "GROUP BY hour_s, candidate, state ORDER BY hour_s, candidate, state",
        span.parameters(),
    )


def row_hours(ask: Ask, span: Span) -> Columns:
    """`hour_s`, `candidate`, `reason` (empty for a pair), `requests`: rows that are really there, hour by hour.

    Without those that came from files (`store.transfer.importing`): no worker here received them.
    """
    recorded = f"{_WITHIN} AND NOT startsWith(batch, 'import:')"
    pairs = f"SELECT ts, candidate, '' AS reason FROM {tables.PAIRS.name} WHERE {recorded}"
    skips = f"SELECT ts, candidate, reason FROM {tables.SKIPS.name} WHERE {_WITHIN}"
    return ask(
        "SELECT toUnixTimestamp(toStartOfHour(ts)) AS hour_s, candidate, reason, count() AS requests "
        f"FROM ({pairs} UNION ALL {skips}) GROUP BY hour_s, candidate, reason ORDER BY hour_s, candidate, reason",
        span.parameters(),
    )
