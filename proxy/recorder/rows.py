"""Pairs, skips and texts -> rows in the column order of `store.tables`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from proxy.recorder.texts import Texts
from record.pair import Leg, Pair, Request, Skip

Row = tuple[Any, ...]


def pair_row(pair: Pair, batch: str) -> Row:
    """One row of `pairs`."""
    request = pair.request
    return (
        *_identity(request, pair.candidate),
        request.endpoint,
        dict(request.labels),
        pair.sample_share,
        request.stream,
        request.worker,
        request.config_version,
        batch,
        pair.start_skew_ms,
        pair.loop_lag_ms,
        pair.held_ms,
        pair.overhead_ms,
        pair.gateway_cache,
        pair.capture_truncated,
        list(pair.changed),
        pair.exact_match,
        pair.tool_call_agreement,
        *_leg(pair.primary),
        *_leg(pair.candidate_leg),
        *_usage(pair.primary),
        *_usage(pair.candidate_leg),
    )


def skip_row(skip: Skip, batch: str) -> Row:
    """One row of `skips`."""
    return (
        *_identity(skip.request, skip.candidate),
        skip.reason.value,
        dict(skip.request.labels),
        batch,
        *_leg(skip.primary),
        *_usage(skip.primary),
    )


def _identity(request: Request, candidate: str) -> Row:
    return (
        request.request_id,
        request.ts,
        candidate,
        request.experiment,
        request.conversation,
        request.block,
        request.bucket,
    )


def _leg(leg: Leg) -> Row:
    timing, usage = leg.timing, leg.usage
    return (
        leg.model,
        leg.outcome.value,
        leg.status,
        timing.ttfb_ms,
        timing.ttfe_ms,
        timing.ttfr_ms,
        timing.ttft_ms,
        timing.total_ms,
        timing.itl_ms,
        timing.connect_ms,
        timing.connection_reused,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        leg.cost.usd,
        leg.cost.price_date,
        leg.finish_reason,
        leg.chars,
        leg.refusal,
        leg.tool_calls,
        leg.valid_json,
    )


def _usage(leg: Leg) -> Row:
    return (leg.raw_usage, leg.estimate.input_tokens, leg.estimate.output_tokens)


def counter_row(second: datetime, worker: str, candidate: str, state: str, count: int) -> Row:
    """One row of `counters`."""
    return (second, worker, candidate, state, count)


def experiment_row(
    experiment: str, candidate: str, compared: str, created: datetime, *, policy: str, planned_pairs: int | None
) -> Row:
    """One row of `experiments`; `policy` is empty and `planned_pairs` None where nothing was declared."""
    return (experiment, candidate, compared, created, policy, planned_pairs)


def payload_row(request_id: UUID, ts: datetime, side: str, texts: Texts, batch: str) -> Row:
    """One row of `payloads`."""
    return (request_id, side, ts, texts.request, texts.response, texts.reasoning, texts.tool_calls, batch)
