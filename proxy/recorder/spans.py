"""Pairs as spans of a trace: one for each leg, under OpenTelemetry's names for generative AI. Without any text.

The trace and its spans have ids that follow from the request's id, so a pair that is read again after a crash gives the
same spans. The primary's leg is the root; copies are its children.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from record.outcome import Outcome
from record.pair import Leg, Pair

_OPERATIONS = {
    "chat/completions": "chat",
    "responses": "chat",
    "messages": "chat",
    "api/chat": "chat",
    "completions": "text_completion",
    "api/generate": "text_completion",
    "embeddings": "embeddings",
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
}
"""Endpoint -> gen_ai.operation.name."""
Value = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LegSpan:
    """One leg, before a library makes a span of it."""

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    start_ns: int
    """Since the epoch, by the worker's wall clock; a copy's start follows from the primary's by the monotonic one."""
    end_ns: int
    is_error: bool
    attributes: Mapping[str, Value]


def spans(pair: Pair, servers: Mapping[str, str], *, with_primary: bool) -> list[LegSpan]:
    """The spans of a pair.

    Args:
        pair: as it is stored.
        servers: arm -> host; the primary's under the empty name, the control's is the primary's.
        with_primary: also the primary's leg; of several candidates' pairs one tells of it.
    """
    request = pair.request
    trace, root = request.request_id.int, _span_id(request.request_id, "")
    made = []
    if with_primary:
        made.append(_leg(pair, pair.primary, "", _Place(trace, root, None, request.ts), servers))
    start = request.ts + timedelta(milliseconds=pair.start_skew_ms or 0.0)
    place = _Place(trace, _span_id(request.request_id, pair.candidate), root, start)
    made.append(_leg(pair, pair.candidate_leg, pair.candidate, place, servers))
    return made


@dataclass(frozen=True, slots=True)
class _Place:
    trace_id: int
    span_id: int
    parent_id: int | None
    start: datetime


def _span_id(request_id: UUID, arm: str) -> int:
    """Eight bytes, never 0."""
    return int.from_bytes(hashlib.blake2b(request_id.bytes + arm.encode(), digest_size=8).digest(), "big") or 1


def _leg(pair: Pair, leg: Leg, candidate: str, place: _Place, servers: Mapping[str, str]) -> LegSpan:
    operation = _OPERATIONS.get(pair.request.endpoint, "chat")
    start_ns = round(place.start.timestamp() * 1e6) * 1000
    name = f"{operation} {leg.model}" if leg.model else operation
    return LegSpan(
        place.trace_id,
        place.span_id,
        place.parent_id,
        name,
        start_ns,
        start_ns + round((leg.timing.total_ms or 0.0) * 1e6),
        leg.outcome not in {Outcome.OK, Outcome.CLIENT_ABORT},
        dict(_attributes(pair, leg, candidate, operation, servers)),
    )


def _attributes(
    pair: Pair, leg: Leg, candidate: str, operation: str, servers: Mapping[str, str]
) -> Iterator[tuple[str, Value]]:
    """What is not known is left out."""
    request, usage = pair.request, leg.usage
    known: dict[str, Value | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.response.model": leg.model,
        "gen_ai.response.finish_reasons": (leg.finish_reason,) if leg.finish_reason else None,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "server.address": servers.get(candidate) or servers.get(""),
        "http.response.status_code": leg.status,
        "error.type": None if leg.outcome == Outcome.OK else leg.outcome.value,
        "shadowbench.request_id": str(request.request_id),
        "shadowbench.arm": "candidate" if candidate else "primary",
        "shadowbench.candidate": candidate or None,
        "shadowbench.experiment": request.experiment,
        "shadowbench.endpoint": request.endpoint,
        "shadowbench.stream": request.stream,
        "shadowbench.outcome": leg.outcome.value,
        "shadowbench.ttft_ms": leg.timing.ttft_ms,
        "shadowbench.total_ms": leg.timing.total_ms,
        "shadowbench.cost_usd": None if leg.cost.usd is None else float(leg.cost.usd),
        "shadowbench.tokens_estimated": usage.estimated if usage.input_tokens is not None else None,
        **{f"shadowbench.label.{name}": value for name, value in request.labels.items()},
    }
    yield from ((name, value) for name, value in known.items() if value is not None)
