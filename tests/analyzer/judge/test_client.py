"""A call over a real socket: what comes back, and every way in which nothing does."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.judge.client import MAX_ANSWER_BYTES, Client, Reply, TlsError, check_certificates
from analyzer.judge.wire import Rejection, Sent
from config.judge import JudgeModel
from tests.fakes.certificates import make_pair, server_context_of

Serve = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(serve: Serve, ssl: Any = None) -> AsyncIterator[int]:
    """Reads a request with its body, and hands it over, again and again."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await serve(head + await reader.readexactly(length), reader, writer)
        writer.close()

    running = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=ssl)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def answering(body: bytes, status: str = "200 OK", headers: str = "") -> Serve:
    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return serve


def settings(url: str, **more: Any) -> JudgeModel:
    return JudgeModel.model_validate({"name": "j", "url": url, "model": "m", **more})


async def one_call(port: int, **more: Any) -> Reply | Rejection:
    client = Client(settings(f"http://127.0.0.1:{port}", **more))
    try:
        return await client.send(Sent(f"http://127.0.0.1:{port}/v1/x", {"content-type": "application/json"}, b"{}"))
    finally:
        await client.close()


async def test_status_headers_and_body_come_back() -> None:
    async with server(answering(b'{"a": 1}', "429 Slow", "Retry-After: 3\r\n")) as port:
        reply = await one_call(port)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (429, "3", b'{"a": 1}')


async def test_a_packed_answer_is_unpacked() -> None:
    async with server(answering(gzip.compress(b"hello" * 100), headers="content-encoding: gzip\r\n")) as port:
        reply = await one_call(port)
    assert isinstance(reply, Reply)
    assert reply.body == b"hello" * 100


async def test_connections_are_used_again() -> None:
    ports = set()

    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        await answering(b"{}")(request, reader, writer)

    async with server(serve) as port:
        client = Client(settings(f"http://127.0.0.1:{port}"))
        for _ in range(5):
            assert isinstance(await client.send(Sent(f"http://127.0.0.1:{port}/", {}, b"{}")), Reply)
        await client.close()
    assert len(ports) == 1


async def test_a_redirect_is_not_followed() -> None:
    async with server(answering(b"", "307 There", "location: http://127.0.0.1:9/\r\n")) as port:
        reply = await one_call(port)
    assert isinstance(reply, Reply)
    assert reply.status == 307


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with server(answering(b"{}")) as port:
        assert isinstance(await one_call(port), Reply)


async def test_silence_is_a_timeout_and_the_next_call_has_a_connection_of_its_own() -> None:
    silent = True

    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not silent:
            await answering(b"{}")(request, reader, writer)

    async with server(serve) as port:
        client = Client(settings(f"http://127.0.0.1:{port}", timeout={"total": "100ms"}))
        sent = Sent(f"http://127.0.0.1:{port}/", {}, b"{}")
        late = await client.send(sent)
        silent = False
        fine = await client.send(sent)
        await client.close()
    assert isinstance(late, Rejection)
    assert (late.failure.reason, late.is_about_judge, late.is_free) == ("timeout", False, False)
    assert isinstance(fine, Reply)


async def test_an_answer_that_drips_is_cut_at_the_total() -> None:
    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with server(serve) as port:
        late = await one_call(port, timeout={"total": "150ms"})
    assert isinstance(late, Rejection)
    assert late.failure.reason == "timeout"


async def test_nobody_there_costs_nothing() -> None:
    async with server(answering(b"")) as port:
        pass
    found = await one_call(port)
    assert isinstance(found, Rejection)
    assert (found.failure.reason, found.is_about_judge, found.is_free) == ("connect_error", True, True)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", b"garbage\r\n\r\n"])
async def test_a_connection_that_breaks_may_have_cost_something(said: bytes) -> None:
    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    async with server(serve) as port:
        found = await one_call(port)
    assert isinstance(found, Rejection)
    assert (found.failure.reason, found.is_about_judge, found.is_free) == ("connect_error", True, False)


@pytest.mark.parametrize("is_packed", [False, True])
async def test_an_endless_answer_is_given_up(is_packed: bool) -> None:
    """Packed a megabyte is a thousand bytes: what counts is what it becomes."""
    body = b"x" * (MAX_ANSWER_BYTES + 1)
    headers = "content-encoding: gzip\r\n" if is_packed else ""
    async with server(answering(gzip.compress(body) if is_packed else body, headers=headers)) as port:
        found = await one_call(port)
    assert isinstance(found, Rejection)
    assert (found.failure.reason, found.is_about_judge) == ("unparsable", False)


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with server(serve) as port:
        client = Client(settings(f"http://127.0.0.1:{port}"))
        call = asyncio.get_running_loop().create_task(client.send(Sent(f"http://127.0.0.1:{port}/", {}, b"{}")))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not client._idle
        await client.close()


async def test_a_judge_proves_who_it_is_by_the_named_file(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    async with server(answering(b"{}"), ssl=server_context_of(pair)) as port:
        sent = Sent(f"https://127.0.0.1:{port}/", {}, b"{}")
        found = {}
        for name, tls in {
            "trusted": {"ca": str(pair.cert)},
            "by name": {"ca": str(pair.cert), "server_name": "localhost"},
            "other name": {"ca": str(pair.cert), "server_name": "elsewhere"},
            "unknown": {},
            "unchecked": {"verify": False},
        }.items():
            client = Client(settings(f"https://127.0.0.1:{port}", tls=tls))
            found[name] = await client.send(sent)
            await client.close()
    assert {name for name, reply in found.items() if isinstance(reply, Reply)} == {"trusted", "by name", "unchecked"}
    for name in ("other name", "unknown"):
        refused = found[name]
        assert isinstance(refused, Rejection)
        assert (refused.failure.reason, refused.is_free) == ("connect_error", True)


@pytest.mark.parametrize("content", [None, b"not PEM"])
def test_a_file_without_certificates_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TlsError, match=r"ca\.pem: "):
        check_certificates(settings("https://judge", tls={"ca": str(file)}))
    check_certificates(settings("https://judge"))
