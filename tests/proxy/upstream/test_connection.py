"""How responses are framed: the same whatever the cuts, and never by what was not asked for."""

import asyncio
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.exchange import Response


class Transport:
    """Takes everything, closes when told."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Owner:
    def __init__(self) -> None:
        self.idle_count = 0
        self.faults: list[BaseException] = []

    def idle(self, connection: UpstreamConnection) -> None:
        self.idle_count += 1

    def lost(self, connection: UpstreamConnection) -> None:
        pass

    def fault(self, error: BaseException) -> None:
        self.faults.append(error)


class Heard:
    """Everything an exchange was told."""

    def __init__(self) -> None:
        self.heads: list[int] = []
        self.last = Response()
        self.body = b""
        self.end: str | None = None

    def is_request_out(self) -> bool:
        return True

    def response_head(self, response: Response, now_ns: int) -> None:
        self.heads.append(response.status)
        self.last = response

    def response_data(self, data: bytes, now_ns: int) -> None:
        self.body += data

    def response_end(self, now_ns: int) -> None:
        self.end = "whole"

    def response_broken(self, reason: str, now_ns: int, *, seen_any: bool) -> None:
        self.end = "broken"

    def request_blocked(self) -> None:
        pass

    def request_flowing(self, now_ns: int) -> None:
        pass


def exchange(
    pieces: list[bytes],
    *,
    head_request: bool = False,
    upgrade: bool = False,
    closed: bool = False,
    heard: Heard | None = None,
) -> tuple[Heard, Owner]:
    owner, told = Owner(), heard or Heard()
    connection = UpstreamConnection(owner)
    connection.connection_made(cast("asyncio.BaseTransport", Transport()))
    connection.carry(told, head_request=head_request, upgrade=upgrade)
    for piece in pieces:
        connection.data_received(piece)
    if closed:
        connection.connection_lost(None)
    return told, owner


def cut(data: bytes, points: list[int]) -> list[bytes]:
    marks = [0, *sorted(p % (len(data) + 1) for p in points), len(data)]
    return [data[a:b] for a, b in pairwise(marks) if a < b]


OK = b"HTTP/1.1 200 OK\r\n"
CASES: list[tuple[bytes, bool, bool, bytes, str | None, int]] = [
    # bytes, HEAD?, does the connection end?, body, end, is the connection kept?
    (OK + b"Content-Length: 5\r\n\r\nhello", False, False, b"hello", "whole", 1),
    (OK + b"Content-Length: 0\r\n\r\n", False, False, b"", "whole", 1),
    (OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello", False, False, b"hello", "whole", 0),
    (OK + b"Content-Length: 5\r\n\r\nhell", False, False, b"hell", None, 0),
    (OK + b"Content-Length: 5\r\n\r\nhell", False, True, b"hell", "broken", 0),
    (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: 1\r\n\r\n",
        False,
        False,
        b"abcde",
        "whole",
        1,
    ),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", False, True, b"ab", "broken", 0),
    (OK + b"\r\nto the end", False, True, b"to the end", "whole", 0),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", False, False, b"ab", "whole", 0),
    (b"HTTP/1.1 204 No Content\r\n\r\n", False, False, b"", "whole", 1),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", False, False, b"", "whole", 1),
    (OK + b"Content-Length: 5\r\n\r\n", True, False, b"", "whole", 1),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n", True, False, b"", "whole", 1),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", False, False, b"x", "whole", 1),
    (b"SSH-2.0-x\r\n\r\n", False, False, b"", "broken", 0),
    (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", False, False, b"", "broken", 0),
    (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", False, False, b"", "broken", 0),
    (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False, False, b"", "broken", 0),
    (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False, False, b"", "broken", 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case[0][:60]))
@given(points=st.lists(st.integers(0, 200), max_size=6))
def test_a_response_is_framed_alike_however_it_is_cut(
    case: tuple[bytes, bool, bool, bytes, str | None, int], points: list[int]
) -> None:
    data, head_request, closed, body, end, kept = case
    heard, owner = exchange(cut(data, points), head_request=head_request, closed=closed)
    assert (heard.body, heard.end, owner.idle_count) == (body, end, kept)


@pytest.mark.parametrize(
    ("data", "head_request"),
    [
        (OK + b"Content-Length: 1\r\n\r\nx" + OK + b"Content-Length: 4\r\n\r\nevil", False),
        (OK + b"Content-Length: 1\r\n\r\nxy", False),
        (OK + b"Content-Length: 5\r\n\r\nhello", True),
    ],
)
def test_what_was_not_asked_for_is_not_delivered_and_ends_the_connection(data: bytes, head_request: bool) -> None:
    heard, owner = exchange([data], head_request=head_request)
    assert heard.heads == [200]
    assert heard.body == (b"" if head_request else b"x")
    assert (heard.end, owner.idle_count) == ("whole", 0)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_garbage_never_raises(data: bytes, points: list[int]) -> None:
    heard, owner = exchange(cut(OK + data, points), closed=True)
    assert heard.end is not None
    assert owner.faults == []


def test_a_head_without_end_is_given_up() -> None:
    heard, _ = exchange([OK + b"X: " + b"a" * 60_000] + [b"a" * 60_000] * 5)
    assert heard.end == "broken"


def test_a_fault_of_ours_is_reported_as_one() -> None:
    class Faulty(Heard):
        def response_head(self, response: Response, now_ns: int) -> None:
            raise ZeroDivisionError

    heard, owner = exchange([OK + b"Content-Length: 1\r\n\r\nx"], heard=Faulty())
    assert heard.end == "broken"
    assert [type(fault) for fault in owner.faults] == [ZeroDivisionError]


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@given(points=st.lists(st.integers(0, 200), max_size=6))
def test_trailers_are_kept_apart_from_headers_however_they_are_cut(points: list[int]) -> None:
    data = CHUNKED + b"2\r\nab\r\n0\r\nX-Sum: 1\r\nExpires: 9\r\n\r\n"
    heard, owner = exchange(cut(data, points))
    assert (heard.body, heard.end, owner.idle_count) == (b"ab", "whole", 1)
    assert heard.last.trailers == [(b"X-Sum", b"x-sum", b"1"), (b"Expires", b"expires", b"9")]
    assert [name for name, _, _ in heard.last.headers] == [b"Transfer-Encoding"]


@pytest.mark.parametrize("field", [b"Transfer-Encoding: c%hunked", b"transfer-encoding: chunked"])
def test_behind_framing_in_a_trailer_the_answer_is_whole_and_the_connection_not_used_again(field: bytes) -> None:
    heard, owner = exchange([CHUNKED + b"2\r\nab\r\n0\r\n" + field + b"\r\n\r\n"])
    assert (heard.body, heard.end, owner.idle_count) == (b"ab", "whole", 0)


def test_trailers_beyond_their_bound_break_the_response() -> None:
    small = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(20))
    heard, owner = exchange([CHUNKED + b"2\r\nab\r\n0\r\n" + small + b"\r\n"])
    assert (heard.end, owner.idle_count) == ("broken", 0)


@pytest.mark.parametrize("endless", [b"4;" + b"a" * 50_000, b"0\r\nX: " + b"a" * 50_000])
def test_what_is_no_body_is_bounded(endless: bytes) -> None:
    heard, _ = exchange([CHUNKED, endless, *[b"a" * 50_000] * 5])
    assert heard.end == "broken"


def test_interim_heads_are_bounded_together() -> None:
    heard, _ = exchange([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000] * 12)
    assert heard.end == "broken"


def test_a_large_body_right_behind_a_head_is_no_large_head() -> None:
    heard, _ = exchange([OK + b"Content-Length: 400000\r\n\r\n" + b"x" * 400_000])
    assert (heard.end, len(heard.body)) == ("whole", 400_000)


SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@given(points=st.lists(st.integers(0, 200), max_size=6))
def test_after_a_change_of_protocol_bytes_come_as_they_are(points: list[int]) -> None:
    frames = b"\x81\x02hiHTTP/1.1 500 No\r\n\r\n\x00\xff"
    heard, owner = exchange(cut(SWITCHING + frames, points), upgrade=True, closed=True)
    assert (heard.heads, heard.body, heard.end, owner.idle_count) == ([101], frames, "whole", 0)


def test_a_change_of_protocol_that_nobody_asked_for_breaks_the_response() -> None:
    heard, owner = exchange([SWITCHING + b"\x81\x02hi"])
    assert (heard.body, heard.end, owner.idle_count) == (b"", "broken", 0)


def test_a_refused_change_of_protocol_is_an_ordinary_response() -> None:
    heard, owner = exchange([OK + b"Upgrade: websocket\r\nContent-Length: 2\r\n\r\nno"], upgrade=True)
    assert (heard.heads, heard.body, heard.end, owner.idle_count) == ([200], b"no", "whole", 1)
