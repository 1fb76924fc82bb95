"""Usage as it was reported: canonical, bounded, and JSON whatever came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.raw_usage import MAX_RAW_CHARS, raw_usage_text

_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


def strict(text: str) -> Any:
    def refused(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refused)


def test_the_same_counts_give_the_same_text_whatever_their_order() -> None:
    one = raw_usage_text({"prompt_tokens": 5, "completion_tokens_details": {"b": 2, "a": 1}})
    assert one == raw_usage_text({"completion_tokens_details": {"a": 1, "b": 2}, "prompt_tokens": 5})
    assert one == '{"completion_tokens_details":{"a":1,"b":2},"prompt_tokens":5}'


def test_nothing_reported_is_empty() -> None:
    assert raw_usage_text({}) == ""


def test_counts_that_cannot_be_stay_visible() -> None:
    assert raw_usage_text({"prompt_tokens": -5, "completion_tokens": 10**30}) == (
        '{"completion_tokens":1000000000000000000000000000000,"prompt_tokens":-5}'
    )
    assert raw_usage_text({"a": float("nan"), "b": float("-inf"), "c": None}) == '{"a":"nan","b":"-inf","c":null}'


def test_what_is_too_much_or_too_deep_is_dropped() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = {"a": deep}
    assert raw_usage_text({"a": "x" * MAX_RAW_CHARS}) is None
    assert raw_usage_text({"a": deep}) is None
    assert raw_usage_text({"a": 10**5000}) is None
    assert raw_usage_text({"a": "x" * (MAX_RAW_CHARS - 8)}) is not None


@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=5))
def test_what_is_kept_is_json_that_a_store_of_utf8_takes(reported: dict[str, Any]) -> None:
    text = raw_usage_text(reported)
    assert text is not None
    assert text.encode() is not None
    if text:
        strict(text)


@pytest.mark.parametrize("lone", ["\ud800", "a\udc00"])
def test_lone_surrogates_are_replaced(lone: str) -> None:
    text = raw_usage_text({lone: lone})
    assert text is not None
    assert "\ufffd" in text
