"""Completions and embeddings beyond the recordings."""

from typing import Any

import pytest

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer
from proxy.wire.dialects.table import dialect_of
from record.usage import NO_USAGE, Usage
from tests.proxy.wire.samples import JSON, SSE, dump, events


def read(endpoint: str, body: bytes, **fields: Any) -> Answer:
    return dialect_of(endpoint).read_answer(Reply(**{"status": 200, "headers": JSON, "head": body, **fields}))


def piece(text: str, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": index, "text": text, "finish_reason": finish}], **fields}


# Completions


def test_the_first_of_several_completions_is_compared_streamed_or_not() -> None:
    streamed = read(
        "completions",
        events(piece("a"), piece("x", 1), piece("b"), piece("", 0, "length"), done=True),
        headers=SSE,
    )
    choices = [{"index": 1, "text": "x"}, {"index": 0, "text": "ab", "finish_reason": "length"}]
    whole = read("completions", dump({"model": "m", "choices": choices}))
    for answer in (streamed, whole):
        assert (answer.text, answer.choices, answer.finish_reason, answer.ended) == ("ab", 2, "length", True)


def test_a_completion_may_end_with_its_usage_or_break_off_with_an_error() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert read("completions", events(piece("a"), usage, done=True), headers=SSE).usage == Usage(3, 2)
    broken = read("completions", events(piece("a"), {"error": {"message": "oh", "code": 500}}), headers=SSE)
    assert broken.error is not None
    assert (broken.error.message, broken.text) == ("oh", "a")


def test_a_completion_asks_as_chat_does() -> None:
    asked = dialect_of("completions").read_request(b'{"model":"m","n":2,"response_format":{"type":"json_object"}}')
    assert (asked.model, asked.choices, asked.wants_json, asked.json_field) == ("m", 2, True, "response_format")


# Embeddings


def vectors(count: int, **fields: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": i, "embedding": [0.25] * 8} for i in range(count)]
    return {"object": "list", "data": data, "model": "m", **fields}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "total_tokens": 9}, Usage(9, 0)),
        ({"total_tokens": 9}, Usage(9, 0)),  # Voyage
        ({"prompt_tokens": -9}, NO_USAGE),
        ({}, NO_USAGE),
    ],
)
def test_embeddings_have_input_tokens_and_put_none_out(usage: dict[str, Any], expected: Usage) -> None:
    """The output is known to be zero, so that a price can be worked out; but only where the input is known."""
    answer = read("embeddings", dump(vectors(2, usage=usage)))
    assert answer.usage == expected
    assert (answer.text, answer.tool_calls, answer.choices, answer.fault) == (None, None, 2, None)


def test_many_vectors_lose_their_middle_and_keep_their_usage() -> None:
    body = dump(vectors(500, usage={"prompt_tokens": 900, "total_tokens": 900}))
    answer = read("embeddings", body[:1000], tail=body[-1000:], gap_bytes=len(body) - 2000)
    assert (answer.fault, answer.usage, answer.model) == (None, Usage(900, 0), "m")


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": "x"}, {"choices": []}])
def test_an_answer_without_vectors_is_none(body: dict[str, Any]) -> None:
    assert read("embeddings", dump(body)).fault is not None


def test_vectors_may_hold_what_json_does_not() -> None:
    answer = read("embeddings", b'{"data":[{"embedding":[NaN, 1e999]}],"model":"m","usage":{"prompt_tokens":2}}')
    assert (answer.fault, answer.usage) == (None, Usage(2, 0))
