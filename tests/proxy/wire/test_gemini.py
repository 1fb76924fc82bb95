"""Gemini beyond the recordings: arrays, thoughts, blocked prompts, counts that are left out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, ApiError
from proxy.wire.dialects.table import dialect_of
from proxy.wire.gemini_usage import read_gemini_usage
from record.usage import NO_USAGE, Usage
from tests.proxy.wire.samples import JSON, SSE, array, dump, events, gemini


def read(body: bytes, **fields: Any) -> Answer:
    reply = Reply(**{"status": 200, "headers": JSON, "head": body, **fields})
    return dialect_of("streamGenerateContent").read_answer(reply)


@pytest.mark.parametrize(
    ("body", "wants", "choices"),
    [
        (b'{"generationConfig":{"responseMimeType":"application/json","candidateCount":2}}', True, 2),
        (b'{"generation_config":{"response_mime_type":"application/json","candidate_count":3}}', True, 3),
        (b'{"generationConfig":{"responseMimeType":"text/plain"}}', False, 1),
        (b"{}", False, 1),
    ],
)
def test_json_and_candidates_are_asked_for_in_both_spellings(body: bytes, wants: bool, choices: int) -> None:
    asked = dialect_of("generateContent").read_request(body)
    assert (asked.wants_json, asked.choices, asked.model) == (wants, choices, None)
    field = "generation_config" if b"_config" in body else "generationConfig"
    assert asked.json_field == (field if wants else "")


# Usage: the count of the candidates leaves the thoughts out, and zeros are left out altogether.


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"promptTokenCount": 30, "candidatesTokenCount": 1, "thoughtsTokenCount": 2814},
            Usage(30, 2815, None, None, 2814),
        ),
        (
            {"promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 13},
            Usage(8, 5, None, None, 3),  # 8 + 5 = 13: a gateway had added the thoughts already
        ),
        (
            {"promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 16},
            Usage(8, 8, None, None, 3),
        ),
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 20,
                "cachedContentTokenCount": 6,
                "candidatesTokenCount": 5,
                "totalTokenCount": 35,
            },
            Usage(30, 5, 6),
        ),
        # thoughts used all there was, or nothing came out at all
        ({"promptTokenCount": 8, "thoughtsTokenCount": 50, "totalTokenCount": 58}, Usage(8, 50, None, None, 50)),
        ({"promptTokenCount": 8, "totalTokenCount": 8}, Usage(8, 0)),
        ({"promptTokenCount": 8}, Usage(8, None)),
        ({"candidatesTokenCount": 18, "thoughtsTokenCount": 58}, Usage(None, 76, None, None, 58)),
        ({}, NO_USAGE),
    ],
)
def test_output_includes_thoughts_and_input_what_tools_brought(raw: dict[str, Any], expected: Usage) -> None:
    reported = read_gemini_usage(raw)
    assert (reported.usage, reported.odd) == (expected, False)


@given(
    raw=st.dictionaries(
        st.sampled_from(
            [
                "promptTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "totalTokenCount",
                "cachedContentTokenCount",
                "toolUsePromptTokenCount",
            ]
        ),
        st.one_of(st.integers(-5, 50), st.floats(), st.none(), st.text(max_size=2), st.integers()),
    )
)
def test_whatever_is_reported_a_part_is_never_more_than_the_whole(raw: dict[str, Any]) -> None:
    usage = read_gemini_usage(raw).usage
    for part, whole in ((usage.cached_tokens, usage.input_tokens), (usage.reasoning_tokens, usage.output_tokens)):
        assert whole is None or 0 <= (part or 0) <= whole


# Candidates


def test_an_array_is_a_stream_whose_marks_are_the_ends_of_its_items() -> None:
    items = [gemini({"text": "a"}), gemini({"text": "b"}), gemini({"text": ""}, finish="STOP")]
    body = array(*items)
    answer = read(body)
    assert (answer.text, answer.streamed, answer.events, answer.ended) == ("ab", True, 3, True)
    assert answer.marks.first_content == len(array(items[0])) - 2  # without its last line end and bracket
    assert answer.marks.last_content == len(array(*items[:2])) - 2
    assert answer.marks.content_chunks == 2


def test_an_array_that_was_closed_has_ended_and_one_that_broke_off_has_not() -> None:
    body = array(gemini({"text": "a"}), gemini({"text": "b"}))
    assert read(body).ended
    broken = read(body[:-20])
    assert (broken.text, broken.ended, broken.fault) == ("a", False, None)


def test_the_first_candidate_is_compared_and_all_are_counted() -> None:
    first, second = gemini({"text": "a"})["candidates"][0], {"index": 1, "content": {"parts": [{"text": "x"}]}}
    answer = read(events({"candidates": [second, first]}), headers=SSE)
    assert (answer.text, answer.choices) == ("a", 2)


def test_calls_come_whole_and_pictures_are_content_without_text() -> None:
    parts: list[dict[str, Any]] = [
        {"functionCall": {"name": "f", "args": {"x": 1}, "id": "c"}},
        {"functionCall": {"name": "g"}},
    ]
    answer = read(events(gemini(*parts), gemini({"inlineData": {"mimeType": "image/png", "data": "AA"}})), headers=SSE)
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [("c", "f", '{"x":1}'), ("", "g", "")]
    assert (answer.text, answer.marks.content_chunks) == ("", 2)


def test_arguments_in_fragments_by_path_leave_the_calls_unknown() -> None:
    call = {"functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.x", "numberValue": 1}], "willContinue": True}}
    answer = read(events(gemini(call), gemini({"text": ""}, finish="STOP")), headers=SSE)
    assert (answer.tool_calls, answer.text, answer.fault) == (None, None, None)


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST", "SPII"])
def test_an_answer_that_google_withholds_is_declined(reason: str) -> None:
    answer = read(dump(gemini(finish=reason)))
    assert (answer.declined, answer.finish_reason) == (True, reason)


def test_a_blocked_prompt_is_declined_and_not_a_fault() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}}
    for answer in (read(dump(body)), read(events(body), headers=SSE), read(array(body))):
        assert (answer.declined, answer.finish_reason, answer.text, answer.ended) == (True, "SAFETY", "", True)
        assert (answer.fault, answer.usage) == (None, Usage(8, 0))
    assert not read(dump(gemini({"text": "a"}, finish="STOP"))).declined


def test_errors_are_read_in_objects_events_and_arrays() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    expected = ApiError("UNAVAILABLE", 503, "overloaded")
    assert read(dump(error)).error == expected
    assert read(array(error)).error == expected
    half = read(events(gemini({"text": "half"}), error), headers=SSE)
    assert (half.error, half.text) == (expected, "half")


def test_behind_a_gap_an_array_goes_on_with_the_next_item() -> None:
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 40, "totalTokenCount": 44}
    items = [gemini({"text": f"w{i} "}) for i in range(40)]
    body = array(*items, gemini({"text": "end"}, finish="STOP", usage=usage))
    answer = read(body[:900], tail=body[-900:], gap_bytes=len(body) - 1800)
    assert (answer.fault, answer.text, answer.finish_reason) == (None, None, "STOP")
    assert answer.usage == Usage(4, 40)
    assert answer.partial_text is not None
    assert answer.partial_text.startswith("w0 w1")
    assert answer.partial_text.endswith("w39 end")
    assert answer.marks.last_content == len(body) - 2
