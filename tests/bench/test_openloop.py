"""The generator counts from the schedule, drops nothing, and tells right answers from wrong ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.generated import Run
from bench.openloop import Generator, Settings

ANSWER = b'{"ok": true}'
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n" + ANSWER


class Upstream(asyncio.Protocol):
    """Answers with what `script` says for each request in turn; None: it hangs up."""

    def __init__(self, script: list[tuple[float, bytes | None]]) -> None:
        self._script = script
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert data.endswith(b"{}")
        after_s, answer = self._script.pop(0)
        asyncio.get_running_loop().call_later(after_s, self._answer, answer)

    def _answer(self, answer: bytes | None) -> None:
        if answer is None:
            self._transport.abort()
        else:
            self._transport.write(answer)


@asynccontextmanager
async def upstream(*script: tuple[float, bytes | None]) -> AsyncIterator[int]:
    left = list(script)
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(left), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def run(tmp_path: Path, port: int, instants_ms: list[int], **more: Any) -> Run:
    np.save(tmp_path / "instants.npy", np.array(instants_ms, np.int64) * 1_000_000)
    (tmp_path / "body").write_bytes(b"{}")
    (tmp_path / "answer").write_bytes(ANSWER)
    settings = Settings(
        port=port,
        instants=str(tmp_path / "instants.npy"),
        result=str(tmp_path / "result.npy"),
        body=str(tmp_path / "body"),
        answer=str(tmp_path / "answer"),
        **{"connections": 1, "most_connections": 1, "grace_s": 0.3} | more,
    )
    await Generator(settings).run()
    return Run(np.load(settings.result))


async def test_a_stalled_server_is_charged_for_everybody_who_waits(tmp_path: Path) -> None:
    """One connection; the first answer takes 100 ms, and the others were due 10 and 20 ms after it."""
    async with upstream((0.1, OK), (0.0, OK), (0.0, OK)) as port:
        got = await run(tmp_path, port, [0, 10, 20])
    assert got.failures() == {}
    latencies = got.latency_ms()
    assert latencies[0] >= 100
    assert latencies[1] >= 90
    assert latencies[2] >= 80
    assert np.all(got.lateness_ms()[1:] >= 80)


async def test_more_connections_are_opened_when_all_are_busy(tmp_path: Path) -> None:
    async with upstream((0.1, OK), (0.0, OK)) as port:
        got = await run(tmp_path, port, [0, 10], most_connections=2)
    assert got.failures() == {}
    assert len(set(got.records["local_port"].tolist())) == 2


async def test_every_way_to_fail_is_counted_and_none_is_dropped(tmp_path: Path) -> None:
    wrong = OK.replace(b"true", b"nope")
    error = OK.replace(b"200 OK", b"500 Oh")
    async with upstream((0.0, OK), (0.0, wrong), (0.0, error), (0.0, None), (9.0, OK)) as port:
        got = await run(tmp_path, port, [0, 20, 40, 60, 80])
    assert got.ok().tolist() == [True, False, False, False, False]
    assert got.failures() == {"another body": 1, "status": 1, "connection closed": 1, "unanswered": 1}


async def test_requests_that_wait_for_a_connection_to_the_end_are_unanswered(tmp_path: Path) -> None:
    async with upstream((9.0, OK)) as port:
        got = await run(tmp_path, port, [0, 10, 20])
    assert got.failures() == {"unanswered": 3}
    assert got.lateness_ms().size == 1


async def test_an_interim_answer_is_not_the_answer(tmp_path: Path) -> None:
    async with upstream((0.0, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)) as port:
        got = await run(tmp_path, port, [0])
    assert got.failures() == {}


async def test_times_of_a_request_are_in_their_order(tmp_path: Path) -> None:
    async with upstream((0.02, OK)) as port:
        got = await run(tmp_path, port, [5])
    record = got.records[0]
    assert 0 < record["scheduled_ns"] <= record["sent_ns"] < record["first_ns"] <= record["done_ns"]
    assert got.first_ms()[0] >= 20
