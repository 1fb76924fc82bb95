"""An upstream that cannot prove who it is gets nothing, and TLS loses nothing that TCP would not."""

import asyncio
import ssl

import pytest

from record.outcome import Outcome
from tests.fakes.certificates import Pair, make_pair, server_context_of, trusting
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.upstream.asking import GET, Asking, upstream

CONNECTION = "proxy/upstream/connection.py"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_context(pair: Pair) -> ssl.SSLContext:
    return server_context_of(pair)


@protected_by(Mutation("proxy/upstream/tls.py", "    if not verify:\n", "    if verify:\n"))
@pytest.mark.parametrize(
    ("trusts", "name", "reason"),
    [
        (False, "localhost", "its certificate is not trusted: self-signed certificate"),
        (True, "other.example", "its certificate is for another name: "),
        (True, "127.0.0.2", "its certificate is for another name: "),
    ],
)
async def test_an_upstream_that_cannot_prove_who_it_is_gets_nothing_and_is_told_of_once(
    trusts: bool, name: str, reason: str, pair: Pair, server_context: ssl.SSLContext
) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(10))

    async with upstream(serve, tls=trusting(pair if trusts else None, name), server_context=server_context) as up:
        legs = [await up.ask() for _ in range(5)]
        assert {leg.outcome for leg in legs} == {Outcome.CONNECT_ERROR}
        assert all(leg.failure.startswith(reason) for leg in legs), legs[0].failure
        assert len(up.told) == 1
        assert b"".join(got) == b""


@protected_by(Mutation(CONNECTION, "        self.reading.transport = raw\n", ""))
async def test_nothing_is_lost_of_an_answer_that_is_held_while_the_server_leaves(
    pair: Pair, server_context: ssl.SSLContext
) -> None:
    """The loop's TLS drops what it has decrypted when it is paused and the connection ends; so it is never paused."""
    body = bytes(range(256)) * 2048

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        while writer.transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        writer.transport.abort()  # leaves without a goodbye, as many servers do

    async with upstream(serve, tls=trusting(pair), server_context=server_context) as up:
        leg = Asking(up.pool)

        def pause_for_a_moment() -> None:
            leg.leg.pause_reading()
            asyncio.get_running_loop().call_later(0.03, leg.leg.resume_reading)

        leg.step = pause_for_a_moment
        leg.begin(GET, last=True)
        await leg.end()
        assert leg.outcome is Outcome.OK
        assert leg.body == body


@protected_by(Mutation(CONNECTION, "if self._is_tls and not self._goodbye:", "if False:"))
@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_a_body_that_ends_with_the_connection_is_whole_only_when_its_end_was_announced(
    says_goodbye: bool, pair: Pair, server_context: ssl.SSLContext
) -> None:
    """Anybody on the way can end a connection; only the server can say goodbye under TLS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        await asyncio.sleep(0.05)
        if not says_goodbye:
            writer.transport.abort()

    async with upstream(serve, tls=trusting(pair), server_context=server_context) as up:
        leg = await up.ask()
        assert leg.body == b"to the end"
        assert leg.outcome is (Outcome.OK if says_goodbye else Outcome.TRUNCATED)
