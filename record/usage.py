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
    written_1h_tokens: int | None = None
    """Part of `cache_write_tokens`: what is kept for an hour, which costs more."""
    input_audio_tokens: int | None = None
    """Part of the input, cached or not; like the next two not a column, but with a price of its own."""
    cached_audio_tokens: int | None = None
    """Part of both `cached_tokens` and `input_audio_tokens`."""
    output_audio_tokens: int | None = None
    """Part of the output."""


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens as our estimator counts them from the texts, for both arms alike; None where a text is unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None


NO_ESTIMATE = Estimate()
