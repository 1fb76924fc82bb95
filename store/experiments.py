"""What was compared in a window: pairs of each candidate under each experiment id."""

# ruff: noqa: S608 - names of our own tables and columns; times are parameters

from typing import Any

from store import tables
from store.comparison import Ask, Columns, Span
from store.parts import LONGEST_BLOCK, Part
from store.rollups.tables import BLOCKS

_MIN_BOTH = 30
"""Legs with reported and estimated tokens, below which their ratio says little."""
_STRETCHES = 256
"""Of time, some of which stand for all where there are many pairs."""
_FEW = 32
_STAYED = "primary_outcome != 'client_abort' AND candidate_outcome != 'client_abort'"
_COUNTED = (
    "count() AS pairs, toUnixTimestamp64Micro(min(ts)) AS first_us, toUnixTimestamp64Micro(max(ts)) AS last_us, "
    "min(sample_share) AS share_low, max(sample_share) AS share_high, "
    "countIf(held_ms > 0) AS held, countIf(gateway_cache) AS gateway_cached, "
    f"countIf(NOT ({_STAYED})) AS client_aborts, "
    f"countIf({_STAYED} AND primary_outcome != 'ok') AS failures_primary, "
    f"countIf({_STAYED} AND candidate_outcome != 'ok') AS failures_candidate, "
    "countIf(primary_tokens_estimated) AS estimated_primary, "
    "countIf(candidate_tokens_estimated) AS estimated_candidate, "
    "countIf(primary_tokens_estimated AND candidate_tokens_estimated) AS estimated_both"
)
_BY = "GROUP BY candidate, experiment ORDER BY candidate, experiment"


def experiment_rows(ask: Ask, span: Span) -> Columns:
    """One row per candidate and experiment with pairs: `pairs`, `first_us`, `last_us` (starts of requests),
    `share_low`, `share_high`, `held`, `gateway_cached`, `client_aborts`, `failures_primary`, `failures_candidate`;
    `estimated_primary`, `estimated_candidate`, `estimated_both` (pairs with estimated tokens).

    Failures are counted where the client stayed. Experiments are asked about one by one while they are few: to group
    many millions of rows by two texts takes longer than to count them.
    """
    part = Part(span, by_block=False)
    rows = f"FROM {tables.PAIRS.name} WHERE {part.condition}"
    known = _known(ask, span)
    if len(known) > _FEW:
        return ask(f"SELECT candidate, experiment, {_COUNTED} {rows} {_BY}", part.parameters())
    found: dict[str, list[Any]] = {}
    for candidate, experiment in known:
        columns = ask(
            f"SELECT {_COUNTED} {rows} AND candidate = {{candidate:String}} AND experiment = {{experiment:String}}",
            {**part.parameters(), "candidate": candidate, "experiment": experiment},
        )
        if columns["pairs"][0]:
            for name, values in {"candidate": [candidate], "experiment": [experiment], **columns}.items():
                found.setdefault(name, []).extend(values)
    return found


def _known(ask: Ask, span: Span) -> list[tuple[str, str]]:
    """Candidates and experiments that may have pairs in the window, by the rollups."""
    earliest = Span(span.since - LONGEST_BLOCK, span.until)
    columns = ask(
        f"SELECT DISTINCT candidate, experiment FROM {BLOCKS.name} WHERE "
        "toUnixTimestamp(block) * 1000000 >= {since_us:Int64} AND toUnixTimestamp(block) * 1000000 < {until_us:Int64} "
        "ORDER BY candidate, experiment",
        earliest.parameters(),
    )
    return list(zip(columns["candidate"], columns["experiment"], strict=True))


def estimator_errors(ask: Ask, span: Span, one_in: int) -> Columns:
    """`candidate`, `experiment`, `estimator_error_primary`, `estimator_error_candidate`: reported over estimated
    tokens, less one, of legs that have both; the larger of input and output. NULL below 30 such legs.

    Args:
        ask: runs a SELECT.
        span: starts of requests.
        one_in: one of so many stretches of the window is read; 1: all of it.
    """
    part = Part(span, by_block=False)
    length_s = max(1, int((span.until - span.since).total_seconds()) // _STRETCHES)
    chosen = f" AND intDiv(toUnixTimestamp(ts), {length_s}) % {int(one_in)} = 0" if one_in > 1 else ""
    errors = ", ".join(_estimator_error(arm) for arm in ("primary", "candidate"))
    return ask(
        f"SELECT candidate, experiment, {errors} FROM {tables.PAIRS.name} WHERE {part.condition}{chosen} {_BY}",
        part.parameters(),
    )


def _estimator_error(arm: str) -> str:
    columns = [f"{arm}_{how}{kind}_tokens" for how in ("", "estimated_") for kind in ("input", "output")]
    both = f"NOT {arm}_tokens_estimated AND " + " AND ".join(f"isNotNull({column})" for column in columns)

    def off(kind: str) -> str:
        reported, estimated = (f"sumIf(toFloat64({arm}_{how}{kind}_tokens), {both})" for how in ("", "estimated_"))
        return f"ifNull(abs({reported} / nullIf({estimated}, 0) - 1), 0)"

    return (
        f"if(countIf({both}) < {_MIN_BOTH}, NULL, greatest({off('input')}, {off('output')})) AS estimator_error_{arm}"
    )
