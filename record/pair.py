"""Both legs of one sampled request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from record.cost import UNKNOWN_COST, Cost
from record.outcome import Outcome
from record.states import State
from record.timing import NO_TIMING, Timing
from record.usage import NO_ESTIMATE, NO_USAGE, Estimate, Usage

CONTROL = "control"
"""The candidate name of the control leg: the copy that goes to the primary itself (A/A, the noise floor)."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What one arm did with the request."""

    outcome: Outcome
    model: str | None = None
    """The model that the answer names; None when it names none."""
    status: int | None = None
    timing: Timing = NO_TIMING
    usage: Usage = NO_USAGE
    cost: Cost = UNKNOWN_COST
    finish_reason: str | None = None
    chars: int | None = None
    """Length of the visible text in code points; None when there was no readable answer."""
    refusal: bool | None = None
    tool_calls: int | None = None
    valid_json: bool | None = None
    """None unless the request asked for JSON."""
    raw_usage: str = ""
    """Token counts as the provider reported them, JSON; empty where it reported none."""
    estimate: Estimate = NO_ESTIMATE


@dataclass(frozen=True, slots=True)
class Request:
    """What both arms were asked, and the circumstances."""

    request_id: UUID
    ts: datetime
    """Start of the request, UTC."""
    experiment: str
    conversation: int
    """Keyed 64-bit hash of the sampling key; requests of one conversation share it."""
    bucket: int
    """`conversation` mod 256: the second unit over which errors are made robust."""
    block: datetime
    """Start of the time block that holds `ts`, UTC."""
    endpoint: str
    labels: Mapping[str, str]
    stream: bool | None
    """None when the request body could not be read."""
    worker: str
    config_version: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of the `pairs` table."""

    request: Request
    candidate: str
    sample_share: float
    primary: Leg
    candidate_leg: Leg
    start_skew_ms: float | None
    """Candidate t0 minus primary t0."""
    loop_lag_ms: float | None
    held_ms: float
    overhead_ms: float | None
    gateway_cache: bool
    capture_truncated: bool
    changed: tuple[str, ...]
    """Request fields that the candidate got differently."""
    exact_match: bool | None
    tool_call_agreement: float | None


@dataclass(frozen=True, slots=True)
class Skip:
    """One row of the `skips` table: sampled, not sent, the primary's side known all the same."""

    request: Request
    candidate: str
    reason: State
    primary: Leg
