"""Events by lines and as items of an array: where each ends, and where the next begins behind a gap."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.body import Stretch
from proxy.wire.errors import WireError
from proxy.wire.framing import ARRAY, LINES

_OBJECT = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.one_of(st.text(alphabet='ab"\\{}[],: \n', max_size=8), st.integers(), st.none()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        max_leaves=6,
    ),
    max_size=3,
)


def test_every_line_is_an_event_and_one_without_its_end_is_the_rest() -> None:
    cut = LINES.cut(b'{"a":1}\n\r\n{"b":2}\r\n{"c"')
    assert [(event.data, event.end) for event in cut.events] == [(b'{"a":1}', 8), (b"", 10), (b'{"b":2}', 19)]
    assert cut.rest is not None
    assert (cut.rest.data, cut.rest.end) == (b'{"c"', 23)
    assert not cut.is_closed


@given(values=st.lists(_OBJECT, max_size=5), indent=st.sampled_from([None, 2]), behind=st.sampled_from(["", "\r\n"]))
def test_the_items_of_an_array_are_found_whatever_is_in_their_texts(
    values: list[Any], indent: int | None, behind: str
) -> None:
    items = [json.dumps(value, indent=indent) for value in values]
    data = ("[" + "\n,\r\n".join(items) + "]" + behind).encode()
    cut = ARRAY.cut(data)
    assert cut.is_closed
    assert [json.loads(event.data) for event in cut.events] == values
    for event in cut.events:
        assert data[: event.end].endswith(event.data)


@given(values=st.lists(_OBJECT, min_size=1, max_size=4), data=st.data())
def test_an_array_that_breaks_off_gives_the_items_that_came_whole(values: list[Any], data: Any) -> None:
    items = [json.dumps(value) for value in values]
    body = ("[" + ",".join(items) + "]").encode()
    length = data.draw(st.integers(1, len(body) - 1))
    cut = ARRAY.cut(body[:length])
    ends = [len("[" + ",".join(items[: i + 1])) for i in range(len(items))]
    assert not cut.is_closed
    assert [event.end for event in cut.events] == [end for end in ends if end <= length]


@pytest.mark.parametrize("body", [b'["x"]', b'[{"a":1}]]', b'[{"a":1}] {', b'[{}, "y", {}]'])
def test_what_is_no_array_of_objects_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        ARRAY.cut(body)


def test_behind_a_gap_the_first_item_that_begins_there_is_found() -> None:
    """Not the second of two parts, which looks like one: only from an item on do the brackets close to the end."""
    tail = b'lf of a text"}, {"text":"x"}]}\n,\r\n{"n":[{"a":1}, {"a":2}]},{"n":3}]'
    stretch = ARRAY.behind_gap(Stretch(tail, 1000))
    cut = ARRAY.cut(stretch.data)
    assert [json.loads(event.data) for event in cut.events] == [{"n": [{"a": 1}, {"a": 2}]}, {"n": 3}]
    first = tail.index(b'{"n":3}') - 1
    assert stretch.received_at(cut.events[0].end) == 1000 + first
    assert stretch.received_at(cut.events[1].end) == 1000 + len(tail) - 1


@pytest.mark.parametrize("tail", [b"", b"}", b'text"}]}]', b'{"a":1}, {"a":2}', b", {" * 1000])
def test_behind_a_gap_without_a_whole_item_there_is_nothing(tail: bytes) -> None:
    assert not ARRAY.cut(ARRAY.behind_gap(Stretch(tail, 10)).data).events


def test_behind_a_gap_the_first_line_is_left_out() -> None:
    stretch = LINES.behind_gap(Stretch(b'f":1}\n{"a":1}\n', 100))
    assert (stretch.data, stretch.start) == (b'{"a":1}\n', 106)
    assert LINES.behind_gap(Stretch(b'f":1', 100)).data == b""
