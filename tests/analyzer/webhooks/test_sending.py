"""One attempt, over loopback, and every way in which it ends."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from analyzer.webhooks.backoff import Answer
from analyzer.webhooks.sending import host_of, send
from tests.fakes.certificates import make_pair, server_context_of
from tests.fakes.webhook import Came, WebhookReceiver

HEADERS = {"content-type": "application/json", "x-own": "1"}


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that knows none, at once; addresses are none."""
    own = socket.getaddrinfo

    def look_up(host: object, *more: Any, **named: Any) -> Any:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return own("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com/services/T0/S3CRET", "hooks.example.com"),
        ("https://me:s3cret@hooks.example.com:8443/x?token=s3cret", "hooks.example.com:8443"),
        ("http://[::1]:8080/x", "[::1]:8080"),
        ("http://[::1]/x", "[::1]"),
        ("http://10.0.0.1", "10.0.0.1"),
    ],
)
def test_of_an_address_the_host_is_told_and_nothing_else(url: str, host: str) -> None:
    assert host_of(url) == host


async def test_an_attempt_is_a_post_of_these_bytes() -> None:
    async with WebhookReceiver() as receiver:
        assert await send(receiver.url, HEADERS, b'{"a": 1}', 5.0) == Answer(200, "status 200")
    (came,) = receiver.came
    assert (came.path, came.body) == ("/services/T0/S3CRET?token=S3CRET", b'{"a": 1}')
    assert (came.headers["x-own"], came.headers["content-length"]) == ("1", "8")


async def test_a_redirection_is_an_answer_and_nobody_else_is_told() -> None:
    def moved(came: Came) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with WebhookReceiver(moved) as receiver:
        answer = await send(receiver.url, HEADERS, b"{}", 5.0)
    assert answer == Answer(307, "status 307, a redirection, which is not followed")
    assert len(receiver.came) == 1


@pytest.mark.parametrize(
    ("told", "after_s"), [("30", 30.0), ("0", 0.0), ("never", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
async def test_a_told_wait_is_heard(told: str, after_s: float | None) -> None:
    def busy(_came: Came) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": told})

    async with WebhookReceiver(busy) as receiver:
        assert await send(receiver.url, HEADERS, b"{}", 5.0) == Answer(429, "status 429", after_s)


async def test_a_webhook_that_does_not_answer_is_given_its_time_and_no_more() -> None:
    forever = asyncio.Event()

    async def hang(_came: Came) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    async with WebhookReceiver(hang) as receiver:
        assert await send(receiver.url, HEADERS, b"{}", 0.2) == Answer(None, "no answer within 0.2 s")
        forever.set()


async def test_the_body_of_an_answer_is_not_waited_for() -> None:
    """Neither a long one nor one that never ends."""
    forever = asyncio.Event()

    async def drip(came: Came) -> web.StreamResponse:
        response = web.StreamResponse(status=204 if came.body == b"1" else 200)
        response.enable_chunked_encoding()
        request = requests.pop()
        await response.prepare(request)
        await response.write(b"x" * 1024)
        await forever.wait()
        return response

    requests: list[web.Request] = []

    async def keep(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        return await drip(Came(request.path, {}, await request.read()))

    app = web.Application()
    app.router.add_post("/", keep)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    answer = await send(f"http://127.0.0.1:{runner.addresses[0][1]}/", HEADERS, b"2", 5.0)
    assert answer == Answer(200, "status 200")
    forever.set()
    await runner.cleanup()


async def test_nobody_listens() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/S3CRET"
        assert await send(url, HEADERS, b"{}", 5.0) == Answer(None, "no connection: connection refused")


async def test_a_host_that_nobody_knows(no_names: None) -> None:
    answer = await send("https://hooks.invalid/S3CRET", HEADERS, b"{}", 5.0)
    assert answer == Answer(None, "no connection: nobody knows the name of the host")


async def test_a_connection_that_is_dropped_is_no_answer() -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/S3CRET"
        assert await send(url, HEADERS, b"{}", 5.0) == Answer(None, "no answer: RemoteProtocolError")


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with WebhookReceiver(tls=server_context_of(make_pair(tmp_path))) as receiver:
        answer = await send(receiver.url, HEADERS, b"{}", 5.0)
    assert answer.status is None
    assert answer.detail == "no connection: its certificate: self-signed certificate"
    assert receiver.came == []


async def test_authorities_of_the_environment_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An own certificate is made known as to every program: by `SSL_CERT_FILE`."""
    pair = make_pair(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.cert))
    async with WebhookReceiver(tls=server_context_of(pair)) as receiver:
        assert (await send(receiver.url, HEADERS, b"{}", 5.0)).is_taken


async def test_a_proxy_of_the_environment_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with WebhookReceiver() as receiver:
        assert (await send(receiver.url, HEADERS, b"{}", 5.0)).is_taken


async def test_credentials_of_an_address_are_sent_and_not_told() -> None:
    async with WebhookReceiver(lambda _: web.Response(status=401)) as receiver:
        answer = await send(receiver.url.replace("127", "me:s3cret@127", 1), HEADERS, b"{}", 5.0)
    assert receiver.came[0].headers["authorization"] == "Basic bWU6czNjcmV0"
    assert answer == Answer(401, "status 401")


@pytest.mark.parametrize("host", ["xn--", "[v1.x]", "%zz", "a..b", "127.0.0.1:99999"])
async def test_an_address_that_cannot_be_one_is_no_surprise(host: str, no_names: None) -> None:
    answer = await send(f"http://{host}/S3CRET", HEADERS, b"{}", 5.0)
    assert answer.status is None
    assert answer.detail.startswith(("it cannot be called", "no connection"))
    assert "S3CRET" not in answer.detail
