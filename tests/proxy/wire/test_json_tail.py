"""The last fields of an object of which only the end is there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.json_tail import last_fields


@pytest.mark.parametrize(
    ("tail", "found"),
    [
        (b'0.1]}], "model": "m", "usage": {"n": 1}}', {"usage": {"n": 1}, "model": "m"}),
        (b'0.1]}], "usage": {"n": 1}, "model": "m"}\n', {"usage": {"n": 1}, "model": "m"}),
        (b'"usage": {"n": 1}}', {"usage": {"n": 1}}),
        # nested, in a text, broken off, of another kind
        (b'"args": {"usage": {"n": 1}}}', {}),
        (b'{\\"usage\\": {\\"n\\": 1}}"}', {}),
        (b'say \\"usage\\": 7", "usage": {"n": 1}}', {"usage": {"n": 1}}),
        (b'"usage": {"n": 1', {}),
        (b'"kind": "usage", "x": 1}', {}),
        (b"", {}),
        (b"[" * 10_000, {}),
    ],
)
def test_fields_of_the_object_itself_are_found_and_others_are_not(tail: bytes, found: dict[str, Any]) -> None:
    assert last_fields(tail, ("usage", "model")) == found


@given(
    value=st.dictionaries(
        st.sampled_from(["a", "usage", "b"]),
        st.recursive(
            st.one_of(st.integers(), st.text(alphabet='usage":{}\\', max_size=12)),
            lambda inner: st.dictionaries(st.sampled_from(["a", "usage"]), inner, max_size=3),
            max_leaves=6,
        ),
    ),
    data=st.data(),
)
def test_what_is_found_is_what_the_whole_object_says(value: dict[str, Any], data: Any) -> None:
    body = json.dumps(value).encode()
    tail = body[data.draw(st.integers(1, len(body))) :]
    assert last_fields(tail, ("usage",)) in ({}, {"usage": value.get("usage")})
