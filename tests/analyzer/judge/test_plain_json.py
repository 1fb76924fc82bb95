"""JSON from strangers."""

import json
import math

import pytest
from hypothesis import given, settings

from analyzer.judge.plain_json import NotJson, canonical, compact, number, object_of, objects_of, read_json, text_of
from analyzer.judge.plain_json import well_formed as sound
from tests.analyzer.judge.made import json_values, nested, texts


@pytest.mark.parametrize("text", ["", "{", "nope", "{'a': 1}", nested(100_000), nested(100_000, "{"), "9" * 5_000])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotJson):
        read_json(text)


def test_what_servers_send_beside_the_standard_is_read() -> None:
    assert read_json('"\\ud800"') == "\ud800"
    assert math.isnan(read_json("NaN"))


@settings(deadline=None)
@given(json_values)
def test_values_are_read_as_they_were_written(value: object) -> None:
    text = json.dumps(value)
    assert json.dumps(read_json(text)) == text


def test_numbers_are_their_values_and_keys_have_no_order() -> None:
    assert canonical({"b": [1, 1.0, 1e0], "a": 0.5}) == '{"a":0.5,"b":[1,1,1]}' == canonical({"a": 0.5, "b": [1, 1, 1]})
    assert canonical(True) != canonical(1)
    # Beyond 2^53 a float is not the number that was written, so it is not taken for a whole one.
    assert canonical(2.0**60) != canonical(2**60)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_without_end_cannot_be_compared(value: float) -> None:
    with pytest.raises(NotJson):
        canonical([value])
    with pytest.raises(NotJson):
        number(value)


def test_deep_values_are_refused_or_marked() -> None:
    value: list[object] = []
    for _ in range(50_000):
        value = [value]
    with pytest.raises(NotJson):
        canonical(value)
    assert compact(value) == "[nested too deeply]"
    while value:
        value = value.pop()  # type: ignore[assignment] # taken apart by hand, as to free it at once would nest as deeply


def test_only_values_of_the_asked_kind_are_taken() -> None:
    assert object_of([1]) == {} == object_of(None)
    assert objects_of([1, {"a": 1}, None]) == [{"a": 1}]
    assert objects_of("text") == []
    assert text_of(3) == ""


@settings(deadline=None)
@given(texts)
def test_a_sound_text_can_be_sent(text: str) -> None:
    assert len(sound(text).encode().decode()) == len(text)
