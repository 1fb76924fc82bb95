"""HTTP in, statements out.

Slots bound what runs at once, for writer and reader apart, so that reports never keep the recorder waiting. A client
that goes away ends its statement; one that reads too slowly is cut.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar
from uuid import uuid4

from aiohttp import web

from store.endpoint import protocol
from store.endpoint.engine import Engine, memory_limit_bytes
from store.endpoint.job import Answer, Job
from store.endpoint.protocol import Access, Parameters, Refused
from store.endpoint.statement import insert_head
from store.endpoint.transfer import STATEMENT_BYTES, Gone, form_parameters, whole_statement, write

_SLOTS = 8
"""Statements at once, per access."""
_WAITING = 64
"""Beyond these a request is refused (202), per access."""
_PIECE_BYTES = 2**20
_LOOK_BYTES = 2**18
"""Enough of a request to see whether it is an insert."""
_HELD_BYTES = 32 * 2**20
"""An answer that the client wants whole is held back up to here, then streamed."""
_URL_BYTES = 2**20
_KEEP_ALIVE_S = 3600.0
_KILL_AGAIN_S = 1.0
_KILL_TIMES = 5
_INSERT_S = 60.0
"""So long an insert goes on whose client has gone; one that hangs is then ended like any other statement."""
_SHUTDOWN_S = 5.0

P = ParamSpec("P")
R = TypeVar("R")


class Server:
    """Serves one open engine on 127.0.0.1."""

    def __init__(self, engine: Engine, passwords: dict[Access, str], on_quit: Callable[[], None] | None) -> None:
        """`on_quit`: called when the writer asks the owner to quit; None refuses it."""
        self._engine = engine
        self._passwords = passwords
        self._on_quit = on_quit
        self._memory_bytes = memory_limit_bytes()
        # Two threads per slot: a cancelled statement's thread may still be ending while its slot is taken again.
        self._threads = ThreadPoolExecutor(4 * _SLOTS + 4, thread_name_prefix="statement")
        self._slots: dict[Access, asyncio.Semaphore] = {a: asyncio.Semaphore(_SLOTS) for a in passwords}
        self._waiting: dict[Access, int] = dict.fromkeys(passwords, 0)
        self._active = 0
        self._jobs: set[Job] = set()
        self._quiet = asyncio.Event()
        """No request is under way, and no statement of one that has gone."""
        self._quiet.set()
        self._is_stopping = False
        self._last_asked_s = time.monotonic()
        self._counts: dict[str, int] = {"statements": 0, "inserts": 0, "errors": 0, "abandoned": 0}
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def start(self) -> int:
        """Listens on a free port of loopback, and returns it."""
        app = web.Application(client_max_size=STATEMENT_BYTES)
        app.router.add_get("/ping", self._ping)
        app.router.add_post("/quit", self._quit)
        app.router.add_route("*", "/", self._handle)
        # Cancelled handlers are how a client's going away is noticed.
        self._runner = web.AppRunner(
            app,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE_S,
            shutdown_timeout=_SHUTDOWN_S,
            max_line_size=_URL_BYTES,
        )
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        port: int = self._runner.addresses[0][1]
        return port

    def idle_s(self) -> float:
        """Seconds since the last statement ended; 0 while one runs."""
        return time.monotonic() - self._last_asked_s if self._quiet.is_set() else 0.0

    def figures(self) -> dict[str, float]:
        """What it did, for `/metrics`."""
        totals = {f"shadowbench_store_{name}_total": float(n) for name, n in self._counts.items()}
        return {**totals, "shadowbench_store_active_statements": float(self._active)}

    async def stop(self, drain_s: float) -> None:
        """Refuses new statements, waits for those under way, then ends them."""
        self._is_stopping = True
        if self._runner is None or self._site is None:
            return
        await self._site.stop()
        # aiohttp drops requests whose bodies still arrive as soon as it cleans up, so it comes last.
        if not await self._is_quiet_within(drain_s):
            await self._end_all()
        await self._runner.cleanup()
        self._runner = None
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _is_quiet_within(self, limit_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), limit_s)
        return self._quiet.is_set()

    async def _end_all(self) -> None:
        """Ends what runs; a statement may not have begun yet when it is asked to end, hence again."""
        for _ in range(_KILL_TIMES):
            for job in list(self._jobs):
                job.abandon()
                await self._run(self._engine.kill, job.tag)
            if await self._is_quiet_within(_KILL_AGAIN_S):
                return

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _quit(self, request: web.Request) -> web.Response:
        try:
            access = protocol.access_of(request.headers, self._passwords)
        except Refused as error:
            return web.Response(status=403, text=f"{error}\n")
        if access != "writer" or self._on_quit is None:
            return web.Response(status=409, text="this owner does not quit on demand\n")
        self._on_quit()
        return web.Response(text="Ok.\n")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        query_id = request.query.get("query_id") or str(uuid4())
        headers = {
            "X-ClickHouse-Timezone": request.query.get("session_timezone") or self._engine.time_zone,
            "X-ClickHouse-Server-Display-Name": "shadowbench",
            "X-ClickHouse-Query-Id": query_id,
        }
        self._active += 1
        self._quiet.clear()
        try:
            return await self._admit(request, headers)
        except Gone:
            return web.Response(status=408)  # to nobody: its connection is cut
        except Exception as error:  # noqa: BLE001 - whatever a statement raises is an answer to its client
            self._counts["errors"] += 1
            return self._error_response(error, headers)
        finally:
            self._active -= 1
            self._note_quiet()
            self._last_asked_s = time.monotonic()

    def _error_response(self, error: Exception, headers: dict[str, str]) -> web.Response:
        if isinstance(error, web.HTTPRequestEntityTooLarge):
            error = Refused(protocol.TOO_LARGE, f"The statement is longer than {STATEMENT_BYTES} bytes")
        fault = protocol.fault_of(error, self._engine.version)
        code = {"X-ClickHouse-Exception-Code": str(fault.code)}
        return web.Response(status=fault.status, text=f"{fault.text}\n", headers={**headers, **code})

    async def _admit(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        access = protocol.access_of(request.headers, self._passwords)
        if self._is_stopping:
            raise Refused(protocol.TOO_MANY_SIMULTANEOUS, "The store is stopping")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(protocol.UNKNOWN_COMPRESSION, "Compressed requests are not supported: use compress=False")
        async with self._slot(access):
            self._counts["statements"] += 1
            job = Job(self._engine, access, self._memory_bytes)
            self._jobs.add(job)
            try:
                return await self._statement(request, job, headers)
            except (asyncio.CancelledError, Gone):
                self._counts["abandoned"] += 1
                job.abandon()
                raise
            finally:
                await asyncio.shield(self._end(job))

    @contextlib.asynccontextmanager
    async def _slot(self, access: Access) -> AsyncIterator[None]:
        if self._waiting[access] >= _WAITING:
            raise Refused(protocol.TOO_MANY_SIMULTANEOUS, "Too many simultaneous queries")
        self._waiting[access] += 1
        try:
            await self._slots[access].acquire()
        finally:
            self._waiting[access] -= 1
        try:
            yield
        finally:
            self._slots[access].release()

    async def _end(self, job: Job) -> None:
        """Closes a job; one that was abandoned is ended first, again and again until it lets go."""
        closing = self._run(job.close)
        while not (await asyncio.wait([closing], timeout=0 if job.is_abandoned else None))[0]:
            await self._run(self._engine.kill, job.tag)
            if (await asyncio.wait([closing], timeout=_KILL_AGAIN_S))[0]:
                break
        await closing
        self._jobs.discard(job)
        self._note_quiet()

    def _note_quiet(self) -> None:
        if not self._active and not self._jobs:
            self._quiet.set()

    def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    async def _statement(self, request: web.Request, job: Job, headers: dict[str, str]) -> web.StreamResponse:
        if request.content_type == "multipart/form-data":
            parameters = await form_parameters(request)
            return await self._query(request, job, parameters, parameters.sql.encode(), headers)
        parameters = protocol.parameters(request.query)
        pieces = aiter(request.content.iter_chunked(_PIECE_BYTES))
        beginning = parameters.sql.encode() + b"\n" if parameters.sql else b""
        rest: bytes | None = b""
        while rest is not None and len(beginning) < _LOOK_BYTES:
            rest = await anext(pieces, None)
            beginning += rest or b""
        if (head := insert_head(beginning)) is None:
            sql = await whole_statement(beginning, pieces)
            return await self._query(request, job, parameters, sql, headers)
        if request.method != "POST":
            raise Refused(protocol.READONLY, "Cannot execute query in readonly mode")
        self._counts["inserts"] += 1
        await self._run(job.open, parameters)
        await self._run(job.begin_insert, head)
        await self._run(job.add_rows, beginning[head.data_at :])
        async for piece in pieces:
            await self._run(job.add_rows, piece)
        await _to_its_end(self._run(job.finish_insert))
        return web.Response(headers={**headers, "X-ClickHouse-Summary": protocol.summary(job.figures.counts)})

    async def _query(
        self, request: web.Request, job: Job, parameters: Parameters, sql: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        if not sql.strip():
            return web.Response(text="Ok.\n", headers=headers)
        await self._run(job.open, parameters)
        answer = await self._run(
            job.query,
            sql.decode(errors="surrogateescape"),
            writes=request.method == "POST",
            is_held_back=parameters.is_held_back,
            held_bytes=_HELD_BYTES,
        )
        if answer.format is not None:
            headers["X-ClickHouse-Format"] = answer.format
        headers["X-ClickHouse-Summary"] = protocol.summary(job.figures.counts)
        if answer.is_complete:
            return web.Response(body=answer.head, headers=headers)
        return await self._stream(request, job, answer, headers)

    async def _stream(
        self, request: web.Request, job: Job, answer: Answer, headers: dict[str, str]
    ) -> web.StreamResponse:
        tag = uuid4().hex[:16]
        response = web.StreamResponse(headers={**headers, "X-ClickHouse-Exception-Tag": tag})
        await response.prepare(request)
        try:
            chunk: bytes | None = answer.head
            while chunk is not None:
                await write(request, response, chunk)
                chunk = await self._run(job.next_chunk)
        except (RuntimeError, Refused) as error:
            self._counts["errors"] += 1
            await write(request, response, protocol.in_band(protocol.fault_of(error, self._engine.version), tag))
        await response.write_eof()
        return response


async def _to_its_end(insert: asyncio.Future[None]) -> None:
    """Waits for an insert that has all its rows, even when its client goes meanwhile.

    Cut off half-way, views would lack what the table has. Who lives sends the same batch again, which fills them; a
    dead client does not.
    """
    try:
        await asyncio.shield(insert)
    except asyncio.CancelledError:
        if (await asyncio.wait([insert], timeout=_INSERT_S))[0] and not insert.cancelled():
            insert.exception()  # heard: nobody is there to be told
        raise
