"""Requests and answers of every API in words; expected texts are written by hand from the providers' own forms."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.conversation import NOTHING_SAID, conversation, shown, tools, turns
from analyzer.judge.question import Turn
from proxy.wire.apis import APIS
from store.judging.pair import Answer
from tests.analyzer.judge.made import answer, json_values, nested, texts

ENDPOINTS = sorted(APIS)
CALL = '[calls the tool weather with {"city":"Berlin"}]'
TALK = [
    Turn("system", "Be brief."),
    Turn("user", "How warm is it?\n[image]"),
    Turn("assistant", f"Let me look.\n{CALL}"),
]
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "How warm is it?"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Berlin"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "12 degrees"},
    ]
}
MESSAGES: dict[str, Any] = {
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "How warm is it?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Berlin"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "12 degrees"}]},
                {"type": "text", "text": "And?"},
            ],
        },
    ],
}
RESPONSES: dict[str, Any] = {
    "instructions": "Be brief.",
    "input": [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "How warm is it?"}, {"type": "input_image", "image_url": "x"}],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
        {"type": "function_call", "call_id": "1", "name": "weather", "arguments": '{"city":"Berlin"}'},
        {"type": "function_call_output", "call_id": "1", "output": "12 degrees"},
    ],
}
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {
            "role": "user",
            "parts": [{"text": "How warm is it?"}, {"inlineData": {"mimeType": "image/png", "data": "x"}}],
        },
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True},
                {"text": "Let me look."},
                {"functionCall": {"name": "weather", "args": {"city": "Berlin"}}},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"degrees": 12}}}]},
    ],
}
OLLAMA: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How warm is it?", "images": ["iVBOR"]},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Berlin"}}}],
        },
        {"role": "tool", "tool_name": "weather", "content": "12 degrees"},
    ]
}


@pytest.mark.parametrize(
    ("endpoint", "request_", "behind"),
    [
        ("chat/completions", CHAT, [Turn("tool", "12 degrees")]),
        ("messages", MESSAGES, [Turn("tool", "12 degrees"), Turn("user", "And?")]),
        ("generateContent", GEMINI, [Turn("tool", '[weather] {"degrees":12}')]),
        ("streamGenerateContent", GEMINI, [Turn("tool", '[weather] {"degrees":12}')]),
        ("api/chat", OLLAMA, [Turn("tool", "12 degrees")]),
    ],
)
def test_the_same_talk_reads_the_same_in_every_api(endpoint: str, request_: Any, behind: list[Turn]) -> None:
    assert list(turns(json.dumps(request_), endpoint)) == [*TALK, *behind]


def test_items_of_responses_are_turns() -> None:
    said = [Turn("assistant", "Let me look."), Turn("assistant", CALL), Turn("tool", "12 degrees")]
    assert list(turns(json.dumps(RESPONSES), "responses")) == [*TALK[:2], *said]


@pytest.mark.parametrize(
    ("endpoint", "request_", "expected"),
    [
        ("completions", {"prompt": "Once upon"}, [Turn("user", "Once upon")]),
        ("completions", {"prompt": ["first", "second"]}, [Turn("user", "first")]),
        ("completions", {"prompt": [1, 2, 3]}, [Turn("user", "[a prompt of 3 tokens, given as numbers]")]),
        (
            "completions",
            {"prompt": "def f():", "suffix": "return 1"},
            [
                Turn("user", "def f():"),
                Turn("user", "[the answer stands between the text above and this one]\nreturn 1"),
            ],
        ),
        ("api/generate", {"system": "s", "prompt": "p", "images": ["x"]}, [
            Turn("system", "s"), Turn("user", "[image]"), Turn("user", "p"),
        ]),
        ("responses", {"input": "hello"}, [Turn("user", "hello")]),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, [Turn("user", "[item reference]")]),
        ("responses", {"input": [{"type": "web_search_call", "status": "completed"}]}, [
            Turn("assistant", "[web search by the provider]"),
        ]),
        ("generateContent", {"contents": "hello"}, [Turn("user", "hello")]),
        ("generateContent", {"contents": {"parts": [{"text": "a"}, {"text": "b"}]}}, [Turn("user", "a\nb")]),
        ("messages", {"messages": [{"role": "user", "content": [
            {"type": "document", "title": "Report", "source": {"type": "text", "data": "It rained."}},
            {"type": "document", "source": {"type": "base64", "data": "JVBER"}},
            {"type": "tool_result", "tool_use_id": "1", "is_error": True, "content": "no such city"},
        ]}]}, [Turn("user", "[document Report]\nIt rained.\n[document]"), Turn("tool", "[error] no such city")]),
        ("chat/completions", {"messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "x"}}, {"type": "file", "file": {"file_id": "f"}},
            {"type": "something_new", "payload": 1},
        ]}]}, [Turn("user", "[audio]\n[file]\n[something new]")]),
        ("chat/completions", {"messages": [{"role": "assistant", "refusal": "I cannot."}]}, [
            Turn("assistant", "I cannot."),
        ]),
        ("chat/completions", {"messages": [{"role": "assistant", "content": None, "function_call": {
            "name": "weather", "arguments": '{"city":"Berlin"}'}}]}, [Turn("assistant", CALL)]),
    ],
)  # fmt: skip
def test_forms_that_apis_have_besides(endpoint: str, request_: Any, expected: list[Turn]) -> None:
    assert list(turns(json.dumps(request_), endpoint)) == expected


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("embeddings", '{"input": "a text"}'),
        ("something/else", '{"messages": [{"role": "user", "content": "x"}]}'),
        ("chat/completions", "not JSON"),
        ("chat/completions", '{"model": "x"}'),
        ("chat/completions", "[1, 2]"),
        ("messages", nested(100_000)),
    ],
)
def test_what_is_no_conversation_is_shown_as_it_stands(endpoint: str, text: str) -> None:
    found = conversation(text, endpoint)
    assert found.turns == (Turn("user", text),)
    assert found.tools == ""


def test_a_request_without_a_text_has_no_turns() -> None:
    assert turns("  ", "chat/completions") == ()


def test_what_the_request_says_about_the_form_of_the_answer_stands_first() -> None:
    request = {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}}
    first, *others = turns(json.dumps(request), "chat/completions")
    assert first.role == "system"
    assert '{"type":"object"}' in first.text
    assert tuple(others) == turns(json.dumps(CHAT), "chat/completions")


def test_tools_are_shown_where_the_request_offers_some() -> None:
    offer = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}]}
    assert tools(json.dumps({**CHAT, **offer}), "chat/completions") == "- weather()"
    assert tools(json.dumps(CHAT), "chat/completions") == ""


def test_an_answer_is_its_text_and_its_calls() -> None:
    assert shown(answer("Hello")).text == "Hello"
    assert shown(answer("", ("weather", {"city": "Berlin"}))).text == CALL.replace('":', '": ')
    both = shown(answer("Let me look.", ("a", {}), ("b", ""))).text
    assert both == "Let me look.\n\n[calls the tool a with {}]\n[calls the tool b]"
    assert shown(answer(" \n")).text == NOTHING_SAID
    assert shown(Answer("", "{broken", None, None)).text == "[calls tools: {broken]"


def test_contents_without_an_end_are_cut() -> None:
    content: Any = "deep"
    for _ in range(400):
        content = [{"type": "tool_result", "content": content}]
    text = json.dumps({"messages": [{"role": "user", "content": content}]})
    assert turns(text, "messages") == (Turn("tool", "[nested too deeply]"),)


@given(st.sampled_from(ENDPOINTS), st.dictionaries(st.sampled_from(
    ["messages", "input", "prompt", "contents", "system", "instructions", "systemInstruction", "tools", "suffix",
     "response_format", "text", "format", "generationConfig", "output_config", "tool_choice", "functions", "images"]
), json_values | st.lists(st.dictionaries(st.sampled_from(
    ["role", "type", "content", "parts", "text", "tool_calls", "function_call", "functionCall", "functionResponse",
     "output", "arguments", "name", "source", "title", "inlineData", "function", "functionDeclarations", "parameters",
     "is_error", "images", "refusal", "thought", "input_schema"]), json_values | st.sampled_from(
    ["text", "tool_result", "tool_use", "document", "function_call", "message", "assistant", "tool", "x_call"])),
    max_size=4), max_size=4))  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_no_request_makes_it_fail(endpoint: str, fields: dict[str, Any]) -> None:
    """Whatever stands where: turns come out that can be sent, and none of them is a turn of nobody."""
    found = conversation(json.dumps(fields), endpoint)
    assert {turn.role for turn in found.turns} <= {"system", "user", "assistant", "tool"}
    for text in (found.tools, *(turn.text for turn in found.turns)):
        text.encode()


@settings(deadline=None)
@given(texts, texts)
def test_no_answer_makes_it_fail(text: str, calls: str) -> None:
    assert shown(Answer(text, calls, None, None)).text.encode()


def test_a_long_request_is_read_in_one_pass() -> None:
    """100,000 turns and as many parts: a second or so, where anything quadratic would take minutes."""
    many = {"messages": [{"role": "user", "content": "x"}] * 100_000}
    assert len(turns(json.dumps(many), "chat/completions")) == 100_000
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 100_000}]}
    assert len(turns(json.dumps(parts), "messages")[0].text) == 2 * 100_000 - 1
