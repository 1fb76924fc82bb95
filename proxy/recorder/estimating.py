"""Token counts of a leg by our own estimator, for every leg alike, and in place of those that a provider left out."""

from dataclasses import replace

from proxy.wire.dialect import Answer, Asked
from proxy.wire.estimate import tokens_of, weight_of
from record.outcome import Outcome
from record.usage import Estimate, Usage

_CALL = 600
"""Hundredths of tokens: what stands around a tool call's name and arguments."""
_HIDDEN_FROM = 16
"""Reasoning tokens below this may be shown in a few words, or in none."""
_NO_OUTPUT = "embeddings"


def estimate_of(answer: Answer, asked: Asked, outcome: Outcome, endpoint: str) -> Estimate:
    """Tokens by our rule; None where a text is not known in full.

    A leg that did not end well has no estimate: what it would have said is not known, and what it was charged neither.
    """
    if outcome is not Outcome.OK:
        return Estimate()
    return Estimate(asked.estimated_tokens, _output(answer, endpoint))


def _output(answer: Answer, endpoint: str) -> int | None:
    if endpoint == _NO_OUTPUT:
        return 0 if answer.fault is None and answer.choices else None
    # Counts speak of all choices, and of thoughts that nobody is shown; the texts are those of the first choice.
    if answer.text is None or answer.tool_calls is None or answer.choices != 1:
        return None
    thoughts = weight_of(answer.reasoning)
    if _are_thoughts_hidden(answer, tokens_of(thoughts)):
        return None
    calls = sum(weight_of(call.name) + weight_of(call.arguments) + _CALL for call in answer.tool_calls)
    return tokens_of(weight_of(answer.text) + weight_of(answer.refusal) + thoughts + calls)


def _are_thoughts_hidden(answer: Answer, shown: int) -> bool:
    counted = answer.usage.reasoning_tokens
    if counted is not None:
        return counted >= _HIDDEN_FROM and counted > 2 * shown
    # Redacted or signed without a text: there was a thought, and nobody says how long.
    return answer.marks.first_reasoning is not None and not answer.reasoning


def completed(usage: Usage, estimate: Estimate) -> Usage:
    """The reported counts; where one is missing that has an estimate, that, and marked."""
    if usage.input_tokens is not None and usage.output_tokens is not None:
        return usage
    inputs = estimate.input_tokens if usage.input_tokens is None else usage.input_tokens
    outputs = estimate.output_tokens if usage.output_tokens is None else usage.output_tokens
    if (inputs, outputs) == (usage.input_tokens, usage.output_tokens):
        return usage
    return replace(usage, input_tokens=inputs, output_tokens=outputs, estimated=True)
