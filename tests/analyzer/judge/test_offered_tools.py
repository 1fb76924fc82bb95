"""Offered tools in a few words each."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.offered_tools import MAX_CHARS, tools_in_words
from tests.analyzer.judge.made import json_values

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "any": {}},
    "required": ["city"],
}
LINE = "- weather(city: string, days?: integer, any?): How warm it is."


@pytest.mark.parametrize(
    ("endpoint", "tool"),
    [
        ("chat/completions", {"type": "function", "function": {"parameters": PARAMETERS}}),
        ("responses", {"type": "function", "parameters": PARAMETERS}),
        ("messages", {"input_schema": PARAMETERS}),
        ("api/chat", {"type": "function", "function": {"parameters": PARAMETERS}}),
    ],
)
def test_one_line_names_it_with_its_parameters(endpoint: str, tool: dict[str, Any]) -> None:
    holder = tool.get("function", tool)
    holder |= {"name": "weather", "description": "How warm\n  it is."}
    assert tools_in_words({"tools": [tool]}, endpoint) == LINE


def test_declarations_of_gemini_and_older_functions_are_tools() -> None:
    declared = {"name": "weather", "description": "How warm it is.", "parameters": PARAMETERS}
    google = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    assert tools_in_words({"tools": [{"functionDeclarations": [declared]}]}, "generateContent") == LINE
    assert tools_in_words({"functions": [declared]}, "chat/completions") == LINE
    declared |= {"parameters": google}
    snake = {"tools": [{"function_declarations": [declared]}]}
    assert tools_in_words(snake, "generateContent") == "- weather(city: string): How warm it is."


def test_tools_of_the_provider_are_named_by_their_type() -> None:
    assert tools_in_words({"tools": [{"type": "web_search"}]}, "responses") == "- web_search()"


@pytest.mark.parametrize(
    ("choice", "said"),
    [("auto", ""), (None, ""), ({"type": "auto"}, ""), ("required", "required"), ({"type": "any"}, '{"type":"any"}')],
)
def test_a_choice_that_binds_the_model_is_told(choice: Any, said: str) -> None:
    words = tools_in_words({"tools": [{"name": "f"}], "tool_choice": choice}, "messages")
    assert words == "- f()" + (f"\n[setting of the request: which tool to call: {said}]" if said else "")


def test_many_tools_are_counted_where_they_are_not_shown() -> None:
    fields = {"tools": [{"name": f"tool_{i}", "description": "word " * 1_000} for i in range(1_000)]}
    words = tools_in_words(fields, "messages")
    assert len(words) < MAX_CHARS + 100
    shown = words.count("\n")
    assert words.endswith(f"[and {1_000 - shown} tools more]")


def test_many_parameters_are_counted_where_they_are_not_shown() -> None:
    tool = {"name": "f", "input_schema": {"properties": {f"p{i}": {} for i in range(40)}}}
    assert tools_in_words({"tools": [tool]}, "messages").endswith("p31?, and 8 more)")


def test_apis_without_tools_have_none() -> None:
    assert tools_in_words({"tools": [{"name": "f"}]}, "completions") == ""


offers = st.sampled_from(
    ["type", "name", "description", "function", "functionDeclarations", "parameters", "input_schema"]
)


@settings(deadline=None)
@given(json_values, json_values, st.lists(st.dictionaries(offers, json_values)))
def test_no_offer_makes_it_fail(tools: Any, choice: Any, listed: Any) -> None:
    assert isinstance(tools_in_words({"tools": tools, "tool_choice": choice}, "messages"), str)
    assert isinstance(tools_in_words({"tools": listed, "functions": tools}, "chat/completions"), str)
