"""What surrounds a comparison: switchback periods, caches, connections, and the models that answered.

Reads only, narrow columns of the pairs themselves: the rollups part pairs by none of these. Each question is about one
experiment, whose rows lie together, and groups by one number: over ten million pairs that is several times as fast as
grouping all experiments by their names too. Expressions are those of this module; times, lengths and ids go in as
parameters.
"""

# ruff: noqa: S608 - see above: no text from outside is part of a statement

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from record.states import SKIPS, State
from store import tables
from store.comparison import Ask, Columns, Span
from store.rollups.measures import HOUR_US

_WITHIN = (
    "candidate = {candidate:String} AND experiment = {experiment:String} "
    "AND ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') "
    "AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
FROM_SWITCHBACK = SKIPS[SKIPS.index(State.SWITCHBACK_OFF) :]
"""Reasons that are looked at when switchback is, or later: but for its draw, such requests would have been treated
alike in all periods. The earlier ones keep requests back whatever the period."""
BUCKETS = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """One experiment of one candidate in a span of time."""

    span: Span
    candidate: str
    experiment: str

    def parameters(self) -> Mapping[str, Any]:
        """For `_WITHIN`."""
        return {**self.span.parameters(), "candidate": self.candidate, "experiment": self.experiment}


def _whole(value: str) -> str:
    """Milliseconds as whole microseconds, capped as in the rollups; NULL stays NULL."""
    return f"toInt64(least(greatest(round({value} * 1000), 0), {HOUR_US}))"


def has_switched(ask: Ask, asked: Asked) -> bool:
    """Was any request kept back by switchback?"""
    found = ask(
        f"SELECT count() AS n FROM (SELECT 1 FROM {tables.SKIPS.name} WHERE {_WITHIN} AND reason = {{off:String}} "
        "LIMIT 1)",
        {**asked.parameters(), "off": State.SWITCHBACK_OFF.value},
    )
    return bool(found["n"][0])


def period_rows(ask: Ask, asked: Asked, period_s: float) -> Columns:
    """The primary by switchback period, ordered by `period` (number since the epoch).

    `off`: requests that switchback kept back; `requests`: all that came as far as its decision; `stayed_n`, `failed`,
    `total_us_n`, `total_us` as in `analyzer.surroundings.figures.Periods`.
    """
    keys = "intDiv(toUnixTimestamp64Micro(ts), {period_us:Int64}) AS period"
    us = f"if(primary_outcome = 'ok' AND isFinite(primary_total_ms), {_whole('primary_total_ms')}, NULL)"
    gone = "('client_abort', '')"

    def sums(table: str, off: str, where: str) -> str:
        return (
            f"SELECT {keys}, {off} AS off, count() AS requests, countIf(primary_outcome NOT IN {gone}) AS stayed_n, "
            f"countIf(primary_outcome NOT IN {gone} AND primary_outcome != 'ok') AS failed, "
            f"count({us} AS us) AS total_us_n, ifNull(sum(us), 0) AS total_us "
            f"FROM {table} WHERE {where} GROUP BY period"
        )

    pairs = sums(tables.PAIRS.name, "toUInt64(0)", _WITHIN)
    skips = sums(
        tables.SKIPS.name, "countIf(reason = {off:String})", f"{_WITHIN} AND reason IN {{reasons:Array(String)}}"
    )
    names = ("off", "requests", "stayed_n", "failed", "total_us_n", "total_us")
    added = ", ".join(f"sum(s.{name}) AS {name}" for name in names)
    return ask(
        f"SELECT period, {added} FROM ({pairs} UNION ALL {skips}) AS s GROUP BY period ORDER BY period",
        {
            **asked.parameters(),
            "period_us": max(1, round(period_s * 1e6)),
            "off": State.SWITCHBACK_OFF.value,
            "reasons": [reason.value for reason in FROM_SWITCHBACK],
        },
    )


_TIMED = (
    "primary_outcome = 'ok' AND candidate_outcome = 'ok' "
    "AND held_ms = 0 AND NOT gateway_cache AND NOT has(changed, 'n')"
)
"""As `timed` in `store.rollups.measures`."""


def _warmth(primary: str, candidate: str) -> str:
    """Place in `analyzer.surroundings.figures.WARMTHS`, where both are known."""
    return f"multiIf({primary} AND {candidate}, 1, {primary}, 2, {candidate}, 3, 0)"


_CACHE = (
    "if(isNull(primary_cached_tokens) OR isNull(candidate_cached_tokens), 4, "
    f"{_warmth('ifNull(primary_cached_tokens, 0) > 0', 'ifNull(candidate_cached_tokens, 0) > 0')})"
)
_CONNECTION = _warmth("primary_connection_reused", "candidate_connection_reused")


def _difference(column: str) -> str:
    """NULL where either arm has no such time."""
    both = f"isFinite(primary_{column}) AND isFinite(candidate_{column})"
    return f"if({both}, {_whole(f'candidate_{column}')} - {_whole(f'primary_{column}')}, NULL)"


def alike_rows(ask: Ask, asked: Asked, *, step_s: int, one_in: int) -> Columns:
    """Differences of latency by time step and strata, ordered by their keys.

    `time_s`, `cache`, `connection`; `total_us_n`, `total_us`, `ttft_us_n`, `ttft_us` as in
    `analyzer.surroundings.figures.Alike`.

    Args:
        ask: runs a SELECT.
        asked: whose.
        step_s: time blocks are added up to steps of so many seconds.
        one_in: of so many steps one is read, drawn by hash; 1 reads all.
    """
    step = "intDiv(toUnixTimestamp(block), {step_s:UInt32})"
    drawn = f" AND intHash32({step}) % {{one_in:UInt32}} = 0" if one_in > 1 else ""
    # One number is a far quicker key than three; 32 holds both strata.
    grouped = (
        f"SELECT {step} * 32 + {_CACHE} * 4 + {_CONNECTION} AS place, "
        f"count({_difference('total_ms')} AS total) AS total_us_n, ifNull(sum(total), 0) AS total_us, "
        f"count({_difference('ttft_ms')} AS ttft) AS ttft_us_n, ifNull(sum(ttft), 0) AS ttft_us "
        f"FROM {tables.PAIRS.name} PREWHERE {_WITHIN}{drawn} WHERE {_TIMED} GROUP BY place"
    )
    return ask(
        "SELECT intDiv(place, 32) * {step_s:UInt32} AS time_s, "
        "intDiv(place % 32, 4) AS cache, place % 4 AS connection, "
        f"total_us_n, total_us, ttft_us_n, ttft_us FROM ({grouped}) WHERE total_us_n + ttft_us_n > 0 ORDER BY place",
        {**asked.parameters(), "step_s": int(step_s), **({"one_in": int(one_in)} if one_in > 1 else {})},
    )


def model_rows(ask: Ask, asked: Asked, *, buckets: int) -> Columns:
    """Answers by hour and by the names of both models, ordered by hour: `hour_s`, `primary_model`, `candidate_model`
    (NULL: the answer names none), `n`.

    Args:
        ask: runs a SELECT.
        asked: whose.
        buckets: of the 256 conversation buckets so many are read.
    """
    only = " AND bucket < {buckets:UInt16}" if buckets < BUCKETS else ""
    return ask(
        "SELECT intDiv(toUnixTimestamp(block), 3600) * 3600 AS hour_s, primary_model, candidate_model, count() AS n "
        f"FROM {tables.PAIRS.name} PREWHERE {_WITHIN}{only} "
        "GROUP BY hour_s, primary_model, candidate_model ORDER BY hour_s",
        {**asked.parameters(), **({"buckets": int(buckets)} if only else {})},
    )
