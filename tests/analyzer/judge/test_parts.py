"""Parts of contents in words: what each kind becomes."""

from typing import Any

import pytest
from hypothesis import given, settings

from analyzer.judge.parts import call_in_words, content_in_words, mark, part_in_words, pieces, result_in_words
from tests.analyzer.judge.made import json_values


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "output_text", "text": "hello"}, "hello"),
        ({"type": "refusal", "refusal": "no"}, "no"),
        ({"type": "thinking", "thinking": "hm"}, ""),
        ({"type": "redacted_thinking", "data": "x"}, ""),
        ({"text": "hm", "thought": True}, ""),
        ({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, "[image]"),
        ({"type": "video_url", "video_url": {}}, "[video]"),
        ({"inline_data": {"mime_type": "audio/wav", "data": "x"}}, "[audio]"),
        ({"fileData": {"fileUri": "x", "mimeType": "application/pdf"}}, "[file]"),
        ({"type": "document_url", "document_url": "x"}, "[document]"),
        ({"type": "container_upload", "file_id": "f"}, "[file]"),
        ({"type": "server_tool_use", "name": "search", "input": {"q": "x"}}, '[calls the tool search with {"q":"x"}]'),
        ({"functionCall": {"name": "f", "args": {}}}, "[calls the tool f with {}]"),
        ({"functionResponse": {"name": "f", "response": {"a": 1}}}, '[f] {"a":1}'),
        ({"executableCode": {"language": "PYTHON", "code": "print(1)"}}, "[runs this code]\nprint(1)"),
        ({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, "[the code gave]\n1"),
        (
            {"type": "search_result", "title": "T", "source": "http://x", "content": [{"type": "text", "text": "t"}]},
            "[document T]\nt",
        ),
        ({"type": "document", "source": {"type": "content", "content": "inside"}}, "[document]\ninside"),
        ({"type": "wrapped", "content": "inside"}, "inside"),
        ({"type": "x" * 500}, f"[{'x' * 40}]"),
        ({}, ""),
    ],
)
def test_each_kind_has_its_words(part: dict[str, Any], words: str) -> None:
    assert part_in_words(part, 0) == words


def test_what_a_tool_gave_stands_apart_from_what_was_said() -> None:
    result = {"type": "tool_result", "content": "12"}
    assert list(pieces(["a", {"type": "text", "text": "b"}, result, "c"])) == [
        (False, "a\nb"),
        (True, "12"),
        (False, "c"),
    ]
    assert result_in_words({"type": "text", "text": "no result"}) == ""


def test_names_and_arguments_stand_as_they_are() -> None:
    assert call_in_words("f", '{"a": 1}') == '[calls the tool f with {"a": 1}]'
    assert call_in_words("f", None) == "[calls the tool f]"
    assert call_in_words(None, {"a": [1]}) == '[calls the tool without a name with {"a":[1]}]'


def test_marks_are_short_and_on_one_line() -> None:
    assert mark("computer_use\npreview") == "computer use preview"
    assert mark("") == "something else"


@settings(deadline=None)
@given(json_values)
def test_no_content_makes_it_fail(value: Any) -> None:
    assert isinstance(content_in_words(value), str)
    assert all(text for _, text in pieces(value))
