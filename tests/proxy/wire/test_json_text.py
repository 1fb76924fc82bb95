"""JSON that is written again, and what is no JSON."""

import pytest

from proxy.wire.errors import WireError
from proxy.wire.json_text import is_json, read_json, write_json


def test_what_was_read_leniently_is_written_so_that_utf_8_can_hold_it() -> None:
    assert write_json(read_json(b'{"a": "\\ud800", "\\u00e4": [1, 2.5, null]}')) == '{"a":"\ufffd","ä":[1,2.5,null]}'


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(WireError):
        write_json(value)
    while value:
        value = value.pop()  # type: ignore[assignment] # taken apart by hand, as to free it at once would nest as deeply


def test_only_json_and_nothing_around_it_is_json() -> None:
    assert is_json('{"a": 1}')
    assert not any(map(is_json, ("", "NaN", "{'a': 1}", '{"a": 1} and more', '```json\n{"a": 1}\n```')))
