"""Messages beyond the recordings: blocks, usage, refusals, errors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.anthropic_usage import read_anthropic_usage
from proxy.wire.body import Reply
from proxy.wire.counts import MAX_TOKENS
from proxy.wire.dialect import Answer, ApiError
from proxy.wire.dialects.anthropic_messages import AnthropicMessages
from record.usage import NO_USAGE, Usage
from tests.proxy.wire.samples import MESSAGE, SSE, block_delta, dump, events


def read(body: bytes, **fields: Any) -> Answer:
    return AnthropicMessages().read_answer(Reply(**{"status": 200, "headers": SSE, "head": body, **fields}))


def start(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"model": "m", "content": [], "usage": usage}}


def block(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def end(reason: str = "end_turn", **usage: int) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


STOP = {"type": "message_stop"}


@pytest.mark.parametrize(
    ("body", "wants", "field"),
    [
        (b'{"output_config":{"format":{"type":"json_schema","schema":{}}}}', True, "output_config"),
        (b'{"output_format":{"type":"json_schema","schema":{}}}', True, "output_format"),
        (b'{"output_config":{"effort":"low"}}', False, ""),
        (b"{}", False, ""),
    ],
)
def test_json_is_asked_for_by_the_format_of_the_output(body: bytes, wants: bool, field: str) -> None:
    asked = AnthropicMessages().read_request(body)
    assert (asked.wants_json, asked.json_field) == (wants, field)


# Usage: input_tokens leaves out what was read from the cache and what was written to it.


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"input_tokens": 9, "output_tokens": 21}, Usage(9, 21)),
        (
            {"input_tokens": 9, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 21},
            Usage(9 + 2 + 1, 21, 2, 1),
        ),
        ({"input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 0}, Usage(100, 0, 100)),
        ({}, NO_USAGE),
    ],
)
def test_input_includes_what_the_cache_gave_and_took(raw: dict[str, Any], expected: Usage) -> None:
    reported = read_anthropic_usage(raw)
    assert (reported.usage, reported.odd) == (expected, False)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"input_tokens": 9, "cache_read_input_tokens": -2, "output_tokens": 1}, Usage(None, 1)),
        ({"input_tokens": MAX_TOKENS + 1, "output_tokens": 1}, Usage(None, 1)),
        ({"input_tokens": 9, "output_tokens": float("nan")}, Usage(9, None)),
        ({"input_tokens": 0, "output_tokens": 0}, NO_USAGE),
    ],
)
def test_a_count_that_cannot_be_is_unknown_and_so_is_a_sum_with_it(raw: dict[str, Any], expected: Usage) -> None:
    reported = read_anthropic_usage(raw)
    assert (reported.usage, reported.odd) == (expected, True)


@given(
    raw=st.dictionaries(
        st.sampled_from(
            ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "else"]
        ),
        st.one_of(st.integers(), st.floats(), st.none(), st.text(max_size=2), st.booleans()),
    )
)
def test_whatever_is_reported_a_part_is_never_more_than_the_whole(raw: dict[str, Any]) -> None:
    usage = read_anthropic_usage(raw).usage
    if usage.input_tokens is not None:
        assert usage.input_tokens >= (usage.cached_tokens or 0) + (usage.cache_write_tokens or 0)
    assert usage.output_tokens is None or usage.output_tokens >= 0


def test_later_counts_replace_earlier_ones_and_keep_what_they_do_not_name() -> None:
    answer = read(
        events(
            start(input_tokens=700, cache_read_input_tokens=5, output_tokens=1),
            {**end(), "usage": {"input_tokens": 1500, "output_tokens": 40, "cache_read_input_tokens": None}},
            STOP,
        )
    )
    assert answer.usage == Usage(1505, 40, 5)
    assert answer.raw_usage == {"input_tokens": 1500, "cache_read_input_tokens": 5, "output_tokens": 40}


def test_the_count_of_the_first_event_is_not_that_of_the_output() -> None:
    """A stream that broke off told one token, and sent many more."""
    answer = read(events(start(input_tokens=7, output_tokens=1), block_delta(0, "text_delta", text="lots of text")))
    assert (answer.usage, answer.raw_usage["output_tokens"], answer.ended) == (Usage(7, None), 1, False)


def test_an_end_that_leaves_the_count_open_makes_no_total_of_the_first_events_count() -> None:
    answer = read(
        events(start(input_tokens=7, output_tokens=1), {**end(), "usage": {"output_tokens": None}}, STOP),
    )
    assert (answer.usage, answer.ended) == (Usage(7, None), True)


# Blocks


def test_arguments_come_together_from_pieces_and_only_tools_of_the_client_count() -> None:
    answer = read(
        events(
            start(),
            block(0, type="server_tool_use", id="s", name="web_search", input={}),
            block_delta(0, "input_json_delta", partial_json='{"q":1}'),
            block(1, type="tool_use", id="a", name="f", input={}),
            block(2, type="tool_use", id="b", name="g", input={}),
            block_delta(1, "input_json_delta", partial_json='{"x"'),
            block_delta(2, "input_json_delta", partial_json=""),
            block_delta(1, "input_json_delta", partial_json=":1}"),
            end("tool_use"),
            STOP,
        )
    )
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [("a", "f", '{"x":1}'), ("b", "g", "")]
    assert (answer.finish_reason, answer.marks.content_chunks) == ("tool_use", 4)


def test_arguments_that_come_with_the_block_count_unless_pieces_follow() -> None:
    given_once = read(events(block(0, type="tool_use", id="a", name="f", input={"x": 1}), STOP))
    assert [c.arguments for c in given_once.tool_calls or ()] == ['{"x":1}']
    repeated = read(
        events(
            block(0, type="tool_use", id="a", name="f", input={"x": 1}),
            block_delta(0, "input_json_delta", partial_json='{"x"'),
            block_delta(0, "input_json_delta", partial_json=":1}"),
            STOP,
        )
    )
    assert [c.arguments for c in repeated.tool_calls or ()] == ['{"x":1}']


def test_a_thought_that_is_not_shown_was_thought_all_the_same() -> None:
    """Redacted blocks and bare signatures have no text, but their time is that of the first thought."""
    hidden = block(0, type="redacted_thinking", data="...")
    answer = read(events(hidden, block_delta(1, "text_delta", text="hi"), STOP))
    assert (answer.reasoning, answer.marks.first_reasoning) == ("", len(events(hidden)))
    signed = block_delta(0, "signature_delta", signature="sig")
    assert read(events(signed, STOP)).marks.first_reasoning == len(events(signed))


def test_a_refusal_is_said_by_the_stop_reason() -> None:
    answer = read(events(start(), block_delta(0, "text_delta", text="I"), end("refusal"), STOP))
    assert (answer.declined, answer.finish_reason, answer.text) == (True, "refusal", "I")
    assert read(dump({**MESSAGE, "stop_reason": "refusal"}), headers=[]).declined
    assert not read(dump(MESSAGE), headers=[]).declined


def test_an_error_in_the_stream_is_kept_beside_the_text() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    answer = read(events(start(), block_delta(0, "text_delta", text="half"), overloaded))
    assert (answer.error, answer.text) == (ApiError("overloaded_error", None, "Overloaded"), "half")


def test_events_of_an_unknown_type_are_passed_over() -> None:
    new = {"type": "content_block_sparkle", "index": 0, "delta": {"type": "glitter"}}
    other = block_delta(0, "citations_delta", text="not the text")
    answer = read(events(start(), new, other, block_delta(0, "text_delta", text="hi"), end(), STOP))
    assert (answer.text, answer.error, answer.fault) == ("hi", None, None)


def test_of_a_long_message_whose_middle_was_not_kept_reason_and_usage_are_known() -> None:
    body = dump({**MESSAGE, "content": [{"type": "text", "text": "x" * 5000}]})
    answer = read(body[:100], tail=body[-300:], gap_bytes=len(body) - 400, headers=[])
    assert (answer.text, answer.tool_calls, answer.partial_text) == (None, None, None)
    assert (answer.finish_reason, answer.usage) == ("end_turn", Usage(9, 14, 7))
