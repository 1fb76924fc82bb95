"""A mirroring proxy on aiohttp, as a competent engineer would write it: `python -m bench.aiohttp_mirror`.

It streams the primary's answer, sends the copy from a task of its own with a bound on how many run, keeps references to
its tasks, pools connections on both sides, and leaves hop-by-hop headers out. It records nothing.
"""

import argparse
import asyncio
import contextlib

import uvloop
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from runtime.tasks import Tasks

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
)
_MAX_COPIES = 4_096
_MAX_BODY_BYTES = 64 * 2**20
_TIMEOUT = ClientTimeout(total=None, sock_connect=5, sock_read=120)


class Mirror:
    """Serves from the primary, copies to the candidate."""

    def __init__(self, primary: str, candidate: str) -> None:
        self._primary = primary
        self._candidate = candidate
        self._copies = 0
        self._tasks = Tasks(lambda name, error: None)
        self._session: ClientSession | None = None

    async def start(self, app: web.Application) -> None:
        """Opens the pool; it needs the running loop."""
        del app
        self._session = ClientSession(
            connector=TCPConnector(limit=0), timeout=_TIMEOUT, auto_decompress=False, skip_auto_headers={"user-agent"}
        )

    async def stop(self, app: web.Application) -> None:
        """Ends the copies and closes the pool."""
        del app
        await self._tasks.close()
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of a client."""
        assert self._session is not None
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        if self._copies < _MAX_COPIES:
            self._copies += 1
            self._tasks.start("copy", self._copy(request.method, request.raw_path, headers, body))
        try:
            async with self._session.request(
                request.method, self._primary + request.raw_path, headers=headers, data=body, allow_redirects=False
            ) as answer:
                kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
                response = web.StreamResponse(status=answer.status, reason=answer.reason)
                response.headers.extend(kept)
                response.content_length = answer.content_length
                await response.prepare(request)
                async for data in answer.content.iter_any():
                    await response.write(data)
                await response.write_eof()
                return response
        except ClientError as error:
            raise web.HTTPBadGateway(text=f"{type(error).__name__}\n") from None

    async def _copy(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        assert self._session is not None
        try:
            with contextlib.suppress(ClientError, asyncio.TimeoutError):
                async with self._session.request(
                    method, self._candidate + path, headers=headers, data=body, allow_redirects=False
                ) as answer:
                    async for _ in answer.content.iter_any():
                        pass
        finally:
            self._copies -= 1


def main() -> None:
    parser = argparse.ArgumentParser(description="A mirroring proxy on aiohttp.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--primary", required=True, help="base URL")
    parser.add_argument("--candidate", required=True, help="base URL")
    options = parser.parse_args()
    mirror = Mirror(options.primary, options.candidate)
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", mirror.handle)
    app.on_startup.append(mirror.start)
    app.on_cleanup.append(mirror.stop)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=options.port, access_log=None, print=None, backlog=1024)


if __name__ == "__main__":
    main()
