"""JSON that was asked for: by the grammar, by the client's schema, and never at the recorder's expense."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from proxy.recorder import json_validity
from proxy.recorder.json_validity import MAX_REMEMBERED, MAX_SCHEMA_BYTES, JsonChecker
from proxy.recorder.schema_pattern import MAX_STEPS, steps_of
from proxy.wire.dialect import Asked

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z][a-z]+$"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


def asked(schema: Any = None) -> Asked:
    return Asked(wants_json=True, json_schema=b"" if schema is None else json.dumps(schema).encode())


def checked(text: str, schema: Any = None) -> bool | None:
    return JsonChecker().is_valid(text, asked(schema))


def test_nothing_is_said_of_json_that_nobody_asked_for() -> None:
    assert JsonChecker().is_valid("{}", Asked()) is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [('{"a": 1}', True), ("[1]", True), ('"x"', True), ("", False), ("{", False), ("{} {}", False), ("NaN", False),
     ("```json\n{}\n```", False), ('{"a": Infinity}', False), ("\ufeff{}", False)],
)  # fmt: skip
def test_without_a_schema_the_grammar_decides(text: str, valid: bool) -> None:
    assert checked(text) is valid


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ({"name": "Ada"}, True),
        ({"name": "Ada", "age": 36}, True),
        ({"name": "ada"}, False),
        ({"name": "Ada", "age": -1}, False),
        ({"age": 3}, False),
        ({"name": "Ada", "more": 1}, False),
        ([], False),
    ],
)
def test_a_schema_decides_as_json_schema_says(value: Any, valid: bool) -> None:
    assert checked(json.dumps(value), PERSON) is valid


@pytest.mark.parametrize(
    "draft",
    [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://elsewhere/draft-99",
    ],
)
def test_older_drafts_and_names_nobody_knows_are_checked_too(draft: str) -> None:
    assert checked('{"name": "Ada"}', {"$schema": draft, **PERSON}) is True
    assert checked('{"name": 1}', {"$schema": draft, **PERSON}) is False


def test_a_reference_within_the_schema_is_followed() -> None:
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}}
    assert checked('{"next": {"next": {}}}', tree) is True
    assert checked('{"next": {"next": 1}}', tree) is False


HOSTILE: dict[str, tuple[Any, Any]] = {
    "reference to a host": ({"$ref": "http://127.0.0.1:9/schema.json"}, {}),
    "reference to a file": ({"$ref": "file:///etc/passwd"}, {}),
    "reference to itself": ({"$ref": "#"}, {}),
    "type that is none": ({"type": "strange"}, {}),
    "required that is no list": ({"required": "name"}, {}),
    "pattern without end": ({"type": "string", "pattern": "^(a+)+$"}, "a" * 40 + "!"),
    "pattern that branches": ({"type": "string", "pattern": "^(a|a)*$"}, "a" * 40 + "!"),
    "pattern of many stars": ({"type": "string", "pattern": "a*" * 12 + "b"}, "a" * 400),
    "pattern of many guesses": ({"type": "string", "pattern": "a?" * 40 + "a" * 40}, "a" * 40),
    "pattern that is none": ({"type": "string", "pattern": "("}, "x"),
    "pattern that looks back": ({"type": "string", "pattern": r"(.*)\1{9}x"}, "a" * 400),
    "pattern that looks ahead": ({"type": "string", "pattern": "(?=(a+)+$)b"}, "a" * 40),
    "patterns of names": ({"patternProperties": {"^(a+)+$": {}}}, {"a" * 40 + "!": 1}),
    "patterns of names that are left": (
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1},
    ),
    "a tower of alternatives": (
        {"$defs": {"0": {"type": "string"}, **{
            str(k): {"anyOf": [{"$ref": f"#/$defs/{k - 1}"}] * 2} for k in range(1, 40)
        }}, "$ref": "#/$defs/39"},
        1,
    ),
    "a tower of conditions": (
        {"$defs": {"0": {}, **{str(k): {"allOf": [{"$ref": f"#/$defs/{k - 1}"}] * 2} for k in range(1, 40)}},
         "$ref": "#/$defs/39"},
        1,
    ),
    "many different items": ({"uniqueItems": True}, [{"a": k} for k in range(5000)]),
    "many items": ({"items": {"anyOf": [{"type": "integer"}] * 50 + [{}]}}, ["x"] * 5000),
    "errors that repeat a long answer": (
        {"anyOf": [{"type": "integer"}] * 500}, ["x" * 900_000],
    ),
    "a schema that is too large": ({"enum": ["x" * 100] * (MAX_SCHEMA_BYTES // 100)}, "y"),
    "an answer that is too large": ({"type": "string"}, "x" * (json_validity.MAX_ANSWER_CHARS + 1)),
    "a step that is no number": ({"multipleOf": 0}, 4),
    "a step that is hardly one": ({"multipleOf": 5e-324}, 1e308),
    "a number beyond floats": ({"multipleOf": 0.1}, 10**400),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_checked_within_bounds_is_unknown_and_counted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched, and the steps that may be spent are: the test ends, where any of these alone would not."""

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("a schema opened a socket")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    schema, value = HOSTILE[name]
    checker = JsonChecker()
    verdict = checker.is_valid(json.dumps(value), asked(schema))
    if name in {"a step that is hardly one", "a number beyond floats", "many different items"}:
        assert verdict in {None, True, False}  # as the library can; it ends
    else:
        assert verdict is None
        assert checker.unchecked == 1


def test_text_that_is_no_json_is_invalid_even_under_a_schema_of_no_use() -> None:
    checker = JsonChecker()
    assert checker.is_valid("no json", asked({"type": "strange"})) is False
    assert checker.unchecked == 0


def test_a_bad_schema_does_not_disturb_the_next_answer() -> None:
    checker = JsonChecker()
    assert checker.is_valid('"aaaa!"', asked({"pattern": "^(a+)+$"})) is None
    assert checker.is_valid('{"name": "Ada"}', asked(PERSON)) is True
    assert checker.is_valid('"x"', asked({"$ref": "#"})) is None
    assert checker.is_valid('{"name": "ada"}', asked(PERSON)) is False


def test_schemas_are_made_ready_once_and_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, made = JsonChecker(), []
    monkeypatch.setattr(checker, "_made", lambda schema: made.append(schema["const"]))
    for number in [*range(MAX_REMEMBERED), 0, MAX_REMEMBERED, 0, 1]:
        checker.is_valid("1", asked({"const": number}))
    # 0 was used again before the last one came, so that 1 was the oldest.
    assert made == [*range(MAX_REMEMBERED), MAX_REMEMBERED, 1]
    assert len(checker._ready) == MAX_REMEMBERED


_KEYWORDS = sorted(Draft202012Validator.VALIDATORS.keys() | {"$id", "$defs", "$anchor", "$schema", "minContains"})
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "anyOf",
                    "allOf",
                    "not",
                    "if",
                    "then",
                    "pattern",
                    "patternProperties",
                    "required",
                    "enum",
                    "const",
                    "$ref",
                    "$id",
                    "$defs",
                    "uniqueItems",
                    "minimum",
                    "multipleOf",
                    "maxLength",
                    "contains",
                    "minContains",
                    "unevaluatedItems",
                    "prefixItems",
                    "additionalProperties",
                    "dependentRequired",
                    "propertyNames",
                    "$anchor",
                    "$dynamicRef",
                    "$schema",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


_LONG: list[Any] = [{"a": [{}] * 1000 + [number]} for number in range(200)]


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"uniqueItems": True}, _LONG),
        ({"items": {"enum": [{"a": [{}] * 600 + [number]} for number in range(-30, 0)]}}, _LONG),
        ({"items": {"enum": [[0] * 30_000]}}, [1] * 9000),
        ({"allOf": [{"enum": [0]}] * 3000}, _LONG),
    ],
)
def test_values_that_are_alike_to_the_end_do_not_hold_the_recorder_up(schema: Any, answer: Any) -> None:
    """Comparing all of them to the end takes half a minute; the bound is a second or so."""
    begin = time.process_time()
    JsonChecker().is_valid(json.dumps(answer), asked(schema))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("schema", "answer", "verdict"),
    [
        ({"items": {"enum": [{"a": [1, 2]}, "b"]}}, [{"a": [1, 2]}, "b"] * 50, True),
        ({"items": {"enum": [{"a": [1, 2]}, "b"]}}, [{"a": [1, 3]}], False),
        ({"uniqueItems": True}, [{"a": number} for number in range(100)], True),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1}], False),
        ({"uniqueItems": False}, [[1]] * 2000, True),
    ],
)
def test_lists_of_a_usual_size_are_compared(schema: Any, answer: Any, verdict: bool) -> None:
    assert checked(json.dumps(answer), schema) is verdict


@settings(max_examples=200)
@given(schema=st.dictionaries(st.sampled_from(["type", "anyOf", "$ref", "pattern", "items"]), _JSON), value=_JSON)
def test_any_schema_and_any_answer_give_a_verdict_and_never_an_exception(schema: Any, value: Any) -> None:
    assert JsonChecker().is_valid(json.dumps(value), asked(schema)) in {True, False, None}


@pytest.mark.parametrize(
    ("pattern", "longest", "steps"),
    [
        ("^abc$", 100, 1),
        ("abc", 100, 101),
        ("^[a-z]+$", 100, 101),
        (r"^\d{4}-\d{2}-\d{2}$", 10, 1),
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,4}$", 20, 21 * 21 * 3),
        ("^(?:a|b|c)$", 5, 3 * 6),
        (r"^(\d{3}-)?\d{4}$", 8, 2),
        ("^(ab){3}$", 6, 3),
        ("(a+)+", 5, None),
        ("(a|b)*", 5, None),
        (r"(a)\1", 5, None),
        ("(?i)a", 5, None),
        ("(?=a)", 5, None),
        ("a{,3}", 5, None),
        ("(", 5, None),
        (")", 5, None),
        ("x" * 600, 5, None),
    ],
)
def test_the_cost_of_a_pattern_is_the_product_of_its_choices(pattern: str, longest: int, steps: int | None) -> None:
    """By hand: a search that is not anchored begins anywhere; `+` has as many choices as the text is long, and one."""
    assert steps_of(pattern, longest) == steps


def test_a_pattern_in_a_long_text_costs_more_than_may_be() -> None:
    steps = steps_of("a*b*c*d*", 10_000)
    assert steps is not None
    assert steps > MAX_STEPS
