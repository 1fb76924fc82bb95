"""Token counts as Gemini reports them -> `record.usage`.

Gemini's `candidatesTokenCount` leaves the thoughts out; the normalised output has them. Counts of zero are left out of
the JSON altogether, so a missing one is worked out from the total where that is there.
"""

from collections.abc import Mapping
from typing import Any

from proxy.wire.counts import NOT_REPORTED, Audio, Counts, Reported
from proxy.wire.object_fields import objects_of


def read_gemini_usage(raw: Mapping[str, Any]) -> Reported:
    """Takes the `usageMetadata` object apart."""
    if not raw:
        return NOT_REPORTED
    counts = Counts()
    prompt = counts.get(raw, "promptTokenCount")
    tools = counts.get(raw, "toolUsePromptTokenCount")
    # Cached tokens are part of the prompt; what tools of the provider put before the model is not.
    inputs = None if prompt is None else prompt + (tools or 0)
    cached = counts.get(raw, "cachedContentTokenCount")
    thoughts = counts.get(raw, "thoughtsTokenCount")
    total = counts.get(raw, "totalTokenCount")
    outputs = _outputs(inputs, counts.get(raw, "candidatesTokenCount"), thoughts, total)
    audio = Audio(
        _sound(counts, raw.get("promptTokensDetails")),
        _sound(counts, raw.get("cacheTokensDetails")),
        _sound(counts, raw.get("candidatesTokensDetails")),
    )
    return counts.report(inputs, outputs, cached, reasoning=thoughts, audio=audio)


def _sound(counts: Counts, details: Any) -> int | None:
    """Of counts by kind of content."""
    return next((counts.get(d, "tokenCount") for d in objects_of(details) if d.get("modality") == "AUDIO"), None)


def _outputs(inputs: int | None, shown: int | None, thoughts: int | None, total: int | None) -> int | None:
    if shown is None:
        rest = None if inputs is None or total is None else total - inputs
        return rest if rest is not None and rest >= (thoughts or 0) else None
    if thoughts and inputs is not None and total == inputs + shown:
        return shown  # a gateway that has added them already
    return shown + (thoughts or 0)
