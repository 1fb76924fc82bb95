"""An upstream proves who it is, or gets nothing; what went wrong is told in words, once."""

import asyncio
import ssl
from pathlib import Path

import pytest

from proxy.upstream.tls import tls_context, tls_of
from proxy.wire.heads import Origin
from record.outcome import Outcome
from tests.fakes.certificates import Pair, make_pair, server_context_of, trusting
from tests.proxy.upstream.asking import upstream

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_context(pair: Pair) -> ssl.SSLContext:
    return server_context_of(pair)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)


async def test_a_certificate_of_the_given_authority_is_trusted_and_http_1_1_agreed(
    pair: Pair, server_context: ssl.SSLContext
) -> None:
    agreed: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answer(reader, writer)

    async with upstream(serve, tls=trusting(pair), server_context=server_context) as up:
        first, second = await up.ask(), await up.ask()
        assert (first.body, first.outcome, first.reused) == (b"ok", Outcome.OK, False)
        assert (second.body, second.outcome, second.reused) == (b"ok", Outcome.OK, True)
        assert agreed == ["http/1.1"]
        assert up.told == []


async def test_without_verification_any_certificate_will_do(server_context: ssl.SSLContext) -> None:
    async with upstream(answer, tls=trusting(None, "other.example", verify=False), server_context=server_context) as up:
        assert (await up.ask()).outcome is Outcome.OK


async def test_a_server_that_does_not_speak_tls_is_a_connect_error(pair: Pair) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with upstream(serve, tls=trusting(pair)) as up:
        leg = await up.ask()
        assert (leg.outcome, leg.failure) == (Outcome.CONNECT_ERROR, "TLS failed: wrong version number")


async def test_a_handshake_that_hangs_ends_with_the_time_limit_of_connecting(pair: Pair) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with upstream(serve, tls=trusting(pair), timeout_s=0.1) as up:
        leg = await up.ask()
        assert (leg.outcome, leg.failure) == (Outcome.TIMEOUT, "no connection within 0.1 s")


def test_nothing_older_than_tls_1_2_is_spoken_and_verification_is_the_default() -> None:
    context = tls_context(None, verify=True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_file_that_is_not_there_or_holds_no_certificates_is_named_in_one_line(tmp_path: Path) -> None:
    missing, other = tmp_path / "missing.pem", tmp_path / "other.pem"
    other.write_text("not a certificate")
    for file, why in ((missing, "No such file or directory"), (other, "no certificates in PEM form are in it")):
        with pytest.raises(ValueError, match=why) as caught:
            tls_context(str(file), verify=True)
        assert str(caught.value) == f"{file}: {why}"


def test_plain_http_needs_no_tls_and_the_name_is_the_hosts_unless_another_is_given() -> None:
    assert tls_of(Origin.parse("http://a"), ca=None, server_name=None, verify=True) is None
    for given, name in ((None, "a.example"), ("b.example", "b.example")):
        made = tls_of(Origin.parse("https://a.example/v1"), ca=None, server_name=given, verify=True)
        assert made is not None
        assert made.server_name == name
