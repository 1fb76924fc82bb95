"""Responses beyond the recordings: what ends them, what the last event tells again, whose calls count."""

from typing import Any

import pytest

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, ApiError
from proxy.wire.dialects.openai_responses import OpenAiResponses
from record.usage import NO_USAGE, Usage
from tests.proxy.wire.samples import SSE, dump, events, response


def read(body: bytes, **fields: Any) -> Answer:
    return OpenAiResponses().read_answer(Reply(**{"status": 200, "headers": SSE, "head": body, **fields}))


def delta(text: str, index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": index, "delta": text}


def last(status: str = "completed", output: Any = (), **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": response(status, list(output), **fields)}


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "content": list(parts)}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text}


@pytest.mark.parametrize(
    ("body", "wants"),
    [
        (b'{"text":{"format":{"type":"json_schema","schema":{}}}}', True),
        (b'{"text":{"format":{"type":"json_object"}}}', True),
        (b'{"text":{"format":{"type":"text"}}}', False),
        (b'{"response_format":{"type":"json_object"}}', False),
    ],
)
def test_json_is_asked_for_by_the_format_of_the_text(body: bytes, wants: bool) -> None:
    asked = OpenAiResponses().read_request(body)
    assert (asked.wants_json, asked.json_field) == (wants, "text" if wants else "")


def test_the_output_of_the_last_event_is_believed_and_the_pieces_where_it_has_none() -> None:
    told = [message(text_part("all "), text_part("of it"))]
    assert read(events(delta("all "), delta("of"), last(output=told))).text == "all of it"
    assert read(events(delta("all "), delta("of"), last())).text == "all of"


def test_a_gap_before_the_last_event_hides_nothing() -> None:
    """The text is whole again in it, however much of the stream was not kept."""
    body = events(*[delta(f"w{i} ") for i in range(50)], last(output=[message(text_part("all of it"))]))
    answer = read(body[:500], tail=body[-400:], gap_bytes=len(body) - 900)
    assert (answer.text, answer.tool_calls, answer.fault) == ("all of it", (), None)
    assert answer.marks.content_chunks > 1


def test_a_gap_that_no_last_event_makes_good_leaves_the_text_unknown() -> None:
    body = events(*[delta(f"w{i} ") for i in range(50)], last())
    answer = read(body[:500], tail=body[-400:], gap_bytes=len(body) - 900)
    assert answer.text is None
    assert answer.partial_text is not None
    assert answer.partial_text.startswith("w0 w1 ")


def test_why_a_response_is_incomplete_is_its_finish_reason() -> None:
    cut = read(events(delta("a"), last("incomplete", incomplete_details={"reason": "max_output_tokens"})))
    assert (cut.finish_reason, cut.declined, cut.ended) == ("max_output_tokens", False, True)
    filtered = read(events(delta("a"), last("incomplete", incomplete_details={"reason": "content_filter"})))
    assert (filtered.finish_reason, filtered.declined) == ("content_filter", True)
    assert read(events(last("incomplete"))).finish_reason == "incomplete"


def test_a_response_that_broke_off_has_not_ended_and_one_without_a_marker_has() -> None:
    assert not read(events({"type": "response.created", "response": response("in_progress", [])}, delta("a"))).ended
    assert read(events(delta("a"), last())).ended
    assert read(events(delta("a"), done=True)).ended


def test_calls_come_together_from_pieces_and_only_those_of_the_client_count() -> None:
    def added(index: int, **item: Any) -> dict[str, Any]:
        return {"type": "response.output_item.added", "output_index": index, "item": item}

    def arguments(index: int, piece: str, kind: str = "function_call_arguments") -> dict[str, Any]:
        return {"type": f"response.{kind}.delta", "output_index": index, "delta": piece}

    answer = read(
        events(
            added(0, type="web_search_call", id="ws"),
            added(1, type="function_call", id="fc", call_id="c1", name="f", arguments=""),
            arguments(1, '{"a"'),
            added(2, type="custom_tool_call", call_id="c2", name="g", input=""),
            arguments(2, "free", "custom_tool_call_input"),
            arguments(1, ":1}"),
        )
    )
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [
        ("c1", "f", '{"a":1}'),
        ("c2", "g", "free"),
    ]
    assert answer.marks.content_chunks == 5


def test_items_that_came_without_pieces_are_taken_whole() -> None:
    """Some servers send only the ends of items: they count, and they are content like a piece."""

    def done(index: int, item: dict[str, Any]) -> dict[str, Any]:
        return {"type": "response.output_item.done", "output_index": index, "item": item}

    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    answer = read(events(done(0, message(text_part("hi"))), done(1, call), done=True))
    assert (answer.text, answer.marks.content_chunks) == ("hi", 2)
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls or ()] == [("c", "f", "{}")]
    told_twice = read(events(delta("hi"), done(0, message(text_part("hi"))), done=True))
    assert (told_twice.text, told_twice.marks.content_chunks) == ("hi", 1)


def test_calls_without_arguments_of_their_own_have_their_action() -> None:
    item = {"type": "computer_call", "call_id": "c", "action": {"type": "click", "x": 1}}
    calls = read(dump(response("completed", [item])), headers=[]).tool_calls or ()
    assert [(c.id, c.name, c.arguments) for c in calls] == [("c", "computer", '{"type":"click","x":1}')]


def test_a_summary_stands_for_thoughts_that_are_not_shown() -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "in short"}]}
    assert read(dump(response("completed", [item])), headers=[]).reasoning == "in short"
    event = {"type": "response.reasoning_summary_text.delta", "delta": "in short"}
    answer = read(events(event, done=True))
    assert (answer.reasoning, answer.marks.first_reasoning) == ("in short", len(events(event)))


def test_a_refusal_is_kept_apart_from_the_text() -> None:
    item = message({"type": "refusal", "refusal": "I will not"})
    answer = read(dump(response("completed", [item])), headers=[])
    assert (answer.text, answer.refusal) == ("", "I will not")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "oh", "param": None},
        {"type": "error", "error": {"type": None, "code": "server_error", "message": "oh"}},
        {"error": {"code": "server_error", "message": "oh"}},
    ],
)
def test_errors_in_a_stream_are_read_in_all_their_shapes(event: dict[str, Any]) -> None:
    answer = read(events(delta("half"), event))
    assert (answer.error, answer.text, answer.ended) == (ApiError(None, "server_error", "oh"), "half", True)


def test_a_response_that_failed_has_an_error_streamed_or_not() -> None:
    error = {"code": "server_error", "message": "oh"}
    for answer in (
        read(events(last("failed", error=error))),
        read(dump(response("failed", [], error=error)), headers=[]),
    ):
        assert (answer.error, answer.finish_reason) == (ApiError(None, "server_error", "oh"), "failed")


def test_a_response_in_the_background_is_unknown_and_no_fault() -> None:
    answer = read(dump(response("queued", [])), headers=[])
    assert (answer.text, answer.fault, answer.ended) == (None, None, True)


def test_usage_counts_cached_and_reasoning_tokens_and_all_zeros_are_none() -> None:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 15},
    }
    assert read(events(last(usage=usage))).usage == Usage(10, 20, 4, None, 15)
    zeros = read(events(last("incomplete", usage={"input_tokens": 0, "output_tokens": 0})))
    assert (zeros.usage, zeros.odd_usage) == (NO_USAGE, True)


def test_a_name_of_the_event_stands_for_a_type_that_is_missing() -> None:
    body = b'event: response.output_text.delta\ndata: {"delta":"hi"}\n\ndata: [DONE]\n\n'
    assert read(body).text == "hi"
