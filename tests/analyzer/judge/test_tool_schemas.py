"""When two arguments mean the same under a schema."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.plain_json import NotJson
from analyzer.judge.tool_schemas import MAX_STEPS, normal_form, offered, schemas
from tests.analyzer.judge.made import json_values

SEARCH: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer", "default": 10},
        "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
        "range": {"$ref": "#/$defs/Range"},
        "where": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
        "order": {"allOf": [{"default": "asc"}, {"type": "string"}]},
        "shape": {
            "oneOf": [
                {"properties": {"kind": {"const": "circle"}, "r": {"default": 1}}},
                {"properties": {"kind": {"const": "square"}, "side": {"default": 2}}},
            ]
        },
    },
    "$defs": {
        "Range": {"type": "object", "properties": {"from": {"default": 0}, "to": {"default": 100}}},
        "Place": {"type": "object", "properties": {"country": {"default": "DE"}}},
    },
    "additionalProperties": {"type": "object", "properties": {"on": {"default": True}}},
}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"query": "x"}, {"query": "x", "limit": 10, "where": None, "order": "asc"}),
        ({"query": "x", "limit": 5}, {"limit": 5.0, "query": "x"}),
        ({"tags": ["a", "b", "c"]}, {"tags": ["c", "a", "b"]}),
        ({"range": {}}, {"range": {"from": 0, "to": 100}}),
        ({"where": {}}, {"where": {"country": "DE"}}),
        ({"shape": {"kind": "square"}}, {"shape": {"kind": "square", "side": 2}}),
        ({"extra": {}}, {"extra": {"on": True}}),
    ],
)
def test_these_mean_the_same(one: Any, other: Any) -> None:
    assert normal_form(one, SEARCH) == normal_form(other, SEARCH)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"query": "x"}, {"query": "x", "limit": 11}),
        ({"query": "x"}, {"query": "X"}),
        ({"limit": 1}, {"limit": True}),
        ({"limit": 1}, {"limit": "1"}),
        ({"query": ["a", "b"]}, {"query": ["b", "a"]}),
        ({"tags": ["a", "b"]}, {"tags": ["a"]}),
        ({"where": {"country": "DE"}}, {"where": None}),
        ({"shape": {"kind": "square"}}, {"shape": {"kind": "circle"}}),
        ({"shape": {"kind": "circle"}}, {"shape": {"kind": "circle", "side": 2}}),
        ({}, {"unknown": None}),
    ],
)
def test_these_do_not(one: Any, other: Any) -> None:
    assert normal_form(one, SEARCH) != normal_form(other, SEARCH)


def test_without_a_schema_only_numbers_and_keys_are_made_equal() -> None:
    assert normal_form({"b": 1.0, "a": [2, 1]}, {}) == '{"a":[2,1],"b":1}'


def test_positions_of_a_tuple_have_their_own_schemas() -> None:
    schema = {"prefixItems": [{"properties": {"a": {"default": 1}}}], "items": {"properties": {"b": {"default": 2}}}}
    assert normal_form([{}, {}], schema) == '[{"a":1},{"b":2}]'


def test_positions_of_a_tuple_keep_their_order() -> None:
    schema = {"prefixItems": [{"type": "string"}, {"type": "string"}], "uniqueItems": True}
    assert normal_form(["b", "a"], schema) == '["b","a"]'


def test_what_the_schema_itself_says_stands_over_what_it_takes_over() -> None:
    schema = {
        "properties": {"a": {"default": 1}},
        "allOf": [{"properties": {"a": {"default": 2}, "b": {"default": 3}}}],
    }
    assert normal_form({}, schema) == '{"a":1,"b":3}'


def test_which_form_is_meant_is_not_guessed() -> None:
    """Both forms allow a text, and they differ in what they fill in: nothing is."""
    either = {"anyOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"a": {"default": 2}}}]}
    assert normal_form({}, either) == "{}"


def test_google_writes_types_in_capitals() -> None:
    either = {"anyOf": [{"type": "OBJECT", "properties": {"a": {"default": 1}}}, {"type": "STRING"}]}
    assert normal_form({}, either) == '{"a":1}'


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "https://example.invalid/schema.json"},
        {"$ref": "#/no/such/place"},
        {"properties": "none", "items": 3, "allOf": 1, "anyOf": [1, None], "additionalProperties": "x"},
    ],
)
def test_a_schema_that_leads_nowhere_fills_nothing_in(schema: dict[str, Any]) -> None:
    assert normal_form({"a": [1]}, schema) == '{"a":[1]}'


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}]},
        {"properties": {"x": {"default": {}, "$comment": "again", "allOf": [{"$ref": "#"}]}}},
        {"properties": {f"p{i}": {"default": [0] * 100} for i in range(1_000)}},
    ],
)
def test_a_schema_without_an_end_is_given_up(schema: dict[str, Any]) -> None:
    with pytest.raises(NotJson):
        normal_form({}, schema)


def test_large_values_are_given_up_too() -> None:
    assert normal_form([0] * (MAX_STEPS // 2), {})
    with pytest.raises(NotJson):
        normal_form([0] * (MAX_STEPS + 1), {})
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(NotJson):
        normal_form(deep, {})


def test_a_tool_that_is_offered_twice_has_no_schema() -> None:
    tool = {"name": "f", "input_schema": SEARCH}
    assert schemas({"tools": [tool]}) == {"f": SEARCH}
    assert schemas({"tools": [tool, {**tool, "input_schema": {"type": "object"}}]}) == {"f": {}}


@settings(deadline=None)
@given(json_values, json_values, st.randoms(use_true_random=False))
def test_no_schema_makes_it_fail(value: Any, schema: Any, dice: random.Random) -> None:
    """It gives a text, the same for the same keys in another order, or gives up."""
    plain = schema if isinstance(schema, dict) else {"items": schema, "properties": schema, "anyOf": [schema, SEARCH]}
    try:
        made = normal_form(value, plain)
    except NotJson:
        return
    shuffled = dict(dice.sample(list(value.items()), len(value))) if isinstance(value, dict) else value
    assert normal_form(shuffled, plain) == made


@settings(deadline=None)
@given(json_values)
def test_no_offer_makes_it_fail(value: Any) -> None:
    fields = {"tools": value, "functions": [value]}
    assert all(isinstance(tool.schema, dict) for tool in offered(fields))
    assert json.dumps(sorted(schemas(fields))) is not None
