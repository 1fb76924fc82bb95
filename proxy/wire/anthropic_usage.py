"""Token counts as Anthropic reports them -> `record.usage`.

Anthropic's `input_tokens` leaves out what was read from the cache or written to it; the normalised input has all of it.
Its output includes thinking, which it does not count apart.
"""

from collections.abc import Mapping
from typing import Any

from proxy.wire.counts import NOT_REPORTED, Counts, Reported


def read_anthropic_usage(raw: Mapping[str, Any], *, output_is_final: bool = True) -> Reported:
    """Takes the `usage` object apart.

    Args:
        raw: the counts of all events, later ones over earlier ones.
        output_is_final: False when a stream broke off before it told the whole output: its first event holds only
            the tokens until then.
    """
    if not raw:
        return NOT_REPORTED
    counts = Counts()
    plain = counts.get(raw, "input_tokens")
    cached = counts.get(raw, "cache_read_input_tokens")
    kept = raw.get("cache_creation")
    written_1h = counts.get(kept, "ephemeral_1h_input_tokens")
    written = counts.get(raw, "cache_creation_input_tokens")
    if written is None and written_1h is not None:
        written = written_1h + (counts.get(kept, "ephemeral_5m_input_tokens") or 0)
    inputs = None if plain is None or counts.odd else plain + (cached or 0) + (written or 0)
    outputs = counts.get(raw, "output_tokens") if output_is_final else None
    return counts.report(inputs, outputs, cached, written, written_1h=written_1h)
