"""Two legs -> a pair; one leg -> a skip. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import xxhash

from proxy.recorder.comparison import exact_match, tool_call_agreement
from proxy.recorder.leg import LegReading
from proxy.shadow.capture.frames import Admitted, LegEnd, LegPlan
from proxy.shadow.capture.segment import Setup
from record.ids import as_uuid
from record.pair import Pair, Request, Skip
from record.states import State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_MS = 1e6
_US_PER_S = 1_000_000

_HIT_HEADERS = (b"x-cache", b"cf-cache-status", b"helicone-cache", b"x-portkey-cache-status", b"cf-aig-cache-status")
_TRUE_HEADERS = (b"x-litellm-cache-hit",)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the log says about all exchanges of a segment."""

    worker: str
    setup: Setup


def instant(unix_us: int) -> datetime:
    """Microseconds since the epoch -> UTC, exactly."""
    return _EPOCH + timedelta(microseconds=unix_us)


def block_start(unix_us: int, block_s: float) -> datetime:
    """Start of the block that holds an instant; blocks are counted from the epoch, so that replicas agree."""
    length_us = max(1, round(block_s * _US_PER_S))
    return instant(unix_us - unix_us % length_us)


def bucket_of(conversation: int) -> int:
    """xxh3-64 of the conversation's 8 little-endian bytes, modulo 256."""
    return xxhash.xxh3_64_intdigest(conversation.to_bytes(8, "little")) & 255


def make_request(admitted: Admitted, plan: LegPlan, circumstances: Circumstances) -> Request:
    """What both arms were asked."""
    experiment, _ = circumstances.setup.experiments.get(plan.candidate, ("", ""))
    return Request(
        request_id=as_uuid(admitted.id),
        ts=instant(admitted.start_unix_us),
        experiment=experiment,
        conversation=admitted.conversation,
        bucket=bucket_of(admitted.conversation),
        block=block_start(admitted.start_unix_us, circumstances.setup.block_s),
        endpoint=admitted.endpoint,
        labels=admitted.labels,
        stream=admitted.stream,
        worker=circumstances.worker,
        config_version=admitted.config_version,
    )


def make_pair(
    admitted: Admitted, plan: LegPlan, circumstances: Circumstances, primary: LegReading, candidate: LegReading
) -> Pair:
    """Both legs of one request. Differences are candidate minus primary."""
    ours, theirs = primary.end, candidate.end
    return Pair(
        request=make_request(admitted, plan, circumstances),
        candidate=plan.candidate,
        sample_share=plan.share,
        primary=primary.leg,
        candidate_leg=candidate.leg,
        start_skew_ms=None if ours.t0_ns is None or theirs.t0_ns is None else (theirs.t0_ns - ours.t0_ns) / _NS_PER_MS,
        loop_lag_ms=max(ours.loop_lag_ns, theirs.loop_lag_ns) / _NS_PER_MS,
        held_ms=ours.held_ns / _NS_PER_MS,
        overhead_ms=None if ours.overhead_ns is None else ours.overhead_ns / _NS_PER_MS,
        gateway_cache=is_gateway_cache(ours),
        capture_truncated=ours.gap_bytes > 0 or theirs.gap_bytes > 0,
        changed=tuple(plan.changed),
        exact_match=exact_match(primary.answer, candidate.answer),
        tool_call_agreement=tool_call_agreement(primary.answer, candidate.answer),
    )


def make_skip(admitted: Admitted, plan: LegPlan, circumstances: Circumstances, primary: LegReading) -> Skip:
    """The primary's side of a request that was not sent to a candidate."""
    return Skip(make_request(admitted, plan, circumstances), plan.candidate, State(plan.state), primary.leg)


def is_gateway_cache(end: LegEnd) -> bool:
    """Did the primary answer from a response cache, as its headers say?

    LiteLLM (`x-litellm-cache-key`, `x-litellm-cache-hit: True`), Cloudflare, Helicone, Portkey, and what CDNs write
    into `x-cache`. A provider's prompt cache is another matter: it still computes an answer.
    """
    for name, value in end.headers:
        if name == b"x-litellm-cache-key":
            return True
        if name in _HIT_HEADERS and b"hit" in value.lower():
            return True
        if name in _TRUE_HEADERS and value.strip().lower() == b"true":
            return True
    return False
