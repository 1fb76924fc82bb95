"""Token counts: input includes cached, output includes reasoning, and what cannot be is unknown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.counts import MAX_TOKENS
from proxy.wire.openai_usage import read_usage
from record.usage import NO_USAGE, Usage


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(10, 5)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(100, 50, 80, 4, 20),
        ),
        # DeepSeek's and LiteLLM's own names
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Usage(9, 1, 8)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 2,
            },
            Usage(9, 1, 3, 2),
        ),
        # xAI: reasoning is not in the output, and the total says so: 10 + 5 + 30 = 45
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 45,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(10, 35, reasoning_tokens=30),
        ),
        ({"prompt_tokens": 10.0, "completion_tokens": 5.0}, Usage(10, 5)),
        ({}, NO_USAGE),
    ],
)
def test_counts_are_normalised(raw: dict[str, Any], expected: Usage) -> None:
    reported = read_usage(raw)
    assert reported.usage == expected
    assert not reported.odd


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt_tokens": -1, "completion_tokens": 5}, Usage(None, 5)),
        ({"prompt_tokens": MAX_TOKENS + 1, "completion_tokens": 5}, Usage(None, 5)),
        ({"prompt_tokens": "7", "completion_tokens": True}, NO_USAGE),
        ({"prompt_tokens": 7.5, "completion_tokens": float("nan")}, NO_USAGE),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, NO_USAGE),
        ({"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 6}}, Usage(5, 2)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(5, 2),
        ),
    ],
)
def test_what_cannot_be_is_unknown_and_noted(raw: dict[str, Any], expected: Usage) -> None:
    reported = read_usage(raw)
    assert reported.usage == expected
    assert reported.odd


_NUMBER = st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none(), st.booleans(), st.lists(st.integers()))
_DETAILS = st.one_of(_NUMBER, st.dictionaries(st.sampled_from(["cached_tokens", "reasoning_tokens"]), _NUMBER))


@given(
    raw=st.dictionaries(
        st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"]), _NUMBER
    ),
    details=_DETAILS,
)
def test_whatever_is_reported_the_counts_can_be(raw: dict[str, Any], details: Any) -> None:
    """No negative count, no cached tokens beyond the input, no reasoning beyond the output."""
    usage = read_usage({**raw, "prompt_tokens_details": details, "completion_tokens_details": details}).usage
    counts = [usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens]
    assert all(c is None or 0 <= c <= 2 * MAX_TOKENS for c in counts)
    if usage.input_tokens is not None:
        assert (usage.cached_tokens or 0) <= usage.input_tokens
    if usage.output_tokens is not None:
        assert (usage.reasoning_tokens or 0) <= usage.output_tokens
