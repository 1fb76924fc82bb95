"""A webhook that the test plays: takes what comes, answers as the test decides, and writes all of it down."""

import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Came:
    """One attempt as it came in."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which is JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def taken(_came: Came) -> web.StreamResponse:
    """As a webhook answers that has it."""
    return web.Response(status=200, text="ok")


Decide = Callable[[Came], "web.StreamResponse | Awaitable[web.StreamResponse]"]


@dataclass(slots=True)
class WebhookReceiver:
    """`async with WebhookReceiver(decide) as receiver:`; address in `url`."""

    decide: Decide = taken
    tls: ssl.SSLContext | None = None
    port: int = 0
    came: list[Came] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Address, with a secret in it as they have."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/services/T0/S3CRET?token=S3CRET"

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        one = Came(request.path_qs, headers, await request.read())
        self.came.append(one)
        answer = self.decide(one)
        return answer if isinstance(answer, web.StreamResponse) else await answer
