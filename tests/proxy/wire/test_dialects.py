"""What every dialect promises alike: the same answer however the bytes are cut, and never an exception."""

import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.recorder.leg import receive
from proxy.wire.apis import APIS
from proxy.wire.body import Reply
from proxy.wire.dialect import NO_MARKS, Answer
from proxy.wire.dialects.table import DIALECTS, dialect_of
from tests.proxy.recorder.stage import chunk, leg_end
from tests.proxy.wire.recordings import spoken_recordings
from tests.proxy.wire.samples import JSON, NDJSON, SSE, STREAMS, WHOLE, Sample

ALL = [*STREAMS, *WHOLE]
each = pytest.mark.parametrize("sample", ALL, ids=lambda s: f"{s.name}{' whole' if s in WHOLE else ''}")
each_stream = pytest.mark.parametrize("sample", STREAMS, ids=lambda s: s.name)
ENDPOINTS = sorted(DIALECTS)


def read(sample: Sample, **fields: Any) -> Answer:
    reply = {"status": 200, "headers": sample.headers, "head": sample.body, **fields}
    return dialect_of(sample.endpoint).read_answer(Reply(**reply))


def test_there_is_a_dialect_for_every_api_that_is_mirrored() -> None:
    assert set(DIALECTS) == set(APIS)


@each
def test_an_answer_says_what_was_written_into_it(sample: Sample) -> None:
    answer = read(sample)
    assert (answer.fault, answer.text, answer.reasoning) == (None, sample.text, sample.reasoning)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == sample.tokens
    assert (answer.finish_reason, answer.model, answer.ended, answer.choices) == (sample.finish_reason, "m", True, 1)
    assert answer.streamed == (sample in STREAMS)
    assert not answer.odd_usage


@each_stream
def test_content_is_marked_by_its_first_and_its_last_piece(sample: Sample) -> None:
    """Each mark stands just behind the event that brought the piece: the four pieces of the text are found by eye."""
    answer = read(sample)
    marks = answer.marks
    assert marks.content_chunks == 4
    assert marks.first_event is not None
    assert marks.first_content is not None
    assert marks.last_content is not None
    first, last = json.dumps("né ", ensure_ascii=False).encode(), json.dumps("\\ end").encode()
    assert sample.body.index(first) + len(first) < marks.first_content < sample.body.index(b"{[}]")
    assert marks.last_content > sample.body.index(last) + len(last)
    if sample.reasoning:
        assert marks.first_reasoning is not None
        assert sample.body.index("☕".encode()) < marks.first_reasoning < sample.body.index(first)


# Cuts


def cuts_of(length: int, drawn: list[int]) -> list[int]:
    return sorted({1 + place % length for place in drawn} | {length})


@each
@settings(max_examples=40)
@given(drawn=st.lists(st.integers(0, 10**6), max_size=12))
def test_the_same_bytes_give_the_same_answer_however_they_came(sample: Sample, drawn: list[int]) -> None:
    ends = cuts_of(len(sample.body), drawn)
    assert read(sample, ends=ends) == read(sample, ends=[len(sample.body)])


@each
def test_the_same_bytes_give_the_same_answer_when_they_came_one_by_one(sample: Sample) -> None:
    ends = list(range(1, len(sample.body) + 1))
    assert read(sample, ends=ends) == read(sample, ends=[len(sample.body)])


@each
@settings(max_examples=40)
@given(drawn=st.lists(st.integers(0, 10**6), max_size=6), one_by_one=st.booleans())
def test_packed_bytes_give_the_same_answer_however_they_came(
    sample: Sample, drawn: list[int], one_by_one: bool
) -> None:
    """Marks are ends of reads then: a decoder may hold bytes back, so those depend on the cuts."""
    packed = gzip.compress(sample.body, mtime=0)
    ends = list(range(1, len(packed) + 1)) if one_by_one else cuts_of(len(packed), drawn)
    answer = read(sample, head=packed, ends=ends, headers=[*sample.headers, (b"content-encoding", b"gzip")])
    plain = read(sample)
    assert without_marks(answer) == without_marks(plain)
    assert answer.marks.content_chunks == plain.marks.content_chunks
    marks = [answer.marks.first_event, answer.marks.first_content, answer.marks.last_content]
    assert all(mark is None or mark in ends for mark in marks)


def without_marks(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in Answer.__slots__ if name != "marks"}


@each
@settings(max_examples=40)
@given(drawn=st.lists(st.integers(0, 10**6), max_size=5))
def test_an_answer_that_was_spilled_to_the_log_in_stretches_reads_the_same(sample: Sample, drawn: list[int]) -> None:
    *cuts, length = cuts_of(len(sample.body), drawn)
    starts = [0, *cuts]
    pieces = [sample.body[start:end] for start, end in zip(starts, [*cuts, length], strict=True)]
    chunks = [chunk(1, 0, piece, start=0, at_ms=[], ends=[]) for piece in pieces[:-1]]
    end = leg_end(1, 0, pieces[-1], body_bytes=length, headers=sample.headers, ends=[], times_ns=[])
    assert dialect_of(sample.endpoint).read_answer(receive(chunks, end).reply) == read(sample)


RECORDED = [(e, r) for e, r in spoken_recordings() if len(r.body) < 40_000]


@pytest.mark.parametrize(("endpoint", "recording"), RECORDED, ids=[r.name for _, r in RECORDED])
def test_recorded_answers_read_the_same_packed_and_cut(endpoint: str, recording: Any) -> None:
    dialect, packed = dialect_of(endpoint), gzip.compress(recording.body, mtime=0)
    whole = dialect.read_answer(Reply(recording.status, recording.headers, recording.body))
    headers = [*recording.headers, (b"content-encoding", b"gzip")]
    for step in (1, 7, 100):
        ends = [*range(step, len(packed), step), len(packed)]
        answer = dialect.read_answer(Reply(recording.status, headers, packed, ends=ends))
        assert without_marks(answer) == without_marks(whole)


# Streams that broke off, and gaps


@each_stream
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_known_of_a_stream_that_broke_off_is_the_beginning_of_it(sample: Sample, data: Any) -> None:
    answer = read(sample, head=sample.body[: data.draw(st.integers(0, len(sample.body)))])
    assert (sample.text or "").startswith(answer.text or answer.partial_text or "")
    if answer.fault is None:
        assert sample.reasoning.startswith(answer.reasoning)
    if answer.ended and answer.fault is None:
        assert answer.text == sample.text


@each_stream
def test_a_stream_that_broke_off_behind_its_text_has_not_ended(sample: Sample) -> None:
    """Cut before the last piece of the text: no finish reason has come, whatever the dialect."""
    answer = read(sample, head=sample.body[: sample.body.index(json.dumps("\\ end").encode())])
    assert (answer.fault, answer.ended, answer.finish_reason) == (None, False, None)
    assert answer.text == 'né "😀" {[}]'


@each
@settings(max_examples=40)
@given(data=st.data())
def test_a_gap_hides_text_and_never_invents_any(sample: Sample, data: Any) -> None:
    size = len(sample.body)
    start = data.draw(st.integers(1, size - 1))
    end = data.draw(st.integers(start + 1, size))
    answer = read(sample, head=sample.body[:start], tail=sample.body[end:], gap_bytes=end - start)
    assert answer.text in {None, sample.text}
    if answer.fault is None:
        assert (answer.usage.input_tokens, answer.usage.output_tokens)[1] in {None, 0, sample.tokens[1]}


@each
def test_what_stands_at_the_end_is_known_though_the_middle_is_not(sample: Sample) -> None:
    """Token counts, and the finish reason where it stands behind the text."""
    start = sample.body.index("né".encode()) if sample.text else sample.body.index(b"0.1")
    end = start + 3
    answer = read(sample, head=sample.body[:start], tail=sample.body[end:], gap_bytes=end - start)
    assert (answer.fault, answer.ended) == (None, True)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == sample.tokens


# Garbage

WORDS = re.findall(
    r"\S+",
    """
    arguments args audio blockReason cache_read_input_tokens cached_tokens candidates candidatesTokenCount choices code
    completion_tokens content content_block created data delta detail done done_reason embedding error eval_count
    finishReason finish_reason function functionCall function_call id images incomplete_details index inlineData input
    input_tokens item message model modelVersion name object output output_index output_tokens partialArgs
    partial_json parts prompt_eval_count promptFeedback promptTokenCount prompt_tokens prompt_tokens_details reason
    reasoning reasoning_tokens refusal response role signature status stop_reason summary text thinking thought
    thoughtsTokenCount tool_calls totalTokenCount transcript type usage usageMetadata x_groq
""",
)
TYPES = re.findall(
    r"\S+",
    """
    message_start message_delta message_stop content_block_start content_block_delta content_block_stop error ping text
    tool_use thinking redacted_thinking text_delta thinking_delta signature_delta input_json_delta
    response.created response.completed response.failed response.output_text.delta response.refusal.delta
    response.output_item.added response.output_item.done response.function_call_arguments.delta
    response.reasoning_text.delta message reasoning function_call custom_tool_call computer_call completed incomplete
    queued data
""",
)
_SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(TYPES),
    st.sampled_from(["\ud83d", "\ude00", "\udc00a", -1, 10**400, float("nan"), float("inf")]),
)
_VALUE = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, min_size=1, max_size=6)
    ),
    max_leaves=20,
)
_EVENT = st.dictionaries(st.sampled_from(WORDS), _VALUE, max_size=5)


def frame(how: str, values: list[Any]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    texts = [json.dumps(value).encode() for value in values]
    if how == "events":
        return b"".join(b"data: " + text + b"\n\n" for text in texts), SSE
    if how == "lines":
        return b"\n".join(texts), NDJSON
    if how == "array":
        return b"[" + b",".join(texts) + b"]", JSON
    return texts[0], JSON


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(
    values=st.lists(_EVENT, min_size=1, max_size=4),
    how=st.sampled_from(["events", "lines", "array", "whole"]),
    kinds=st.lists(st.sampled_from(TYPES), min_size=4, max_size=4),
)
def test_the_right_names_with_the_wrong_values_give_an_answer_that_can_be_stored(
    endpoint: str, values: list[dict[str, Any]], how: str, kinds: list[str]
) -> None:
    """NaN, numbers without end and lone surrogates among them. Nothing that comes out breaks a store of UTF-8."""
    typed = [{"type": kind, **value} for kind, value in zip(kinds, values, strict=False)]
    body, headers = frame(how, typed)
    answer = dialect_of(endpoint).read_answer(Reply(200, headers, body))
    calls = [part for call in answer.tool_calls or () for part in (call.id, call.name, call.arguments)]
    error = [answer.error.type, answer.error.message, str(answer.error.code)] if answer.error else []
    texts = [answer.text, answer.partial_text, answer.reasoning, answer.refusal, answer.model, answer.finish_reason]
    for text in [*texts, *calls, *error]:
        assert text is None or text.encode() is not None
    usage = answer.usage
    for count in (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens):
        assert count is None or 0 <= count <= 4 * 10**9


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.builds(lambda a, b: a + b, st.sampled_from([b"{", b"[", b"[{", b"data: {", b'{"a":1}\n']), st.binary()),
    ),
    headers=st.sampled_from([SSE, JSON, NDJSON, [], [(b"content-encoding", b"gzip")]]),
    gap_bytes=st.sampled_from([0, 5]),
)
def test_any_bytes_whatever_give_an_answer(
    endpoint: str, body: bytes, headers: list[tuple[bytes, bytes]], gap_bytes: int
) -> None:
    answer = dialect_of(endpoint).read_answer(Reply(200, headers, body, tail=body[:gap_bytes], gap_bytes=gap_bytes))
    assert answer.marks == NO_MARKS or answer.streamed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"{}",
        b"<html>Bad gateway</html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[" + b'{"a":[' * 20_000,
        b"[1, 2]",
        b'["x"]',
        b'[{"a":1}] and more',
        b"data: not json\n\n",
        b": only a comment\n\n",
        b'data: ["a list"]\n\n',
        b'{"model": 1}\n[]\n',
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_no_answer_is_said_to_be_none(endpoint: str, body: bytes) -> None:
    answer = dialect_of(endpoint).read_answer(Reply(200, [], body))
    assert answer.fault is not None
    assert answer.text is None


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_asked_by_a_body_that_makes_no_sense_is_nothing_special(endpoint: str) -> None:
    for body in (b"", b"[]", b"null", b"{", b"\xff", b'{"model":7,"n":"x","format":7,"text":[],"generationConfig":1}'):
        asked = dialect_of(endpoint).read_request(body)
        assert (asked.model, asked.wants_json, asked.choices) == (None, False, 1)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_model_that_a_body_names_is_read(endpoint: str) -> None:
    assert dialect_of(endpoint).read_request(b'{"model":"m \\ud800"}').model == "m \ufffd"


@pytest.mark.parametrize("sample", ALL, ids=lambda s: s.name)
def test_an_answer_of_another_encoding_is_unknown_and_no_fault(sample: Sample) -> None:
    answer = read(sample, headers=[*sample.headers, (b"content-encoding", b"compress")])
    assert (answer.fault, answer.text, answer.tool_calls) == (None, None, None)
