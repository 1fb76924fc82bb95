"""Bytes of people who mean harm: bounded in memory, in time, and in what they cost."""

import asyncio
import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.serve.request import Request
from tests.proxy.harness import Client, answering, bench, ok, raw_upstream

if TYPE_CHECKING:
    from proxy.serve.reader import RequestReader
else:
    # From its source: a class of a test cannot inherit from a compiled one.
    _SOURCE = Path(__file__).resolve().parents[3] / "proxy/serve/reader.py"
    _SPEC = importlib.util.spec_from_file_location("reader_from_source", _SOURCE)
    _MODULE = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(_MODULE)
    RequestReader = _MODULE.RequestReader

CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Heard(RequestReader):
    """Keeps what a reader says."""

    def __init__(self) -> None:
        super().__init__(2**16, 2**26)
        self.requests: list[Request] = []
        self.sizes: list[int] = []
        self.trailers = 0
        self.ended = 0
        self.refusals: list[int] = []

    def has_room(self) -> bool:
        return not self.refusals

    def request_began(self, request: Request) -> None:
        self.requests.append(request)

    def body_arrived(self, data: bytes) -> None:
        self.sizes.append(len(data))

    def trailer_arrived(self, name: bytes, low: bytes, value: bytes) -> None:
        self.trailers += 1

    def request_ended(self) -> None:
        self.ended += 1

    def refused(self, reason: str, status: int, message: str) -> None:
        self.refusals.append(status)

    def failed(self, error: BaseException) -> None:
        raise error


def read(data: bytes, size: int = 2**18) -> Heard:
    """In reads of `size`, until it is refused."""
    heard = Heard()
    for at in range(0, len(data), size):
        heard.feed(data[at : at + size])
        if heard.refusals:
            break
    return heard


@pytest.mark.parametrize(
    "size",
    [
        b"ffffffffffffffff",
        b"10000000000000000",
        b"fffffffffffffffff",
        b"7fffffffffffffff",
        b"4000001",
        b"-1",
        b"0x10",
        b"",
    ],
)
def test_a_chunk_larger_than_any_body_is_refused_at_the_latest_with_its_bytes(size: bytes) -> None:
    heard = read(CHUNKED + size + b"\r\n" + b"a" * (2**26 + 1))
    assert heard.refusals[0] in {400, 413}
    assert sum(heard.sizes) <= 2**26


@pytest.mark.parametrize("reads", [1, 100, 2**14, 2**18])
@pytest.mark.parametrize(
    "endless",
    [b"a;" + b"x" * 2**18, b"0\r\n" + b"T: 1\r\n" * 2**16, b"0\r\nT: " + b"v" * 2**18, b"0\r\n" + b"n" * 2**18],
)
def test_chunk_extensions_and_trailers_end_where_the_limit_of_a_head_does(endless: bytes, reads: int) -> None:
    heard = read(CHUNKED + endless, reads)
    assert heard.refusals[0] == 431
    assert heard.trailers <= 2**18 / 6


def test_framing_that_its_body_justifies_passes() -> None:
    """A million chunks of a byte, and large chunks with a signature each, as some storage clients send them."""
    tiny = read(CHUNKED + b"1\r\na\r\n" * 1_000_000 + b"0\r\n\r\n")
    assert (sum(tiny.sizes), tiny.ended, tiny.refusals) == (1_000_000, 1, [])
    signed = b"2000;chunk-signature=%b\r\n%b\r\n" % (b"f" * 64, b"a" * 0x2000)
    large = read(CHUNKED + signed * 500 + b"0\r\n\r\n")
    assert (sum(large.sizes), large.ended, large.refusals) == (500 * 0x2000, 1, [])


def test_the_limit_of_a_head_holds_for_the_head_alone_however_it_is_cut() -> None:
    def request(padding: int) -> bytes:
        return (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\nX: %b\r\n\r\n" % (b"a" * padding) + b"b" * 70_000
        )

    for size in (1000, 2**14, 2**18):
        assert read(request(65_000) * 3, size).refusals == []
        assert read(request(200) + request(66_000), size).refusals[0] == 431


def test_thousands_of_headers_are_read_or_refused_by_their_size() -> None:
    fits = read(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 15_000 + b"\r\n")
    assert len(fits.requests[0].headers) == 15_001
    assert read(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 17_000 + b"\r\n").refusals[0] == 431


def test_blank_lines_before_a_request_are_bounded_like_its_head() -> None:
    assert read(b"\r\n" * 100 + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").ended == 1
    assert read(b"\r\n" * 2**16, 1000).refusals[0] == 431


@pytest.mark.parametrize(
    "line",
    [
        b"X: a\rb",
        b"X: a\nb",
        b"X: a\x00b",
        b"X\x00: a",
        b"X : a",
        b" X: a",
        b"X: a\r\n folded",
        b"X",
        b": a",
        b"X\xff: a",
        b"(X): a",
        b"Host: y",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1, 1",
        b"Content-Length: 1 1",
        b"Content-Length: -1",
        b"Content-Length: 1_0",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\x00",
        b'Transfer-Encoding: "chunked"',
    ],
)
def test_a_head_that_two_readers_may_take_differently_is_refused(line: bytes) -> None:
    heard = read(b"POST / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
    assert heard.refusals[0] == 400
    assert heard.requests == []


@pytest.mark.parametrize("host", [b"a b", b"a,b", b"a/b", b"a@b", b"a\tb", b"http://a", b"a?b", b"\xff"])
def test_a_host_that_is_no_name_is_refused(host: bytes) -> None:
    assert read(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host).refusals == [400]


@pytest.mark.parametrize("host", [b"a.example:8080", b"[::1]:80", b"xn--bcher-kva.example", b"a_b", b"", b" a "])
def test_a_host_that_is_a_name_or_an_address_passes(host: bytes) -> None:
    heard = read(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
    assert (heard.refusals, heard.requests[0].host) == ([], host.strip())


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"http://h", b"/"),
        (b"HTTPS://h/a%2Fb?c=%20", b"/a%2Fb?c=%20"),
        (b"http://h?a=b", b"/?a=b"),
        (b"//h/a", b"//h/a"),
        (b"/a?b=http://c/d", b"/a?b=http://c/d"),
    ],
)
def test_a_whole_address_is_asked_for_by_its_path(target: bytes, path: bytes) -> None:
    assert read(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target).requests[0].target == path


@pytest.mark.parametrize("target", [b"http://", b"http:///a", b"ftp://h/a", b"h:80", b"http://u@h/a"])
def test_a_target_that_is_no_path_of_ours_is_refused(target: bytes) -> None:
    assert read(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target).refusals == [400]


async def dribble(client: Client, data: bytes, every_s: float) -> bytes:
    """Sends byte after byte until the connection ends; what was answered."""
    answered = asyncio.get_running_loop().create_task(client.rest())
    for byte in data:
        if answered.done():
            break
        client.send(bytes([byte]))
        await asyncio.sleep(every_s)
    return await answered


async def test_a_head_that_dribbles_is_refused_by_its_total_time() -> None:
    timeout = {"head": "300ms", "body": "300ms", "idle": "30s"}
    async with bench(answering(ok(b"{}")), listen={"timeout": timeout}) as b:
        fresh, used = await b.client(), await b.client()
        used.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await used.response()
        for client in (fresh, used):
            answer = await dribble(client, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100, 0.02)
            assert answer.startswith(b"HTTP/1.1 408 ")
        assert b.figure('shadowbench_client_requests_refused_total{reason="timeout"}') == 2
        assert len(b.primary.requests) == 1


async def test_a_body_that_stops_is_refused_and_one_that_goes_on_is_not() -> None:
    timeout = {"head": "5s", "body": "400ms", "idle": "30s"}
    async with bench(
        answering(ok(b"{}")), listen={"timeout": timeout}, primary={"timeout": {"first_byte": "300ms"}}
    ) as b:
        slow, stops = await b.client(), await b.client()
        for client in (slow, stops):
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        stops.send(b"abc")
        for byte in b"0123456789":
            slow.send(bytes([byte]))
            await asyncio.sleep(0.1)
        assert (await slow.response())[0].startswith(b"HTTP/1.1 200 ")
        assert (await stops.rest()).startswith(b"HTTP/1.1 408 ")
        assert [request.body for request in b.primary.requests] == [b"0123456789"]


async def test_a_primary_that_takes_no_more_of_a_body_is_not_the_clients_fault() -> None:
    async def takes_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(5)

    limits = {"head": "5s", "body": "200ms", "idle": "30s"}
    async with raw_upstream(takes_nothing) as primary:
        settings = {**primary, "timeout": {"first_byte": "500ms"}}
        async with bench(answering(b""), primary=settings, listen={"timeout": limits}) as b:
            client = await b.client()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n")
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(0.3):
                    for _ in range(60):
                        client.send(b"a" * 1_000_000)
                        await client.writer.drain()
            assert (await client.response())[0].startswith(b"HTTP/1.1 504 ")


async def test_a_connection_without_a_request_is_closed_without_a_word() -> None:
    async with bench(answering(ok(b"{}")), listen={"timeout": {"head": "5s", "body": "5s", "idle": "200ms"}}) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.response())[1] == b"{}"
        assert await client.rest() == b""
