"""What the server does when too many ask, when somebody leaves, and when it is stopped. The engine is a stand-in."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from store.endpoint.protocol import Access
from store.endpoint.server import Server

PASSWORDS: dict[Access, str] = {"writer": "w", "reader": "r"}
READ = SimpleNamespace(name="READ_ONLY")


class HangsUntilReleased:
    """An engine whose `SELECT hang` runs until it is released or killed."""

    version = "1.2.3"
    time_zone = "UTC"

    def __init__(self) -> None:
        self.released = threading.Event()
        self.running = 0
        self.killed: list[str] = []
        self.open_connections = 0

    def connect(self) -> "Connection":
        self.open_connections += 1
        return Connection(self)

    def is_function(self, _: str) -> bool:
        return False

    def kill(self, tag: str) -> None:
        self.killed.append(tag)
        self.released.set()


class Connection:
    def __init__(self, engine: HangsUntilReleased) -> None:
        self.engine = engine
        self._conn = SimpleNamespace(classify_query=lambda _: {"statement_count": 1, "query_class": READ})

    def query(self, sql: str, _format: str, params: object = None) -> Any:
        if sql.startswith("EXPLAIN AST"):
            return result(b"SelectWithUnionQuery (children 1)\n ExpressionList\n")
        if "hang" in sql:
            self.engine.running += 1
            assert self.engine.released.wait(30)
            self.engine.running -= 1
            if self.engine.killed:
                raise RuntimeError("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)")
        return result(b"ok\n")

    def close(self) -> None:
        self.engine.open_connections -= 1


def result(data: bytes) -> Any:
    zero = lambda: 0  # noqa: E731
    counts = dict.fromkeys(
        ("storage_rows_read", "storage_bytes_read", "rows_written", "bytes_written", "rows_read"), zero
    )
    return SimpleNamespace(bytes=lambda: data, **counts)


class Running:
    """A server on its stand-in, and clients of it."""

    def __init__(self, server: Server, engine: HangsUntilReleased, port: int) -> None:
        self.server = server
        self.engine = engine
        self.url = f"http://127.0.0.1:{port}/"

    async def ask(self, session: aiohttp.ClientSession, sql: str, user: Access = "reader") -> tuple[int, str]:
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": PASSWORDS[user]}
        async with session.post(f"{self.url}?default_format=JSON", data=sql, headers=headers) as response:
            return response.status, response.headers.get("X-ClickHouse-Exception-Code", "")


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    engine = HangsUntilReleased()
    # Only what the server calls is there.
    server = Server(engine, PASSWORDS, None)  # type: ignore[arg-type]
    port = await server.start()
    yield Running(server, engine, port)
    engine.released.set()
    await server.stop(5)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as found:
        yield found


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


async def test_readers_that_hang_never_keep_the_writer_waiting(
    running: Running, session: aiohttp.ClientSession
) -> None:
    async with asyncio.TaskGroup() as group:
        hanging = [group.create_task(running.ask(session, "SELECT hang")) for _ in range(20)]
        await until(lambda: running.engine.running == 8)
        assert (await running.ask(session, "SELECT 1", "writer"))[0] == 200
        assert running.engine.running == 8
        running.engine.released.set()
    assert {task.result()[0] for task in hanging} == {200}


async def test_more_than_may_wait_are_refused_at_once(running: Running, session: aiohttp.ClientSession) -> None:
    """8 run and 64 wait; the others hear the server's code for too many queries, and nobody is forgotten."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(running.ask(session, "SELECT hang")) for _ in range(8 + 64 + 5)]
        await until(lambda: sum(task.done() for task in asked) == 5)
        running.engine.released.set()
    answers = [task.result() for task in asked]
    assert answers.count((503, "202")) == 5
    assert answers.count((200, "")) == 72


async def test_who_leaves_has_the_statement_ended_and_the_connection_given_back(
    running: Running, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await running.ask(session, "SELECT hang")
    await until(lambda: running.engine.open_connections == 0)
    assert len(running.engine.killed) >= 1
    assert running.engine.running == 0
    assert running.server.figures()["shadowbench_store_abandoned_total"] == 1


async def test_a_stop_waits_for_what_runs_and_takes_nothing_new(
    running: Running, session: aiohttp.ClientSession
) -> None:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(running.ask(session, "SELECT hang"))
        await until(lambda: running.engine.running == 1)
        stopping = group.create_task(running.server.stop(20))
        await asyncio.sleep(0.1)
        assert not stopping.done()
        with pytest.raises(aiohttp.ClientError):
            await running.ask(session, "SELECT 1")
        running.engine.released.set()
    assert asked.result()[0] == 200


async def test_a_stop_ends_what_does_not_end_in_time(running: Running, session: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(_outcome(running.ask(session, "SELECT hang")))
        await until(lambda: running.engine.running == 1)
        await running.server.stop(0.1)
    assert asked.result() != 200
    assert running.engine.killed
    assert running.engine.open_connections == 0


async def _outcome(asking: Any) -> int:
    try:
        status, _ = await asking
    except aiohttp.ClientError:
        return 0
    return int(status)


async def test_it_is_idle_only_while_nothing_runs(running: Running, session: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(running.ask(session, "SELECT hang"))
        await until(lambda: running.engine.running == 1)
        await asyncio.sleep(0.05)
        assert running.server.idle_s() == 0
        running.engine.released.set()
    await until(lambda: running.server.idle_s() > 0.02)


async def test_only_the_writer_may_end_an_owner_and_only_one_that_quits_on_demand(
    running: Running, session: aiohttp.ClientSession
) -> None:
    asked: list[bool] = []
    server = Server(HangsUntilReleased(), PASSWORDS, lambda: asked.append(True))  # type: ignore[arg-type]
    port = await server.start()
    statuses = []
    for url in (running.url, f"http://127.0.0.1:{port}/"):
        for user, key in (("writer", "x"), ("reader", "r"), ("writer", "w")):
            headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": key}
            async with session.post(f"{url}quit", headers=headers) as response:
                statuses.append(response.status)
    assert statuses == [403, 409, 409, 403, 409, 200]
    assert asked == [True]
    await server.stop(1)
