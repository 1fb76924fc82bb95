"""Ollama beyond the recordings: lines, calls, thoughts, errors."""

import json
from typing import Any

import pytest

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, ApiError
from proxy.wire.dialects.table import dialect_of
from record.usage import NO_USAGE, Usage
from tests.proxy.wire.samples import JSON, NDJSON, OLLAMA_LAST, dump, lines


def read(body: bytes, endpoint: str = "api/chat", **fields: Any) -> Answer:
    return dialect_of(endpoint).read_answer(Reply(**{"status": 200, "headers": NDJSON, "head": body, **fields}))


def said(content: str = "", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": content, **fields}, "done": False}


@pytest.mark.parametrize(
    ("body", "wants"),
    [
        (b'{"format":"json"}', True),
        (b'{"format":{"type":"object"}}', True),
        (b'{"format":""}', False),
        (b'{"format":{}}', False),
        (b"{}", False),
    ],
)
def test_json_is_asked_for_by_the_word_or_by_a_schema(body: bytes, wants: bool) -> None:
    asked = dialect_of("api/generate").read_request(body)
    assert (asked.wants_json, asked.json_field) == (wants, "format" if wants else "")


def test_lines_are_a_stream_with_or_without_the_header() -> None:
    body = lines(said("a"), said("b"), {**OLLAMA_LAST, "message": {"content": ""}})
    for headers in (NDJSON, JSON, []):
        answer = read(body, headers=headers)
        assert (answer.text, answer.streamed, answer.events, answer.ended) == ("ab", True, 3, True)
        assert answer.marks.first_content == len(lines(said("a")))
        assert answer.marks.last_content == len(lines(said("a"), said("b")))


def test_an_object_that_was_laid_out_for_people_is_one_answer() -> None:
    body = json.dumps({**OLLAMA_LAST, "message": {"content": "hi"}}, indent=2).encode()
    answer = read(body, headers=JSON)
    assert (answer.text, answer.streamed, answer.fault) == ("hi", False, None)


def test_a_stream_of_which_one_line_came_has_not_ended() -> None:
    for headers in (NDJSON, JSON):
        assert not read(lines(said("a")), headers=headers).ended
    assert not read(lines(said("a"))[:-1]).ended


def test_half_a_line_does_not_count_and_a_whole_one_without_its_end_does() -> None:
    body = lines(said("a"), said("b"))
    assert read(body[:-1]).text == "ab"
    assert read(body[:-5]).text == "a"


def test_every_call_is_one_of_its_own_though_none_is_numbered() -> None:
    def call(name: str, **arguments: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": arguments}}

    answer = read(lines(said(tool_calls=[call("f", x=1), call("f", x=2)]), said(tool_calls=[call("g")]), OLLAMA_LAST))
    assert [(c.name, c.arguments) for c in answer.tool_calls or ()] == [("f", '{"x":1}'), ("f", '{"x":2}'), ("g", "{}")]
    assert answer.marks.content_chunks == 2


def test_thoughts_are_read_where_each_api_puts_them() -> None:
    assert read(lines(said(thinking="hm"), OLLAMA_LAST)).reasoning == "hm"
    line = {"model": "m", "response": "", "thinking": "hm", "done": False}
    answer = read(lines(line, OLLAMA_LAST), "api/generate")
    assert (answer.reasoning, answer.marks.first_reasoning) == ("hm", len(lines(line)))


def test_an_error_line_is_kept_beside_the_text() -> None:
    answer = read(lines(said("half"), {"error": "out of memory"}))
    assert (answer.error, answer.text, answer.ended) == (ApiError(None, None, "out of memory"), "half", True)


def test_a_count_that_is_missing_is_unknown_and_one_that_cannot_be_too() -> None:
    """The prompt's count is left out when the prompt was cached."""
    assert read(lines({"done": True, "eval_count": 5, "response": ""})).usage == Usage(None, 5)
    assert read(lines({"done": True, "response": ""})).usage == NO_USAGE
    odd = read(lines({"done": True, "prompt_eval_count": -1, "eval_count": 5}))
    assert (odd.usage, odd.odd_usage) == (Usage(None, 5), True)


def test_of_a_long_answer_whose_middle_was_not_kept_the_counts_are_known() -> None:
    body = dump({"model": "m", "response": "x" * 5000, **OLLAMA_LAST})
    answer = read(body[:100], "api/generate", tail=body[-200:], gap_bytes=len(body) - 300, headers=JSON)
    assert (answer.text, answer.fault, answer.usage, answer.finish_reason) == (None, None, Usage(9, 14), "stop")
