"""Token counts as OpenAI's chat API and its many imitators report them -> `record.usage`.

Normalised: input includes cached tokens, output includes reasoning tokens. A count that cannot be is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from record.usage import NO_USAGE, Usage

MAX_TOKENS = 10**9
"""No answer has more; a larger number is a fault of the reporter."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Normalised counts, and whether some were thrown away."""

    usage: Usage
    odd: bool


class _Counts:
    """Reads numbers and remembers whether one was absurd."""

    def __init__(self) -> None:
        self.odd = False

    def get(self, values: Any, *names: str) -> int | None:
        """The first of the names that holds something."""
        if not isinstance(values, Mapping):
            return None
        for name in names:
            value = values.get(name)
            if value is None:
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
                return value
            self.odd = True
        return None


def read_usage(raw: Mapping[str, Any]) -> Reported:
    """Takes the `usage` object apart."""
    counts = _Counts()
    inputs = counts.get(raw, "prompt_tokens", "input_tokens")
    outputs = counts.get(raw, "completion_tokens", "output_tokens")
    total = counts.get(raw, "total_tokens")
    prompt_details, output_details = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    cached = counts.get(prompt_details, "cached_tokens")
    if cached is None:
        cached = counts.get(raw, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens")
    written = counts.get(prompt_details, "cache_write_tokens", "cache_creation_tokens")
    if written is None:
        written = counts.get(raw, "cache_creation_input_tokens")
    reasoning = counts.get(output_details, "reasoning_tokens")
    if reasoning is None:
        reasoning = counts.get(raw, "reasoning_tokens")
    if inputs == 0 and not outputs:
        # Every request has a token; all zeros is how some servers say that they did not count.
        return Reported(NO_USAGE, odd=True)
    outputs = _with_reasoning(inputs, outputs, reasoning, total)
    if reasoning is not None and outputs is not None and reasoning > outputs:
        reasoning, counts.odd = None, True
    if cached is not None and inputs is not None and cached > inputs:
        cached, counts.odd = None, True
    return Reported(Usage(inputs, outputs, cached, written, reasoning), counts.odd)


def _with_reasoning(inputs: int | None, outputs: int | None, reasoning: int | None, total: int | None) -> int | None:
    """Some providers leave reasoning out of the output and only add it to the total; the sum gives them away."""
    if inputs is None or outputs is None or not reasoning or total != inputs + outputs + reasoning:
        return outputs
    return outputs + reasoning
