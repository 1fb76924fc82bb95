"""A place goes through an address and comes back the same; whatever else is there is refused in one way."""

import base64
import re
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.browsing.cursor import MAX_CHARS, BadCursor, decode, encode
from store.browsing.listing import Position

_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2199))
_times = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
_values = st.floats(allow_nan=False, allow_infinity=False)
_names = st.text(max_size=60)
_positions = st.builds(Position, _values, _times, st.uuids(), _names)


@given(_positions)
def test_a_place_comes_back_exactly(position: Position) -> None:
    word = encode(position)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", word)
    found = decode(word)
    assert found == position
    assert str(found.value) == str(position.value), "minus zero stays what it is"


@given(st.text(max_size=80) | st.text(string.ascii_letters + string.digits + "-_", max_size=80))
def test_other_words_are_no_places(word: str) -> None:
    try:
        position = decode(word)
    except BadCursor:
        return
    assert decode(encode(position)) == position


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[1,2,3]",
        '[true,0,"00000000000000000000000000000000","a"]',
        '[NaN,0,"00000000000000000000000000000000","a"]',
        '[1e999,0,"00000000000000000000000000000000","a"]',
        '[0,-1,"00000000000000000000000000000000","a"]',
        '[0,99999999999999999999,"00000000000000000000000000000000","a"]',
        '[0,1.5,"00000000000000000000000000000000","a"]',
        '[0,0,"no id","a"]',
        '[0,0,7,"a"]',
        '[0,0,"00000000000000000000000000000000",null]',
        '[0,0,"00000000000000000000000000000000","\\ud800"]',
        f'[{"9" * 500},0,"00000000000000000000000000000000","a"]',
        "[" * 700,
        "{}",
    ],
)
def test_what_looks_like_one_and_is_none(text: str) -> None:
    word = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    with pytest.raises(BadCursor):
        decode(word)


def test_a_long_word_is_not_looked_into() -> None:
    with pytest.raises(BadCursor, match="too long"):
        decode("A" * (MAX_CHARS + 1))
