"""How many tokens a request asks with: every API's texts are found, and what is no text makes it unknown."""

import json
from typing import Any

import pytest

from proxy.wire.asked_tokens import asked_tokens, text_fields
from proxy.wire.dialects.table import DIALECTS, dialect_of
from proxy.wire.estimate import weight_of
from tests.proxy.wire.recordings import needs_recordings, spoken_recordings

HELLO = "Say this is a test"
ASKS: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [{"role": "user", "content": HELLO}]},
    "completions": {"prompt": HELLO},
    "embeddings": {"input": HELLO},
    "responses": {"input": HELLO},
    "messages": {"messages": [{"role": "user", "content": [{"type": "text", "text": HELLO}]}]},
    "generateContent": {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]},
    "streamGenerateContent": {"contents": [{"parts": [{"text": HELLO}]}]},
    "api/chat": {"messages": [{"role": "user", "content": HELLO}]},
    "api/generate": {"prompt": HELLO},
}


def test_every_dialect_is_asked_here() -> None:
    assert set(ASKS) == set(DIALECTS)


@pytest.mark.parametrize("endpoint", sorted(ASKS))
def test_the_text_of_a_request_is_found_in_every_api(endpoint: str) -> None:
    """100 for the first word and 105 for each of four more, 25 for the capital; a turn has a frame of seven tokens."""
    frame = 0 if endpoint in {"completions", "embeddings", "api/generate"} else 700
    assert weight_of(HELLO) == 100 + 4 * 105 + 25
    assert dialect_of(endpoint).read_request(json.dumps(ASKS[endpoint]).encode()).estimated_tokens == round(
        (545 + frame) / 100
    )


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [
        (
            "chat/completions",
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": "b c d"}}}]},
        ),
        ("chat/completions", {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": "b c d"}}}}),
        ("responses", {"instructions": "one two three four"}),
        ("messages", {"system": [{"type": "text", "text": "one two three four"}]}),
        ("generateContent", {"systemInstruction": {"parts": [{"text": "one two three four"}]}}),
        ("api/generate", {"system": "one two three four"}),
        ("api/chat", {"format": {"type": "object", "properties": {"a": {"type": "string"}}}}),
    ],
)
def test_what_stands_before_the_turns_counts_too(endpoint: str, more: dict[str, Any]) -> None:
    without, with_it = asked_tokens(ASKS[endpoint], endpoint), asked_tokens({**ASKS[endpoint], **more}, endpoint)
    assert without is not None
    assert with_it is not None
    assert with_it >= without + 4
    assert text_fields(endpoint).issuperset(more)


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        ("chat/completions", {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}),
        ("chat/completions", {"messages": [{"content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]}),
        ("generateContent", {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "x"}}]}]}),
        ("generateContent", {"contents": [{"parts": [{"text": "x"}]}], "cachedContent": "caches/1"}),
        ("responses", {"input": "x", "previous_response_id": "resp_1"}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}),
        ("api/chat", {"messages": [{"role": "user", "content": "x", "images": ["x"]}]}),
        ("api/generate", {"prompt": "x", "images": ["x"]}),
        ("chat/completions", {"messages": None}),
        ("chat/completions", {}),
        ("chat/completions", {"messages": 7}),
        ("elsewhere", {"messages": [{"role": "user", "content": "x"}]}),
    ],
)  # fmt: skip
def test_what_has_no_text_or_lies_with_the_provider_is_unknown(endpoint: str, fields: dict[str, Any]) -> None:
    assert asked_tokens(fields, endpoint) is None


def test_a_prompt_of_tokens_has_as_many_as_it_has() -> None:
    assert asked_tokens({"input": [list(range(70)), list(range(50))]}, "embeddings") == 120
    assert asked_tokens({"prompt": ["one", "two"]}, "completions") == 2


def test_a_request_that_is_nested_without_end_is_unknown() -> None:
    content: Any = "deep"
    for _ in range(50):
        content = [{"type": "text", "content": content}]
    assert asked_tokens({"messages": [{"role": "user", "content": content}]}, "messages") is None


@needs_recordings
def test_recorded_requests_of_plain_text_are_counted_within_a_few_tokens() -> None:
    """Without tools, searches, caches and hidden prompts, and not cut where they were written down."""
    hidden = ("tool", "search", "cache", "thinking", "obfuscation", "cached", "openrouter_chat_json", "openrouter_resp")
    compared = 0
    for endpoint, recording in spoken_recordings():
        reported = recording.expected["usage"]["input_tokens"] if recording.expected.get("usage") else None
        request = recording.request
        if not reported or reported < 8 or not request or b'"tools"' in request or b"format" in request:
            continue
        if any(word in recording.name for word in hidden):
            continue
        estimated = dialect_of(endpoint).read_request(request).estimated_tokens
        assert estimated is not None, recording.name
        assert abs(estimated - reported) <= max(9, 0.35 * reported), recording.name
        compared += 1
    assert compared >= 15
