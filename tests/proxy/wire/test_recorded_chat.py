"""Every recorded chat completion reads as the recording's own index says."""

import hashlib
import zlib

import pytest

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer
from proxy.wire.dialects.openai_chat import OpenAiChat
from tests.proxy.wire.recordings import Recording, needs_recordings, recordings

CHAT = recordings("openai.chat")
pytestmark = needs_recordings


def read(recording: Recording, *, packed: bool = False) -> Answer:
    body, headers = recording.body, recording.headers
    if packed:
        packer = zlib.compressobj(wbits=31)
        body = packer.compress(body) + packer.flush()
        headers = [*headers, (b"content-encoding", b"gzip")]
    return OpenAiChat().read_answer(Reply(recording.status, headers, body, ends=[len(body)]))


def test_there_are_recordings_of_all_the_imitators() -> None:
    names = " ".join(r.name for r in CHAT)
    for provider in ("openai", "azure", "groq", "deepseek", "openrouter", "mistral", "vllm", "snowflake", "litellm"):
        assert provider in names
    assert len(CHAT) >= 35


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("recording", CHAT, ids=lambda r: r.name)
def test_a_recorded_answer_reads_as_its_index_says(recording: Recording, packed: bool) -> None:
    answer, expected = read(recording, packed=packed), recording.expected
    if expected.get("texts") is None:  # an HTML error page
        assert answer.fault is not None
        return
    assert answer.fault is None
    if expected["texts"]:
        assert answer.text is not None
        assert answer.text == expected["texts"][0]
        assert hashlib.sha256(answer.text.encode()).hexdigest() == expected["text_sha256"][0]
        assert len(answer.text) == expected["n_chars"][0]
        assert answer.choices == len(expected["texts"])
    assert answer.model == expected["model"]
    assert answer.reasoning == expected["reasoning_text"]
    assert answer.refusal == expected["refusal"]
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [
        (c["id"], c["name"], c["arguments"]) for c in expected["tool_calls"] if c["choice"] == 0
    ]
    assert answer.finish_reason == (expected["finish_reasons"][0] if expected["finish_reasons"] else None)


@pytest.mark.parametrize("recording", CHAT, ids=lambda r: r.name)
def test_a_recorded_usage_reads_as_its_index_says(recording: Recording) -> None:
    expected = recording.expected.get("usage")
    if expected is None:
        pytest.skip("an HTML error page")
    usage = read(recording).usage
    assert usage.input_tokens == expected["input_tokens"]
    assert usage.output_tokens == expected["output_tokens"]
    assert usage.cached_tokens == expected["cache_read_tokens"]
    assert usage.cache_write_tokens == expected["cache_write_tokens"]
    assert usage.reasoning_tokens == expected["reasoning_tokens"]


@pytest.mark.parametrize("recording", CHAT, ids=lambda r: r.name)
def test_a_recorded_error_reads_as_its_index_says(recording: Recording) -> None:
    expected, error = recording.expected["error"], read(recording).error
    if recording.expected.get("texts") is None or expected is None:
        assert error is None
    else:
        assert error is not None
        assert (error.type, error.code, error.message) == (expected["type"], expected["code"], expected["message"])


@pytest.mark.parametrize("recording", [r for r in CHAT if r.name.endswith(".sse")], ids=lambda r: r.name)
def test_events_and_comments_of_a_recorded_stream_are_counted(recording: Recording) -> None:
    answer = read(recording)
    assert answer.streamed
    assert answer.events == recording.expected["n_events"]
    assert answer.comments == recording.expected["n_comments"]
    if recording.expected["done_marker"]:
        assert answer.ended
