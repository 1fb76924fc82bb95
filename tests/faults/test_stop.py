"""A stop resets nobody who has connected: whoever waits in the kernel's queue, or still asks, is answered."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.certificates import make_pair
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, answering, bench, chat, ok

ANSWER = b'{"object": "chat.completion"}'
CLIENTS = 20
DRAIN_S = 10.0
WORKER = "proxy/worker.py"
LISTENING = "proxy/listening.py"


def connected(made: Bench) -> list[socket.socket]:
    """Clients whom the worker cannot have accepted: its event loop has not run since."""
    return [socket.create_connection(("127.0.0.1", made.port), timeout=DRAIN_S) for _ in range(CLIENTS)]


def answer(client: socket.socket, tls: ssl.SSLContext | None = None) -> bytes:
    """Everything until the connection ends, nothing when it is reset."""
    with client, contextlib.suppress(OSError):
        secured = tls.wrap_socket(client, server_hostname="localhost") if tls is not None else client
        with secured:
            secured.sendall(chat(b'{"messages": []}'))
            found = b""
            while piece := secured.recv(65536):
                found += piece
            return found
    return b""


async def all_answers(clients: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> list[bytes]:
    return await asyncio.gather(*(asyncio.to_thread(answer, client, tls) for client in clients))


async def stopped(made: Bench) -> None:
    assert made.worker is not None
    worker, made.worker = made.worker, None
    await worker.close(DRAIN_S)


def is_last_answer(found: bytes) -> bool:
    head, _, body = found.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200 ") and b"connection: close" in head.lower() and body == ANSWER


@protected_by(
    Mutation(LISTENING, "waiting.append(self._queue.accept()[0])", "break"),
    Mutation(LISTENING, "self._queue = self._socket.dup()", "self._queue = self._socket"),
    Mutation(WORKER, 'self._tasks.start("last client", listener.take(connected))', "connected.close()"),
)
async def test_clients_who_wait_to_be_accepted_when_a_worker_stops_are_answered() -> None:
    async with bench(answering(ok(ANSWER))) as made:
        clients = connected(made)
        found, _ = await asyncio.gather(all_answers(clients), stopped(made))
        assert [is_last_answer(one) for one in found] == [True] * CLIENTS


@protected_by(Mutation(WORKER, "(self._clients or self._tls is not None)", "self._clients"))
async def test_handshakes_that_wait_when_a_worker_stops_are_finished(tmp_path: Path) -> None:
    certificate = make_pair(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate.cert)
    listen = {"tls": {"cert": str(certificate.cert), "key": str(certificate.key)}}
    async with bench(answering(ok(ANSWER)), listen=listen) as made:
        clients = connected(made)
        found, _ = await asyncio.gather(all_answers(clients, trusting), stopped(made))
        assert [is_last_answer(one) for one in found] == [True] * CLIENTS


@protected_by(Mutation(WORKER, "_LAST_REQUESTS_S = 0.5", "_LAST_REQUESTS_S = 0.0"))
async def test_a_request_that_crosses_the_stop_on_an_idle_connection_is_answered() -> None:
    async with bench(answering(ok(ANSWER))) as made:
        client = await made.client()
        client.send(chat(b'{"messages": []}'))
        assert (await client.response())[1] == ANSWER

        async def ask_late() -> None:
            await asyncio.sleep(0.1)
            client.send(chat(b'{"messages": []}'))
            assert is_last_answer(await client.rest())

        await asyncio.gather(stopped(made), ask_late())


@protected_by(Mutation(WORKER, "            client.drain()\n", "            pass\n"))
async def test_connections_that_stay_idle_do_not_hold_a_stop() -> None:
    async with bench(answering(ok(ANSWER))) as made:
        client = await made.client()
        async with asyncio.timeout(DRAIN_S / 2):
            await stopped(made)
        assert await client.rest() == b""


@protected_by(Mutation(LISTENING, "        self._queue.close()\n", ""))
async def test_from_the_stop_on_nobody_connects() -> None:
    async with bench(answering(ok(ANSWER))) as made:
        made._socket.close()  # the supervisor's: it goes first, too
        await stopped(made)
        try:
            socket.create_connection(("127.0.0.1", made.port), timeout=1.0).close()
        except ConnectionRefusedError:
            return
        raise AssertionError("somebody still listens")
