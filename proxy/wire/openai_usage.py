"""Token counts as OpenAI's APIs and their many imitators report them -> `record.usage`.

Normalised: input includes cached tokens, output includes reasoning tokens. A count that cannot be is unknown.
"""

from collections.abc import Mapping
from typing import Any

from proxy.wire.counts import NOT_REPORTED, Audio, Counts, Reported

_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
"""Of a provider that reports nothing else, which is read at once."""


def read_usage(raw: Mapping[str, Any]) -> Reported:
    """Takes the `usage` object apart; Chat Completions and Responses name the same things differently."""
    if not raw:
        return NOT_REPORTED
    counts = Counts()
    inputs = counts.get(raw, "prompt_tokens", "input_tokens")
    outputs = counts.get(raw, "completion_tokens", "output_tokens")
    total = counts.get(raw, "total_tokens")
    if raw.keys() <= _PLAIN:
        return counts.report(inputs, outputs)
    input_details = raw.get("prompt_tokens_details") or raw.get("input_tokens_details")
    output_details = raw.get("completion_tokens_details") or raw.get("output_tokens_details")
    cached = counts.get(input_details, "cached_tokens")
    if cached is None:
        cached = counts.get(raw, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens")
    written = counts.get(input_details, "cache_write_tokens", "cache_creation_tokens")
    if written is None:
        written = counts.get(raw, "cache_creation_input_tokens")
    audio = Audio(
        counts.get(input_details, "audio_tokens"),
        counts.get(_details(input_details, "cached_tokens_details"), "audio_tokens"),
        counts.get(output_details, "audio_tokens"),
    )
    reasoning = counts.get(output_details, "reasoning_tokens")
    if reasoning is None:
        reasoning = counts.get(raw, "reasoning_tokens")
    outputs = _with_reasoning(inputs, outputs, reasoning, total)
    written_1h = counts.get(_details(raw, "cache_creation"), "ephemeral_1h_input_tokens")
    return counts.report(inputs, outputs, cached, written, reasoning, written_1h=written_1h, audio=audio)


def _details(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else None


def _with_reasoning(inputs: int | None, outputs: int | None, reasoning: int | None, total: int | None) -> int | None:
    """Some providers leave reasoning out of the output and only add it to the total; the sum gives them away."""
    if inputs is None or outputs is None or not reasoning or total != inputs + outputs + reasoning:
        return outputs
    return outputs + reasoning
