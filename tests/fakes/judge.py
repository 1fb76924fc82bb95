"""A judge model that the test plays: OpenAI's and Anthropic's API over loopback, with a bill of its own.

It refuses what the real APIs refuse (`judge_wire`), answers as the test decides, and writes down every call: when it
came, what was said, what it charges. An answer is charged when it is ready, whether anybody still waits for it or not.
"""

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from aiohttp import web

from tests.fakes.judge_wire import APIS, Api, Embedding, Reply, Token, count_tokens, vector_of

__all__ = ["Call", "Decide", "JudgeUpstream", "Price", "Reply", "Token"]

_MTOK = 10**6
_LARGEST_REQUEST = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: Decimal = Decimal("2.5")
    output: Decimal = Decimal(10)

    def configured(self) -> dict[str, str]:
        """For the configuration of whoever asks."""
        return {"input_per_mtok": str(self.input), "output_per_mtok": str(self.output)}


@dataclass(slots=True)
class Call:
    """One call that came in."""

    number: int
    """From 1, as they came."""
    api: str
    """openai, anthropic or embeddings."""
    model: str
    key: str | None
    """Credential as sent."""
    system: str
    user: str
    body: Mapping[str, Any]
    arrived_s: float
    """Monotonic."""
    reply: Reply | None = None
    ended_s: float | None = None
    """When its answer was ready, monotonic; None while it is under way."""
    is_delivered: bool = False
    """The connection was still there when the answer had been written."""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal = Decimal(0)

    @property
    def is_verdict(self) -> bool:
        """It was charged, so it was answered with 200."""
        return self.reply is not None and self.reply.status == 200


Decide = Callable[[Call], Reply | Awaitable[Reply]]


def _says_nothing(call: Call) -> Reply:
    raise AssertionError(f"call {call.number}: the test has not said what to answer")


@dataclass(slots=True)
class JudgeUpstream:
    """`async with JudgeUpstream(decide) as upstream:`; base address in `url`."""

    decide: Decide = _says_nothing
    price: Price = field(default_factory=Price)
    key: str | None = None
    """The only credential that it takes; None: any, or none."""
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What was wrong with calls that a real API would refuse; they get 400 and cost nothing."""
    under_way: int = 0
    most_under_way: int = 0
    usd: Decimal = Decimal(0)
    """The bill."""
    most_usd_per_day: Decimal | None = None
    """When it is reached, the test has failed: see `over_budget`."""
    over_budget: list[int] = field(default_factory=list)
    """Numbers of the calls with which the bill was above `most_usd_per_day`."""
    _runner: web.AppRunner | None = None
    _port: int = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        for api in APIS:
            app.router.add_post(api.path, self._handler(api))
        app.router.add_post("/v1/embeddings", self._embed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._port}"

    def answered(self) -> list[Call]:
        """Calls that were answered with 200, and so charged."""
        return [call for call in self.calls if call.ended_s is not None and call.is_verdict]

    def _handler(self, api: Api) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                body = await request.json()
            except ConnectionError:
                return web.Response(status=400)  # who asked died over it
            key = api.key(request.headers)
            if (fault := api.fault(request.headers, body)) is not None:
                self.refused.append(fault)
                return web.json_response(api.error(400, fault), status=400)
            if self.key is not None and key != self.key:
                return web.json_response(api.error(401, "wrong key"), status=401)
            system, user = api.texts(body)
            call = self._came(api.name, body, key, system, user)
            return await self._answer(api, call, request)

        return handle

    def _came(self, api: str, body: Mapping[str, Any], key: str | None, system: str, user: str) -> Call:
        call = Call(len(self.calls) + 1, api, str(body["model"]), key, system, user, body, time.monotonic())
        self.calls.append(call)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        return call

    async def _answer(self, api: Api, call: Call, request: web.Request) -> web.StreamResponse:
        try:
            decided = self.decide(call)
            reply = await decided if inspect.isawaitable(decided) else decided
            call.reply = reply
            if reply.after_s:
                await asyncio.sleep(reply.after_s)
            if reply.status == 200:
                self._charge(call, count_tokens(call.system) + count_tokens(call.user), count_tokens(reply.text))
        finally:
            call.ended_s = time.monotonic()
            self.under_way -= 1
        if reply.is_cut:
            return await self._cut(call, request, api.answer(call.model, reply, call.input_tokens, call.output_tokens))
        if reply.status != 200:
            given = api.error(reply.status, reply.text) if reply.raw is None else reply.raw
        else:
            given = api.answer(call.model, reply, call.input_tokens, call.output_tokens)
        response = (
            web.json_response(given, status=reply.status, headers=reply.headers)
            if not isinstance(given, str)
            else web.Response(text=given, status=reply.status, headers=reply.headers, content_type="text/html")
        )
        with contextlib.suppress(ConnectionError):  # nobody waits for it any more
            await response.prepare(request)
            await response.write_eof()
            call.is_delivered = request.transport is not None and not request.transport.is_closing()
        return response

    def _charge(self, call: Call, input_tokens: int, output_tokens: int) -> None:
        call.input_tokens, call.output_tokens = input_tokens, output_tokens
        call.usd = (input_tokens * self.price.input + output_tokens * self.price.output) / _MTOK
        self.usd += call.usd
        if self.most_usd_per_day is not None and self.usd > self.most_usd_per_day:
            self.over_budget.append(call.number)

    async def _cut(self, call: Call, request: web.Request, given: Any) -> web.StreamResponse:
        """Half of the answer, and the connection is gone."""
        whole = web.json_response(given).body
        assert isinstance(whole, bytes)
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.content_length = len(whole)
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write(whole[: len(whole) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        """Vectors of the words that a text has: equal texts have equal vectors, texts without a common word none."""
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
        call = self._came("embeddings", body, request.headers.get("authorization"), "", "\n".join(texts))
        self._charge(call, sum(map(count_tokens, texts)), 0)
        call.reply, call.ended_s, call.is_delivered = Reply(), time.monotonic(), True
        self.under_way -= 1
        return web.json_response(Embedding(call.model, call.input_tokens).answer([vector_of(text) for text in texts]))
