"""Every recorded answer of an API that is mirrored reads as the recording's own index says."""

import hashlib
import json
import zlib
from collections import Counter
from typing import Any

import pytest

from cli.dialects_page import RECORDED
from proxy.wire.body import Reply
from proxy.wire.dialect import Answer
from proxy.wire.dialects.table import dialect_of
from tests.proxy.wire.recordings import Recording, needs_recordings, spoken_recordings

SPOKEN = spoken_recordings()
pytestmark = needs_recordings
each = pytest.mark.parametrize(("endpoint", "recording"), SPOKEN, ids=[recording.name for _, recording in SPOKEN])


def read(endpoint: str, recording: Recording, *, packed: bool = False) -> Answer:
    body, headers = recording.body, recording.headers
    if packed:
        packer = zlib.compressobj(wbits=31)
        body = packer.compress(body) + packer.flush()
        headers = [*headers, (b"content-encoding", b"gzip")]
    return dialect_of(endpoint).read_answer(Reply(recording.status, headers, body, ends=[len(body)]))


def is_page(recording: Recording) -> bool:
    """An HTML error page: the index does not say what is in it."""
    return recording.expected.get("texts") is None


def plain(arguments: str) -> Any:
    """The index wrote down arguments that came as objects with blanks between them, which JSON does not mind."""
    return json.loads(arguments) if arguments else {}


def test_there_are_recordings_of_all_apis_and_imitators() -> None:
    names = " ".join(recording.name for _, recording in SPOKEN)
    for provider in ("openai", "azure", "groq", "deepseek", "openrouter", "mistral", "vllm", "snowflake", "litellm"):
        assert provider in names
    counts = Counter(endpoint for endpoint, _ in SPOKEN)
    assert counts == RECORDED


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@each
def test_a_recorded_answer_says_what_its_index_says(endpoint: str, recording: Recording, packed: bool) -> None:
    answer, expected = read(endpoint, recording, packed=packed), recording.expected
    if is_page(recording):
        assert answer.fault is not None
        return
    assert answer.fault is None
    assert answer.ended == (recording.name not in CUT_OFF)
    texts = expected["texts"]
    if texts:
        assert answer.text is not None
        assert answer.text == texts[0]
        assert hashlib.sha256(answer.text.encode()).hexdigest() == expected["text_sha256"][0]
        assert len(answer.text) == expected["n_chars"][0]
        assert answer.choices == len(texts)
    elif answer.error is None and endpoint != "embeddings":
        assert answer.text == ""
    assert answer.model == expected["model"]
    assert answer.refusal == expected["refusal"]
    calls = [call for call in expected["tool_calls"] if call["choice"] == 0]
    assert [(c.id, c.name) for c in answer.tool_calls or ()] == [(c["id"] or "", c["name"]) for c in calls]
    assert [plain(c.arguments) for c in answer.tool_calls or ()] == [plain(c["arguments"]) for c in calls]


CUT_OFF = {"openai_chat_sse_fault_cut.sse", "openai_chat_sse_fault_half_event.sse"}
"""Streams without an end, an error or a finish reason."""


@each
def test_a_recorded_answer_ends_for_the_reason_that_its_index_gives(endpoint: str, recording: Recording) -> None:
    """Of an incomplete response the index has the state and the reason apart; the reason says more."""
    if is_page(recording):
        pytest.skip("an HTML error page")
    reasons = [recording.expected.get("incomplete_reason"), *recording.expected["finish_reasons"]]
    assert read(endpoint, recording).finish_reason == next((reason for reason in reasons if reason), None)


@each
def test_a_recorded_answer_thinks_what_its_index_says(endpoint: str, recording: Recording) -> None:
    """The index knows summaries of thoughts only; of thoughts that were streamed, the events that end them have all."""
    if is_page(recording):
        pytest.skip("an HTML error page")
    told = [
        json.loads(line[6:])["text"]
        for line in recording.body.splitlines()
        if line.startswith(b'data: {"type":"response.reasoning_text.done"')
    ]
    assert read(endpoint, recording).reasoning == (recording.expected["reasoning_text"] or "".join(told))


@each
def test_a_recorded_usage_is_normalised_from_what_its_index_reports(endpoint: str, recording: Recording) -> None:
    if is_page(recording):
        pytest.skip("an HTML error page")
    usage, expected = read(endpoint, recording).usage, normalised(endpoint, recording)
    assert usage.input_tokens == expected["input_tokens"]
    assert usage.output_tokens == expected["output_tokens"]
    assert usage.cached_tokens == expected["cache_read_tokens"]
    assert usage.cache_write_tokens == expected["cache_write_tokens"]
    assert usage.reasoning_tokens == expected["reasoning_tokens"]


def normalised(endpoint: str, recording: Recording) -> dict[str, int | None]:
    """By hand: input includes cached tokens, output includes reasoning, what was not said is unknown."""
    told: dict[str, int | None] = dict(recording.expected["usage"])
    if told["input_tokens"] == 0 and told["output_tokens"] == 0:
        return dict.fromkeys(told)  # "tokens must be estimated", says the index
    if endpoint == "messages" and told["input_tokens"] is not None:
        told["input_tokens"] += (told["cache_read_tokens"] or 0) + (told["cache_write_tokens"] or 0)
        if recording.expected["error"] is not None:
            told["output_tokens"] = None  # broken off behind the text: the count is that of the first event
    if endpoint.endswith("enerateContent") and told["output_tokens"] is not None:
        told["output_tokens"] += told["reasoning_tokens"] or 0
    if endpoint == "embeddings":
        told["output_tokens"] = 0
    return told


@each
def test_a_recorded_error_reads_as_its_index_says(endpoint: str, recording: Recording) -> None:
    expected, error = recording.expected["error"], read(endpoint, recording).error
    if is_page(recording) or expected is None:
        assert error is None
    else:
        assert error is not None
        assert (error.type, error.code, error.message) == (expected["type"], expected["code"], expected["message"])


def passes(endpoint: str, recording: Recording) -> bool:
    """Do all of the promises above hold for it?"""
    promises = (
        test_a_recorded_answer_ends_for_the_reason_that_its_index_gives,
        test_a_recorded_answer_thinks_what_its_index_says,
        test_a_recorded_usage_is_normalised_from_what_its_index_reports,
        test_a_recorded_error_reads_as_its_index_says,
    )
    try:
        for packed in (False, True):
            test_a_recorded_answer_says_what_its_index_says(endpoint, recording, packed)
        for promise in () if is_page(recording) else promises:
            promise(endpoint, recording)
    except AssertionError:
        return False
    return True


def test_as_many_recordings_pass_as_the_page_of_dialects_says() -> None:
    counted = Counter(endpoint for endpoint, recording in SPOKEN if passes(endpoint, recording))
    assert dict(counted) == RECORDED


STREAMS = [(endpoint, recording) for endpoint, recording in SPOKEN if recording.name.endswith((".sse", ".ndjson"))]


@pytest.mark.parametrize(("endpoint", "recording"), STREAMS, ids=[recording.name for _, recording in STREAMS])
def test_events_and_comments_of_a_recorded_stream_are_counted(endpoint: str, recording: Recording) -> None:
    answer = read(endpoint, recording)
    assert answer.streamed
    assert answer.events == recording.expected["n_events"]
    assert answer.comments == recording.expected["n_comments"]
    assert answer.marks.first_event is not None
