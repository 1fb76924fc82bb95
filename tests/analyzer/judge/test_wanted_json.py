"""Wishes for JSON, as each API words them; the recorder's own reading of requests is the second source."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.wanted_json import MAX_SCHEMA_CHARS, wanted_in_words
from proxy.wire.apis import APIS
from proxy.wire.dialects.table import DIALECTS
from tests.analyzer.judge.made import json_values

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FORMAT = {"type": "json_schema", "schema": SCHEMA}
WISHES: list[tuple[str, dict[str, Any]]] = [
    ("chat/completions", {"response_format": {"type": "json_object"}}),
    ("chat/completions", {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}),
    ("chat/completions", {"response_format": {"type": "text"}}),
    ("completions", {"guided_json": SCHEMA}),
    ("chat/completions", {"structured_outputs": {"json": SCHEMA}}),
    ("responses", {"text": {"format": FORMAT}}),
    ("responses", {"text": {"format": {"type": "text"}}}),
    ("messages", {"output_config": {"format": FORMAT}}),
    ("messages", {"output_format": FORMAT}),
    ("api/chat", {"format": "json"}),
    ("api/generate", {"format": SCHEMA}),
    ("generateContent", {"generationConfig": {"responseMimeType": "application/json"}}),
    ("streamGenerateContent", {"generation_config": {"response_json_schema": SCHEMA}}),
    ("generateContent", {"generationConfig": {"responseMimeType": "text/plain"}}),
]


@pytest.mark.parametrize(("endpoint", "fields"), WISHES)
def test_it_is_told_where_the_recorder_sees_it(endpoint: str, fields: dict[str, Any]) -> None:
    asked = DIALECTS[endpoint].read_request(json.dumps(fields).encode())
    words = wanted_in_words(fields, endpoint)
    assert bool(words) == asked.wants_json
    assert bool(asked.json_schema) == ('"city"' in words)


def test_a_huge_schema_is_cut_and_counted() -> None:
    words = wanted_in_words({"format": {"enum": ["x" * 50_000]}}, "api/chat")
    assert len(words) < MAX_SCHEMA_CHARS + 200
    assert words.endswith("characters more]")


@settings(deadline=None)
@given(st.sampled_from(sorted(APIS)), json_values)
def test_no_request_makes_it_fail(endpoint: str, value: Any) -> None:
    for name in ("response_format", "text", "output_config", "format", "generationConfig", "guided_json"):
        assert isinstance(wanted_in_words({name: value}, endpoint), str)
