"""TLS towards clients: who gets in, with which certificate, and what becomes of who does not."""

import asyncio
import contextlib
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.certificates import Pair, make_pair
from tests.proxy.harness import Bench, Client, answering, bench, chat, ok

ANSWER = ok(b'{"choices":[]}')
REQUEST = chat(b'{"model":"m","messages":[]}')


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


@contextlib.asynccontextmanager
async def tls_bench(pair: Pair, **more: Any) -> AsyncIterator[Bench]:
    tls = {"cert": str(pair.cert), "key": str(pair.key)}
    async with bench(answering(ANSWER), listen={"tls": tls, **more}) as b:
        yield b


def trusting(pair: Pair, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pair.cert))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


async def connect(b: Bench, context: ssl.SSLContext) -> Client:
    reader, writer = await asyncio.open_connection("127.0.0.1", b.port, ssl=context, server_hostname="localhost")
    return Client(reader, writer)


def serial(client: Client) -> str:
    found: str = client.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
    return found


def figure(b: Bench, name: str) -> int:
    assert b.worker is not None
    b.worker._generations.update()
    figures = b.worker.newest.figures
    return figures.get(figures.index(name))


async def until_failed(b: Bench, count: int) -> None:
    async with asyncio.timeout(5):
        while figure(b, "shadowbench_client_handshakes_failed_total") < count:
            await asyncio.sleep(0.01)


async def test_a_client_is_served_over_tls_with_http_1_1(pair: Pair) -> None:
    async with tls_bench(pair) as b:
        client = await connect(b, trusting(pair, ("h2", "http/1.1")))
        assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        for _ in range(2):
            client.send(REQUEST)
            assert (await client.response())[1] == b'{"choices":[]}'
        client.close()


async def test_versions_before_1_2_are_refused_and_counted(pair: Pair) -> None:
    context = trusting(pair)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with tls_bench(pair) as b:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(b, context)
        await until_failed(b, 1)
        assert figure(b, "shadowbench_client_connections_open") == 0


async def test_plain_http_on_the_tls_port_ends_cleanly_and_is_counted(
    pair: Pair, capfd: pytest.CaptureFixture[str]
) -> None:
    async with tls_bench(pair) as b:
        client = await b.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/1.1 200" not in await client.rest()
        await until_failed(b, 1)
        assert figure(b, "shadowbench_internal_errors_total") == 0
    assert "Traceback" not in capfd.readouterr().err


async def test_tls_on_the_plain_port_gets_400_and_is_counted(pair: Pair) -> None:
    async with bench(answering(ANSWER)) as b:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(b, trusting(pair))
        assert figure(b, 'shadowbench_client_requests_refused_total{reason="bad_request"}') == 1
        assert figure(b, "shadowbench_internal_errors_total") == 0


async def test_a_client_that_never_ends_its_handshake_is_let_go(pair: Pair) -> None:
    """By the limit for a head; a stop does not wait for it either."""
    async with tls_bench(pair, timeout={"head": "200ms"}) as b:
        client = await b.client()
        assert await client.rest() == b""


async def test_a_new_certificate_is_for_new_connections_and_drops_none(pair: Pair, tmp_path: Path) -> None:
    async with tls_bench(pair) as b:
        assert b.worker is not None
        old = await connect(b, trusting(pair))
        (tmp_path / "next").mkdir()
        newer = make_pair(tmp_path / "next", serial=2)
        trust = trusting(newer)
        shutil.copy(newer.cert, pair.cert)
        shutil.copy(newer.key, pair.key)
        assert b.worker.reload(b.worker.config, 1) is None
        new = await connect(b, trust)
        assert (serial(old), serial(new)) == ("01", "02")
        for client in (old, new):
            client.send(REQUEST)
            assert (await client.response())[0].startswith(b"HTTP/1.1 200")
            client.close()


async def test_a_key_that_does_not_fit_is_refused_and_the_old_pair_stays(pair: Pair, tmp_path: Path) -> None:
    async with tls_bench(pair) as b:
        assert b.worker is not None
        (tmp_path / "next").mkdir()
        shutil.copy(make_pair(tmp_path / "next", serial=2).key, pair.key)
        said = b.worker.reload(b.worker.config, 1)
        assert said == f"{pair.key} does not belong to the certificate {pair.cert}; the configuration in force stays"
        client = await connect(b, trusting(pair))
        client.send(REQUEST)
        assert (await client.response())[0].startswith(b"HTTP/1.1 200")
        client.close()


async def test_a_stop_ends_tls_connections_within_its_bounds(pair: Pair) -> None:
    """A client that does not answer the goodbye keeps nobody waiting."""
    async with tls_bench(pair) as b:
        assert b.worker is not None
        client = await connect(b, trusting(pair))
        client.send(REQUEST)
        await client.response()
        with socket.create_connection(("127.0.0.1", b.port)):  # in the middle of its handshake
            async with asyncio.timeout(4):
                await b.worker.close(3.0)
        b.worker = None
        client.close()
