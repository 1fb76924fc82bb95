"""Inference calls by their path, whatever stands before it; and the model that a path names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.apis import APIS
from proxy.wire.endpoints import called_by, endpoint_of, model_in, model_place, path_model, with_model

INFERENCE = {
    b"/v1/chat/completions": "chat/completions",
    b"/chat/completions": "chat/completions",
    b"/v1/completions": "completions",
    b"/v1/embeddings": "embeddings",
    b"/v1/responses": "responses",
    b"/v1/messages": "messages",
    b"/v1beta/models/gemini-2.5-pro:generateContent": "generateContent",
    b"/v1beta/models/gemini-2.5-pro:streamGenerateContent": "streamGenerateContent",
    b"/v1beta/models/gemini-2.5-pro%3AstreamGenerateContent": "streamGenerateContent",
    b"/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent": "generateContent",
    b"/openai/deployments/my-gpt/chat/completions": "chat/completions",
    b"/openai/deployments/my-gpt/embeddings": "embeddings",
    b"/api/chat": "api/chat",
    b"/api/generate": "api/generate",
}
OTHER = (
    b"/",
    b"",
    b"/v1/models",
    b"/v1/messages/count_tokens",
    b"/v1/messages/batches",
    b"/v1/responses/resp_1",
    b"/v1/responses/resp_1/cancel",
    b"/v1/responses/input_tokens",
    b"/v1/chat/completions/chatcmpl-1",
    b"/v1/chat/completions/chatcmpl-1/messages",
    b"/v1/files",
    b"/v1/batches",
    b"/v1/assistants",
    b"/v1/threads",
    b"/v1/threads/runs",
    b"/v1/threads/thread_1/messages",
    b"/v1/conversations/conv_1/messages",
    b"/v1beta/models/gemini-2.5-pro:countTokens",
    b"/v1beta/models/gemini-2.5-pro:batchGenerateContent",
    b"/v1beta/models/gemini-2.5-pro/generateContent",
    b"/v1/images/generations",
    b"/chat",
    b"/v1/chat",
    b"/generate",
    b"/v1/chatcompletions",
    b"/v1/my-chat-completions",
    b"/v1/x?path=/v1/chat/completions",
)


@pytest.mark.parametrize("target", INFERENCE)
@pytest.mark.parametrize("before", [b"", b"/gateway/eu-west", b"/openai"])
@pytest.mark.parametrize("after", [b"", b"/", b"?api-version=1", b"/?x=/v1/models"])
def test_an_inference_call_is_known_by_the_end_of_its_path(target: bytes, before: bytes, after: bytes) -> None:
    assert endpoint_of(before + target + after) == INFERENCE[target]
    assert INFERENCE[target] in APIS


@pytest.mark.parametrize("target", OTHER)
def test_what_counts_keeps_lists_or_cancels_is_none(target: bytes) -> None:
    assert endpoint_of(target) is None


@given(st.binary(max_size=60))
def test_no_target_breaks_it(target: bytes) -> None:
    endpoint = endpoint_of(target)
    assert endpoint is None or endpoint in APIS
    if endpoint is not None:
        model_place(target, endpoint)


@pytest.mark.parametrize(
    ("target", "model"),
    [
        (b"/v1beta/models/gemini-2.5-pro:generateContent?key=k", b"gemini-2.5-pro"),
        (b"/v1beta/models/gemini-2.5-pro%3AgenerateContent", b"gemini-2.5-pro"),
        (b"/v1beta/tunedModels/mine:streamGenerateContent", b"mine"),
        (b"/openai/deployments/my%20gpt/chat/completions?api-version=1", b"my gpt"),
        (b"/openai/deployments/my-gpt/chat/completions/", b"my-gpt"),
        (b"/engines/meta/llama/chat/completions", b"meta/llama"),
        (b"/v1/chat/completions?x=/deployments/a/chat/completions", None),
        (b"/openai/deployments//chat/completions", None),
        (b"/v1/responses", None),
    ],
)
def test_the_model_is_read_where_the_path_names_it(target: bytes, model: bytes | None) -> None:
    endpoint = endpoint_of(target)
    assert endpoint is not None
    place = model_place(target, endpoint)
    assert (model_in(target, place) if place is not None else None) == model


@pytest.mark.parametrize(
    ("target", "model", "expected"),
    [
        (b"/v1beta/models/a:generateContent?alt=sse", "b-2", b"/v1beta/models/b-2:generateContent?alt=sse"),
        (b"/v1beta/models/a:generateContent", "models/b", b"/v1beta/models/b:generateContent"),
        (b"/m/models/a:streamGenerateContent", "b@001", b"/m/models/b@001:streamGenerateContent"),
        (b"/deployments/a/embeddings?x=1", "b c/d?e", b"/deployments/b%20c%2Fd%3Fe/embeddings?x=1"),
    ],
)
def test_another_model_takes_its_place_and_nothing_else_changes(target: bytes, model: str, expected: bytes) -> None:
    endpoint = endpoint_of(target)
    assert endpoint is not None
    place = model_place(target, endpoint)
    assert place is not None
    assert with_model(target, place, path_model(model)) == expected
    assert endpoint_of(expected) == endpoint


def test_what_a_target_asks_for_is_the_same_however_often_and_among_however_many() -> None:
    targets = [b"/openai/deployments/m%d/chat/completions" % number for number in range(1_000)]
    for target in [*targets, *targets]:
        called = called_by(target)
        assert called.endpoint == "chat/completions"
        assert called.place is not None
        assert model_in(target, called.place) == target.split(b"/")[3]


def test_a_target_with_a_query_is_not_kept() -> None:
    target = b"/v1/models/m:generateContent?key=secret"
    assert called_by(target) is not called_by(target)
    assert called_by(b"/v1/chat/completions") is called_by(b"/v1/chat/completions")
