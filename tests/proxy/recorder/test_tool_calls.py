"""Tool calls are the same when they mean the same, whatever the spelling of their JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.comparison import canonical_json, tool_call_agreement
from proxy.wire.dialect import Answer, ToolCall

_SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.text(st.characters(codec="utf-8")))
_VALUE = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)
_ARGUMENTS = st.dictionaries(st.text(max_size=6), _VALUE, max_size=5)


def call(arguments: str, name: str = "f") -> ToolCall:
    return ToolCall("id", name, arguments)


def agreement(ours: list[ToolCall], theirs: list[ToolCall]) -> float | None:
    return tool_call_agreement(Answer(text="", tool_calls=tuple(ours)), Answer(text="", tool_calls=tuple(theirs)))


def turned(value: Any) -> Any:
    """The same with keys in the other order and whole numbers as fractions."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [turned(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(_ARGUMENTS, st.sampled_from([None, 2]), st.booleans())
def test_order_of_keys_blanks_escapes_and_spelling_of_numbers_mean_nothing(
    arguments: dict[str, Any], indent: int | None, escaped: bool
) -> None:
    other = json.dumps(turned(arguments), indent=indent, ensure_ascii=escaped)
    assert agreement([call(json.dumps(arguments, ensure_ascii=False))], [call(other)]) == 1


@given(_ARGUMENTS, _ARGUMENTS)
def test_arguments_that_differ_in_a_value_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Against Python's own equality, but for true and 1, which JSON tells apart."""
    told_apart = json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
    assert agreement([call(json.dumps(one))], [call(json.dumps(other))]) == (0 if told_apart else 1)


@given(
    st.lists(st.builds(call, st.sampled_from(["", "{}", '{"a":1}', "[1]", "no json"]), st.sampled_from("fg"))),
    st.data(),
)
def test_calls_in_another_order_are_the_same_calls(calls: list[ToolCall], data: Any) -> None:
    shuffled = data.draw(st.permutations(calls))
    assert agreement(calls, shuffled) == (1 if calls else None)


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_agreement_is_what_both_have_over_the_larger_number(ours: list[str], theirs: list[str]) -> None:
    left, same = list(theirs), 0
    for name in ours:
        if name in left:
            left.remove(name)
            same += 1
    expected = same / max(len(ours), len(theirs)) if ours or theirs else None
    assert agreement([call("", n) for n in ours], [call("", n) for n in theirs]) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1.0", True),
        ("1", "1e0", True),
        ("100", "1E2", True),
        ("0", "-0.0", True),
        ("0.1", "0.10", True),
        ("1", "1.5", False),
        ("1", "true", False),
        ("0", "false", False),
        ("1", '"1"', False),
        ("9007199254740993", "9007199254740993.0", False),  # 2^53 + 1 has no float
        ("1e400", "1e400", True),
        ("1e400", "1e401", False),
        ('{"a":1,"a":2}', '{"a":2}', True),
        ('"\\u00e9"', '"é"', True),
        ('"\\ud83d\\ude00"', '"😀"', True),
        ("", "{}", True),
        ("  \n", "{}", True),
        ("null", "{}", False),
        ("{", "{ ", False),
        ("{'a': 1}", "{'a': 1}", True),
        ('{"a":NaN}', '{"a": NaN}', True),
    ],
)
def test_spellings_of_the_same_value(one: str, other: str, same: bool) -> None:
    assert (canonical_json(one) == canonical_json(other)) is same


@given(st.text())
def test_any_text_whatever_has_a_canonical_form_that_stays(text: str) -> None:
    once = canonical_json(text)
    assert canonical_json(once) == once
    assert once.encode("utf-8", "surrogatepass") is not None


def test_arguments_nested_without_end_are_compared_as_text() -> None:
    deep = "[" * 50_000
    assert agreement([call(deep)], [call(deep)]) == 1
    assert agreement([call(deep + "]" * 50_000)], [call(deep)]) == 0
