"""Server-sent events: the standard's own examples, any line end, any cut, any garbage."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.errors import WireError
from proxy.wire.sse import Event, SseParser

# Bytes that mean something to the format are frequent, so that cuts fall between them.
_STREAM_BYTES = st.lists(
    st.sampled_from(
        [
            b"data",
            b"event",
            b"id",
            b":",
            b": ",
            b" ",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\r\r",
            b"\xef\xbb\xbf",
            b"x",
            "ä😀".encode(),
            b"data: {}\n\n",
            b"data: y\r\n\r\n",
            b"\xff",
            b"\x00",
        ]
    ),
    max_size=40,
).map(b"".join)


def read(pieces: list[bytes], limit: int = 1 << 20) -> tuple[list[Event], int, Event | None]:
    parser = SseParser(max_event_bytes=limit)
    events = [event for piece in pieces for event in parser.feed(piece)]
    events += parser.finish()
    return events, parser.comments, parser.unfinished()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        # WHATWG HTML, section 9.2.6, "Interpreting an event stream": the examples given there.
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [b"first event", b"second event", b" third event"],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
    ],
)
def test_the_examples_of_the_standard_read_as_it_says(stream: bytes, expected: list[bytes]) -> None:
    assert [event.data for event in read([stream])[0]] == expected


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_the_three_line_ends_mean_the_same(line_end: bytes) -> None:
    lines = [b": hello", b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""]
    events, comments, _ = read([line_end.join(lines)])
    assert [(e.name, e.data) for e in events] == [(b"a", b"1\n2"), (b"", b"3")]
    assert comments == 1
    assert events[0].end == len(line_end.join(lines[:5]) + line_end)
    assert events[-1].end == len(line_end.join(lines))


@given(stream=_STREAM_BYTES, places=st.lists(st.integers(0, 400), max_size=8))
def test_the_same_events_come_out_however_the_bytes_are_cut(stream: bytes, places: list[int]) -> None:
    """Whole, one byte at a time, and cut anywhere: events, offsets, comments and the unfinished rest agree."""
    whole = read([stream])
    assert read([stream[i : i + 1] for i in range(len(stream))]) == whole
    assert read(cut(stream, places)) == whole


@given(stream=st.one_of(st.binary(max_size=300), _STREAM_BYTES), limit=st.integers(1, 40))
def test_a_long_event_is_refused_however_it_is_cut(stream: bytes, limit: int) -> None:
    """Garbage raises nothing but WireError, and the same bytes are refused whole and in pieces."""

    def outcome(pieces: list[bytes]) -> object:
        try:
            return read(pieces, limit)
        except WireError:
            return "refused"

    assert outcome([stream]) == outcome([stream[i : i + 1] for i in range(len(stream))])


@given(stream=_STREAM_BYTES)
def test_offsets_rise_and_stay_inside_the_stream(stream: bytes) -> None:
    ends = [event.end for event in read([stream])[0]]
    assert ends == sorted(set(ends))
    assert all(0 < end <= len(stream) for end in ends)


def test_keep_alive_comments_are_counted_and_never_too_long() -> None:
    """A server may send them for hours: they are no event, and no limit on an event concerns them."""
    events, comments, rest = read([b": ping\n" * 1000], limit=50)
    assert (events, comments, rest) == ([], 1000, None)


def test_what_lacks_its_blank_line_can_be_looked_at() -> None:
    events, _, rest = read([b"data: a\n\nevent: x\ndata: b"])
    assert [event.data for event in events] == [b"a"]
    assert rest == Event(b"b", b"x", 25)
    assert read([b"data: a\n\n"])[2] is None
