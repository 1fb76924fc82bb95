"""JSON and its schema, asked for in the words of every API; checked end to end by the recorder's own checker."""

import json
from typing import Any

import pytest

from proxy.recorder.json_validity import JsonChecker
from proxy.wire.dialects.table import dialect_of

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
JSON = "application/json"
GOOGLE = {
    "type": "OBJECT",
    "properties": {
        "a": {"type": "INTEGER", "nullable": True, "format": "int32"},
        "b": {"type": "ARRAY", "minItems": "1"},
    },
    "required": ["a"],
    "propertyOrdering": ["a"],
}
WITH_SCHEMA: dict[str, tuple[str, str, dict[str, Any]]] = {
    "OpenAI": ("chat/completions", "response_format",
               {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}),
    "Together": ("chat/completions", "response_format", {"response_format": {"type": "json_object", "schema": SCHEMA}}),
    "vLLM's guided JSON": ("chat/completions", "guided_json", {"guided_json": SCHEMA}),
    "vLLM's guided JSON as text": ("completions", "guided_json", {"guided_json": json.dumps(SCHEMA)}),
    "vLLM's structured outputs": ("chat/completions", "structured_outputs", {"structured_outputs": {"json": SCHEMA}}),
    "Responses": ("responses", "text", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}}),
    "Anthropic": ("messages", "output_config",
                  {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    "Anthropic before": ("messages", "output_format", {"output_format": {"type": "json_schema", "schema": SCHEMA}}),
    "Gemini's JSON Schema": ("generateContent", "generationConfig",
                             {"generationConfig": {"responseMimeType": JSON, "responseJsonSchema": SCHEMA}}),
    "Gemini's schema": ("streamGenerateContent", "generation_config",
                        {"generation_config": {"response_mime_type": "application/json", "response_schema": GOOGLE}}),
    "Gemini's schema alone": ("generateContent", "generationConfig", {"generationConfig": {"responseSchema": GOOGLE}}),
    "Ollama chat": ("api/chat", "format", {"format": SCHEMA}),
    "Ollama generate": ("api/generate", "format", {"format": SCHEMA}),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_SCHEMA)
def test_a_schema_is_found_and_holds(name: str) -> None:
    endpoint, field, body = WITH_SCHEMA[name]
    asked = dialect_of(endpoint).read_request(json.dumps(body).encode())
    assert (asked.wants_json, asked.json_field) == (True, field)
    checker = JsonChecker()
    answers = {'{"a": 1}': True, '{"a": "x"}': False, "{}": False, "{": False}
    assert {text: checker.is_valid(text, asked) for text in answers} == answers
    assert checker.unchecked == 0


def test_googles_types_may_be_null_where_they_say_so() -> None:
    asked = dialect_of("generateContent").read_request(
        json.dumps({"generationConfig": {"responseSchema": GOOGLE}}).encode()
    )
    checker = JsonChecker()
    assert checker.is_valid('{"a": null, "b": [1]}', asked) is True
    assert checker.is_valid('{"a": 1, "b": []}', asked) is False
    assert checker.is_valid('{"a": 1, "b": null}', asked) is False


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("chat/completions", {"response_format": {"type": "json_object"}}),
        ("chat/completions", {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
        ("chat/completions", {"guided_json": "no schema"}),
        ("responses", {"text": {"format": {"type": "json_object"}}}),
        ("generateContent", {"generationConfig": {"responseMimeType": "application/json"}}),
        ("api/chat", {"format": "json"}),
    ],
)
def test_json_without_a_schema_is_any_json(endpoint: str, body: dict[str, Any]) -> None:
    asked = dialect_of(endpoint).read_request(json.dumps(body).encode())
    assert (asked.wants_json, asked.json_schema) == (True, b"")
    assert JsonChecker().is_valid("[]", asked) is True


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("chat/completions", {"response_format": {"type": "text"}}),
        ("chat/completions", {"response_format": "json"}),
        ("chat/completions", {"guided_json": None, "structured_outputs": {"regex": "a+"}}),
        ("chat/completions", {"text": {"format": {"type": "json_object"}}}),
        ("responses", {"response_format": {"type": "json_object"}}),
        ("messages", {"output_config": {"effort": "low"}}),
        ("generateContent", {"generationConfig": {"responseMimeType": "text/x.enum"}}),
        ("api/chat", {"format": ""}),
        ("embeddings", {"response_format": {"type": "json_object"}}),
    ],
)
def test_what_does_not_ask_for_json_does_not(endpoint: str, body: dict[str, Any]) -> None:
    asked = dialect_of(endpoint).read_request(json.dumps(body).encode())
    assert (asked.wants_json, asked.json_field) == (False, "")


def test_a_schema_that_is_nested_without_end_is_of_no_use_and_nothing_else() -> None:
    schema: Any = {"type": "STRING"}
    for _ in range(500):
        schema = {"type": "ARRAY", "items": schema}
    asked = dialect_of("generateContent").read_request(
        json.dumps({"generationConfig": {"responseSchema": schema}}).encode()
    )
    checker = JsonChecker()
    assert asked.wants_json
    assert checker.is_valid("[]", asked) is None
    assert checker.unchecked == 1
