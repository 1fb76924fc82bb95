"""Arms and pairs for tests, complete but for what a test is about."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from store.browsing.pairs import Arm, BrowsedPair

TS = datetime(2026, 3, 1, 10, 0, 5, 250_000, UTC)
REQUEST = UUID("01900000-0000-7000-8000-000000000001")

PLAIN = Arm(
    model="gpt-x", outcome="ok", status=200, ttfb_ms=100.0, ttfe_ms=None, ttfr_ms=None, ttft_ms=None, total_ms=500.0,
    itl_ms=None, connect_ms=None, connection_reused=True, input_tokens=30, output_tokens=60, cached_tokens=0,
    cache_write_tokens=None, reasoning_tokens=None, tokens_estimated=False, cost_usd=Decimal("0.0042"), price_date=None,
    finish_reason="stop", chars=240, refusal=False, tool_calls=0, valid_json=None, raw_usage="",
    estimated_input_tokens=31, estimated_output_tokens=58,
)  # fmt: skip


def arm(**values: Any) -> Arm:
    """A JSON answer, half a second long."""
    return replace(PLAIN, **values)


def failed(outcome: str = "timeout", **values: Any) -> Arm:
    """A leg that came to nothing."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("model", "status", "ttfb_ms", "total_ms", "input_tokens", "output_tokens", "cached_tokens", "cost_usd",
         "finish_reason", "chars", "refusal", "tool_calls", "estimated_input_tokens", "estimated_output_tokens")
    )  # fmt: skip
    return replace(PLAIN, **{**nothing, "outcome": outcome, **values})


def browsed(primary: Arm = PLAIN, answer: Arm = PLAIN, **values: Any) -> BrowsedPair:
    """A pair of a chat."""
    made = BrowsedPair(
        request_id=REQUEST, ts=TS, candidate="swift", experiment="e-swift", conversation=7, block=TS, bucket=7,
        endpoint="chat/completions", labels={"tenant": "acme"}, sample_share=0.1, stream=False, worker="proxy-0",
        config_version=1, start_skew_ms=0.2, loop_lag_ms=0.1, held_ms=0.0, overhead_ms=0.3, gateway_cache=False,
        capture_truncated=False, changed=(), exact_match=False, tool_call_agreement=None, primary=primary,
        answer=answer,
    )  # fmt: skip
    return replace(made, **values)
