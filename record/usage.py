"""Tokens of a leg, normalised: input includes cached tokens, output includes reasoning tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; None where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    estimated: bool = False
    """True when our estimator counted, not the provider; such numbers are never compared with reported ones."""


NO_USAGE = Usage()
