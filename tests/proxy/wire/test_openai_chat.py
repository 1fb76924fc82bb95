"""Chat completions beyond the recordings: cuts, faults and the ways of imitators."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, Marks
from proxy.wire.dialects.openai_chat import OpenAiChat
from proxy.wire.dialects.table import dialect_of

SSE = [(b"content-type", b"text/event-stream")]


def chunk(content: Any = None, *, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {
        "model": "m",
        "choices": [{"index": index, "delta": {**delta, **fields.pop("delta", {})}, "finish_reason": finish}],
        **fields,
    }


def stream(*chunks: Any, done: bool = True) -> bytes:
    events = [b"data: " + (c if isinstance(c, bytes) else json.dumps(c).encode()) + b"\n\n" for c in chunks]
    return b"".join(events) + (b"data: [DONE]\n\n" if done else b"")


def read(body: bytes, **fields: Any) -> Answer:
    return OpenAiChat().read_answer(Reply(**{"status": 200, "headers": SSE, "head": body, **fields}))


def whole(message: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"model": "m", "choices": [{"index": 0, "message": message}], **fields}).encode()


# Requests


def test_what_was_asked_is_read_from_the_body() -> None:
    asked = OpenAiChat().read_request(b'{"model":"gpt","n":3,"response_format":{"type":"json_schema"}}')
    assert (asked.model, asked.choices, asked.wants_json) == ("gpt", 3, True)


@given(body=st.one_of(st.binary(max_size=60), st.sampled_from([b"[]", b"null", b'{"n":"x","model":7}', b"{"])))
def test_a_request_that_makes_no_sense_asks_for_nothing_special(body: bytes) -> None:
    asked = OpenAiChat().read_request(body)
    assert (asked.wants_json, asked.choices) == (False, 1)


# Streams


def test_the_marks_are_the_offsets_behind_the_events() -> None:
    """First event, first reasoning, first and last content: each just behind its event's blank line."""
    parts = [
        stream(chunk("", delta={"role": "assistant"}), done=False),
        stream(chunk(delta={"reasoning_content": "hm"}), done=False),
        stream(chunk("one"), done=False),
        b": keep-alive\n\n",
        stream(chunk(" two"), done=False),
        stream(chunk(finish="stop")),
    ]
    behind = [sum(map(len, parts[: i + 1])) for i in range(len(parts))]
    answer = read(b"".join(parts))
    assert answer.marks == Marks(behind[0], behind[1], behind[2], behind[4], 2)
    assert (answer.text, answer.reasoning, answer.comments, answer.events) == ("one two", "hm", 1, 6)


def test_a_stream_without_its_end_marker_has_ended_when_it_gave_a_reason() -> None:
    assert read(stream(chunk("a"), chunk(finish="stop"), done=False)).ended
    assert read(stream(chunk("a"))).ended
    assert not read(stream(chunk("a"), done=False)).ended


def test_a_last_event_without_its_blank_line_counts_when_it_is_whole() -> None:
    body = stream(chunk("a"), chunk("b"), done=False)
    assert read(body[:-2]).text == "ab"
    assert read(body[:-10]).text == "a"
    assert read(body[:-10]).fault is None


def test_an_error_in_the_stream_is_kept_beside_the_text() -> None:
    answer = read(stream(chunk("half"), {"error": {"message": "overloaded", "code": 503}}, done=False))
    assert answer.text == "half"
    assert answer.error is not None
    assert (answer.error.code, answer.error.message) == (503, "overloaded")
    assert answer.ended


def test_usage_is_taken_from_the_last_chunk_that_has_one() -> None:
    answer = read(
        stream(
            chunk("a", usage={"prompt_tokens": 3, "completion_tokens": 1}),
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        )
    )
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 2)


def test_only_the_first_of_several_choices_is_compared_and_all_are_counted() -> None:
    answer = read(stream(chunk("a"), chunk("x", index=1), chunk("b"), chunk("y", index=1, finish="length")))
    assert (answer.text, answer.choices, answer.finish_reason) == ("ab", 2, None)


def test_tool_calls_come_together_from_fragments() -> None:
    """By index; a new id under the same index begins a new call; arguments may be null or an object."""

    def call(index: int, **fields: Any) -> dict[str, Any]:
        return {"index": index, **fields}

    answer = read(
        stream(
            chunk(delta={"tool_calls": [call(0, id="a", function={"name": "f", "arguments": None})]}),
            chunk(delta={"tool_calls": [call(1, id="b", function={"name": "g", "arguments": '{"x"'})]}),
            chunk(delta={"tool_calls": [call(0, function={"arguments": "{}"})]}),
            chunk(delta={"tool_calls": [call(1, function={"arguments": ":1}"})]}),
            chunk(delta={"tool_calls": [call(0, id="c", function={"name": "h", "arguments": {"k": 1}})]}),
        )
    )
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [
        ("a", "f", "{}"),
        ("b", "g", '{"x":1}'),
        ("c", "h", '{"k":1}'),
    ]
    assert answer.marks.content_chunks == 5


def test_surrogates_that_were_cut_apart_are_joined_and_lone_ones_replaced() -> None:
    body = stream(b'{"choices":[{"delta":{"content":"\\ud83d"}}]}', b'{"choices":[{"delta":{"content":"\\ude00!"}}]}')
    assert read(body).text == "😀!"
    assert read(stream(b'{"choices":[{"delta":{"content":"a\\ud800b"}}]}')).text == "a\ufffdb"


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert read(stream(b'{"choices":[{"delta":{"content":"a\xffb"}}]}')).text == "a\ufffdb"


def test_an_event_that_is_not_json_makes_the_answer_unreadable_and_keeps_what_came_before() -> None:
    answer = read(stream(chunk("so far"), b"{broken"))
    assert answer.fault is not None
    assert answer.text is None
    assert answer.partial_text == "so far"


def test_an_empty_event_keeps_the_connection_alive_and_says_nothing() -> None:
    answer = read(b"data:\n\ndata: \n\n" + stream(chunk("a")))
    assert (answer.text, answer.fault, answer.events) == ("a", None, 2)
    assert answer.marks.first_event == len(b"data:\n\ndata: \n\n" + stream(chunk("a"), done=False))


def test_an_error_in_a_choice_and_usage_in_a_choice_are_found() -> None:
    """OpenRouter's errors, Moonshot's usage."""
    broken = chunk("half", finish="error")
    broken["choices"][0]["error"] = {"code": 502, "message": "gone"}
    answer = read(stream(broken))
    assert answer.error is not None
    assert (answer.error.code, answer.error.message, answer.text) == (502, "gone", "half")
    last = chunk(finish="stop")
    last["choices"][0]["usage"] = {"prompt_tokens": 3, "completion_tokens": 2}
    assert read(stream(chunk("a"), last)).usage.output_tokens == 2


def test_a_spoken_answer_has_its_transcript_for_a_text() -> None:
    """Sound and pictures are content, from their first byte on."""
    sound = chunk(delta={"audio": {"id": "a", "data": "UklGRg=="}})
    answer = read(
        stream(sound, chunk(delta={"audio": {"transcript": "hel"}}), chunk(delta={"audio": {"transcript": "lo"}}))
    )
    assert (answer.text, answer.marks.content_chunks) == ("hello", 3)
    assert answer.marks.first_content == len(stream(sound, done=False))
    assert read(whole({"content": None, "audio": {"transcript": "hello", "data": "AA"}}), headers=[]).text == "hello"
    picture = chunk("", delta={"images": [{"type": "image_url", "image_url": {"url": "data:..."}}]})
    assert read(stream(picture)).marks.content_chunks == 1


def test_a_filtered_answer_is_declined() -> None:
    assert read(stream(chunk("a"), chunk(finish="content_filter"))).declined
    assert not read(stream(chunk("a"), chunk(finish="stop"))).declined
    filtered = {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}
    assert read(json.dumps(filtered).encode(), headers=[]).declined


def test_thousands_of_calls_are_cut_to_what_any_api_allows() -> None:
    calls = [{"function": {"name": "f", "arguments": "{}"}} for _ in range(5000)]
    assert len(read(whole({"tool_calls": calls}), headers=[]).tool_calls or ()) == 1024


def test_lone_surrogates_in_arguments_that_came_as_an_object_are_replaced() -> None:
    body = b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":"\\ud800"}}}]}}]}'
    assert [c.arguments for c in read(body, headers=[]).tool_calls or ()] == ['{"a":"\ufffd"}']


# Gaps


def test_a_gap_leaves_the_text_unknown_and_what_stands_around_it_known() -> None:
    """The cut events on both sides are left out; usage, finish reason and the last mark come from the tail."""
    body = stream(
        *[chunk(f"w{i} ") for i in range(40)], chunk(finish="stop", usage={"prompt_tokens": 9, "completion_tokens": 40})
    )
    head, tail = body[:1000], body[-1000:]
    answer = read(head, tail=tail, gap_bytes=len(body) - 2000)
    assert answer.fault is None
    assert answer.text is None
    assert answer.tool_calls is None
    assert answer.partial_text is not None
    assert answer.partial_text.startswith("w0 w1 ")
    assert f"[{len(body) - 2000} bytes were not kept]" in answer.partial_text
    assert answer.partial_text.endswith("w39 ")
    assert (answer.finish_reason, answer.usage.output_tokens) == ("stop", 40)
    assert answer.marks.first_content == len(stream(chunk("w0 "), done=False))
    assert answer.marks.last_content == len(stream(*[chunk(f"w{i} ") for i in range(40)], done=False))


def test_a_json_answer_with_a_gap_is_unknown_not_invalid() -> None:
    body = whole({"content": "x" * 500})
    answer = read(body[:100], tail=body[-100:], gap_bytes=len(body) - 200, headers=[])
    assert (answer.fault, answer.text, answer.tool_calls) == (None, None, None)


# Whole answers


def test_content_in_parts_is_put_together() -> None:
    """Mistral's reasoning models: text parts, and thinking that holds text parts itself."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "42"}]
    answer = read(whole({"content": parts}), headers=[])
    assert (answer.text, answer.reasoning) == ("42", "hm")


def test_a_refusal_among_the_parts_is_kept_apart_from_the_text() -> None:
    answer = read(whole({"content": [{"type": "refusal", "refusal": "I will not"}]}), headers=[])
    assert (answer.text, answer.refusal) == ("", "I will not")


def test_the_choice_that_says_it_is_the_first_is_compared() -> None:
    choices = [{"index": 1, "message": {"content": "x"}}, {"index": 0, "message": {"content": "a"}}]
    assert read(json.dumps({"choices": choices}).encode(), headers=[]).text == "a"


def test_of_a_long_answer_whose_middle_was_not_kept_the_usage_is_known() -> None:
    body = whole({"content": "x" * 5000}, usage={"prompt_tokens": 3, "completion_tokens": 2})
    answer = read(body[:100], tail=body[-300:], gap_bytes=len(body) - 400, headers=[])
    assert (answer.text, answer.usage.input_tokens, answer.usage.output_tokens) == (None, 3, 2)


def test_a_custom_tool_takes_free_text() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "free"}}
    answer = read(whole({"tool_calls": [call]}), headers=[])
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [("c", "f", "free")]


def test_the_old_function_call_is_a_tool_call() -> None:
    answer = read(whole({"content": None, "function_call": {"name": "f", "arguments": "{}"}}), headers=[])
    assert [(c.name, c.arguments) for c in answer.tool_calls or ()] == [("f", "{}")]


def test_a_stream_that_was_asked_for_may_be_answered_whole() -> None:
    assert read(whole({"content": "hi"})).text == "hi"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"{}",
        b"<html>Bad gateway</html>",
        b'{"choices":[]}',
        b'{"choices":"x"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"data: not json\n\n",
        b": only a comment\n\n",
        b'data: ["a list"]\n\n',
    ],
)
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    assert read(body).fault is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no","type":"t","code":"c"}}', "no"),
        (b'{"error":"model not found"}', "model not found"),
        (b'{"object":"error","message":"bad request","code":400}', "bad request"),
        (b'{"detail":"Not Found"}', "Not Found"),
    ],
)
def test_errors_are_read_in_the_shapes_that_servers_use(body: bytes, message: str) -> None:
    answer = read(body, headers=[])
    assert answer.error is not None
    assert (answer.error.message, answer.fault) == (message, None)


def test_an_encoding_that_we_cannot_undo_leaves_the_text_unknown_without_a_fault() -> None:
    answer = read(b"\x8b\x03...", headers=[(b"content-encoding", b"compress")])
    assert (answer.fault, answer.text) == (None, None)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("data")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "index",
                    "usage",
                    "error",
                    "tool_calls",
                    "function",
                    "id",
                    "name",
                    "arguments",
                    "finish_reason",
                    "model",
                    "prompt_tokens",
                    "completion_tokens",
                    "reasoning",
                    "x_groq",
                    "prompt_tokens_details",
                    "cached_tokens",
                    "refusal",
                    "text",
                    "thinking",
                    "code",
                    "detail",
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=25,
)


@given(values=st.lists(_JSON, min_size=1, max_size=4), whole_answer=st.booleans())
def test_any_json_whatever_gives_an_answer_and_never_an_exception(values: list[Any], whole_answer: bool) -> None:
    """The right field names with the wrong kinds of values, NaN and lone surrogates among them."""
    body = json.dumps({"choices": values}).encode() if whole_answer else stream(*values)
    answer = read(body)
    for text in (answer.text, answer.partial_text, answer.reasoning, answer.refusal, answer.model):
        assert (text or "").encode() is not None


@given(body=st.binary(max_size=200), headers=st.sampled_from([SSE, [], [(b"content-encoding", b"gzip")]]))
def test_any_bytes_whatever_give_an_answer_and_never_an_exception(body: bytes, headers: list[Any]) -> None:
    read(body, headers=headers)


def test_an_endpoint_that_is_not_spoken_is_unknown_and_no_fault() -> None:
    dialect = dialect_of("audio/speech")
    assert dialect.endpoint == "audio/speech"
    answer = dialect.read_answer(Reply(200, [], b"{}"))
    assert (answer.fault, answer.text, answer.ended) == (None, None, True)
    assert dialect.read_request(b"{}").model is None
