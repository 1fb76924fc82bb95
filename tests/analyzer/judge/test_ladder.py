"""Which pairs need no judge."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.ladder import TIE_EQUAL, TIE_STRUCTURE, Settled, settle, spaced
from proxy.recorder.comparison import tool_calls_json
from proxy.wire.dialect import ToolCall
from store.judging.pair import Answer
from tests.analyzer.judge.made import answer, json_values, nested, pair, sound_json, texts

TOOLS = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "days": {"type": "integer", "default": 1},
                        "fields": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                    },
                },
            },
        }
    ]
}


def json_answer(value: Any, *, valid: bool | None = True) -> Answer:
    return answer(value if isinstance(value, str) else json.dumps(value, indent=2), valid_json=valid)


@pytest.mark.parametrize(
    ("primary", "candidate"),
    [
        ("yes", "yes"),
        (" yes\n", "yes"),
        ("two  words", "two\nwords"),
        ("caf\u00e9", "cafe\u0301"),
        ("", "  "),
        (answer("", ("f", '{"a":1}')), answer("", ("f", '{"a":1}'))),
        (answer("so: ", ("f", {})), answer("so:", ("f", {}))),
    ],
)
def test_equal_answers_are_ties_that_cost_nothing(primary: Any, candidate: Any) -> None:
    assert settle(pair(primary, candidate)) == TIE_EQUAL == Settled("equal", 0.0)


@pytest.mark.parametrize(
    ("primary", "candidate"),
    [
        ("yes", "Yes"),
        ("yes", "yes."),
        ("a b", "ab"),
        ("fi", "\ufb01"),  # a ligature is compatible, not equal
        (answer("yes", ("f", {})), "yes"),
        (answer("", ("f", {})), answer("", ("g", {}))),
        (answer("", ("f", {"a": 1})), answer("", ("f", {"a": 2}))),
        (answer("", ("f", {"a": 1})), answer("", ("f", {"a": 1}), ("f", {"a": 1}))),
        (answer("", ("f", "free text")), answer("", ("f", "free  text"))),
        (answer("I look", ("f", {"a": 1.0})), answer("I am looking", ("f", {"a": 1}))),
    ],
)
def test_what_differs_goes_to_the_judge(primary: Any, candidate: Any) -> None:
    assert settle(pair(primary, candidate)) is None


@pytest.mark.parametrize(
    ("primary", "candidate"),
    [
        ({"city": "Rome"}, {"city": "Rome", "days": 1}),
        ({"city": "Rome", "days": 1.0}, '{ "days": 1, "city": "Rome" }'),
        ({"fields": ["rain", "wind"]}, {"fields": ["wind", "rain"]}),
        ("", {"days": 1}),
    ],
)
def test_calls_that_do_the_same_are_ties(primary: Any, candidate: Any) -> None:
    two = pair(answer("", ("weather", primary)), answer("", ("weather", candidate)), request=TOOLS)
    assert settle(two) == TIE_STRUCTURE == Settled("structure", 0.0)


def test_a_list_of_other_things_is_no_list_of_calls() -> None:
    ours, theirs = (Answer("", text, None, None) for text in ('[{"name": "f"}, 3]', '[{"name": "f"}]'))
    assert settle(pair(ours, theirs)) is None
    assert settle(pair(ours, ours)) == TIE_EQUAL


def test_calls_of_one_answer_have_no_order() -> None:
    ours = answer("", ("weather", {"city": "Rome"}), ("weather", {"city": "Oslo"}))
    theirs = answer(" ", ("weather", {"city": "Oslo", "days": 1}), ("weather", {"city": "Rome"}))
    assert settle(pair(ours, theirs, request=TOOLS)) == TIE_STRUCTURE
    assert settle(pair(ours, theirs)) is None  # without the request's schema the default is unknown


def test_arguments_may_stand_in_the_file_as_values() -> None:
    """Files of pairs that were imported hold what their makers wrote."""
    ours = Answer("", '[{"name": "weather", "arguments": {"city": "Rome"}}]', None, None)
    assert settle(pair(ours, answer("", ("weather", {"city": "Rome", "days": 1})), request=TOOLS)) == TIE_STRUCTURE


@pytest.mark.parametrize(
    ("primary", "candidate", "settled"),
    [
        (json_answer({"a": 1, "b": [1, 2]}), json_answer('{"b":[1.0,2],"a":1}'), TIE_STRUCTURE),
        (json_answer('{"a":"b c"}'), json_answer('{"a":"b\nc"}', valid=False), Settled("structure", -1.0)),
        (json_answer('{"a":"b c"}'), json_answer('{"a":"b\nc"}', valid=None), TIE_EQUAL),
        (json_answer({"a": 1}), json_answer("sorry", valid=False), Settled("structure", -1.0)),
        (json_answer("{", valid=False), json_answer({"a": 1}), Settled("structure", 1.0)),
        (json_answer({"a": [1, 2]}), json_answer({"a": [2, 1]}), None),
        (json_answer({"a": 1}), json_answer({"a": True}), None),
        (json_answer("{", valid=False), json_answer("[", valid=False), None),
        (json_answer({"a": 1}, valid=False), json_answer({"a": 1.0}, valid=False), None),
        (json_answer("{", valid=False), json_answer({"a": 1}, valid=None), None),
        (json_answer({"a": 1}, valid=None), json_answer('{"a":1}  ', valid=None), None),
        (json_answer(nested(2_000)), json_answer(" " + nested(2_000) + "\n"), TIE_EQUAL),
        (json_answer(nested(2_000)), json_answer(nested(2_001)), None),
        (json_answer("[1e400]"), json_answer("[1e401]"), None),
    ],
)
def test_json_that_was_asked_for(primary: Answer, candidate: Answer, settled: Settled | None) -> None:
    assert settle(pair(primary, candidate)) == settled


def test_an_answer_beside_a_call_is_no_json() -> None:
    ours = Answer("{}", answer("", ("f", {})).tool_calls, None, True)
    assert settle(pair(ours, json_answer("no", valid=False))) is None


def test_what_was_not_kept_whole_settles_nothing() -> None:
    assert settle(pair("yes", "yes", is_whole=False)) is None


calls = st.lists(
    st.tuples(st.sampled_from(["weather", "f"]), st.dictionaries(st.sampled_from("abc"), sound_json, max_size=3)),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(calls, st.randoms(use_true_random=False))
def test_order_of_calls_and_keys_never_matters(made: list[tuple[str, dict[str, Any]]], dice: random.Random) -> None:
    """As the recorder writes them, which draws ids anew and keeps the order of the answer."""
    shuffled = [(name, dict(dice.sample(list(inner.items()), len(inner)))) for name, inner in made]
    dice.shuffle(shuffled)
    ours, theirs = (
        tool_calls_json(tuple(ToolCall(str(dice.random()), name, json.dumps(inner)) for name, inner in order))
        for order in (made, shuffled)
    )
    assert settle(pair(Answer("", ours, None, None), Answer("", theirs, None, None))) in (TIE_EQUAL, TIE_STRUCTURE)


@settings(deadline=None)
@given(texts, texts, texts, texts, st.sampled_from([None, True, False]), st.sampled_from([None, True, False]))
def test_no_pair_makes_it_fail(
    ours: str, theirs: str, our_calls: str, their_calls: str, ours_valid: bool | None, theirs_valid: bool | None
) -> None:
    primary, candidate = Answer(ours, our_calls, None, ours_valid), Answer(theirs, their_calls, None, theirs_valid)
    there, back = settle(pair(primary, candidate)), settle(pair(candidate, primary))
    # Swapping the arms turns the preference round and changes nothing else.
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert (there.rung, there.preference) == (back.rung, -back.preference)


@settings(deadline=None)
@given(json_values, json_values)
def test_calls_of_any_form_make_no_fault(ours: Any, theirs: Any) -> None:
    primary, candidate = Answer("", json.dumps(ours), None, None), Answer("", json.dumps(theirs), None, None)
    assert settle(pair(primary, candidate, request=json.dumps({"tools": ours}))) in (None, TIE_EQUAL, TIE_STRUCTURE)


@settings(deadline=None)
@given(texts)
def test_spaces_are_one_space(text: str) -> None:
    assert spaced(f"  {text}\n\t") == spaced(text) == spaced(spaced(text))


@pytest.mark.parametrize(
    ("primary", "candidate", "request_"),
    [
        (answer("a" + "\u0315\u0300" * 250_000), answer("a" + "\u0300\u0315" * 250_000), {}),
        (answer(" a" * 500_000), answer(" b" * 500_000), {}),
        (answer("", ("f", {"a": [0] * 200_000})), answer("", ("f", {"a": [1] * 200_000})), {}),
        (answer("", *[("f", [i]) for i in range(1_000)]), answer("", *[("f", [-i]) for i in range(1_000)]), {}),
        (json_answer(list(range(200_000))), json_answer(list(range(1, 200_001))), {}),
        (
            answer("", ("f", {"a": 1})),
            answer("", ("f", {"a": 2})),
            {"tools": [{"name": "f", "input_schema": {"allOf": [{"$ref": "#"}] * 50}}] * 100},
        ),
    ],
)  # fmt: skip
def test_hostile_pairs_cost_no_more_than_their_length(primary: Answer, candidate: Answer, request_: Any) -> None:
    """A megabyte or a trap each, done in a tenth of a second; whatever is quadratic never comes back from here."""
    assert settle(pair(primary, candidate, request=request_)) is None
