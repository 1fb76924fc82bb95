"""A simulated OpenAI-compatible provider: its own server on loopback, in a process of its own.

Run by the demonstration as `python -m cli.demo.provider`; the ports go to standard output as one line of JSON, and the
end of standard input ends it, so that it never outlives its parent.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from aiohttp import web

from cli.demo.judge import SimulatedJudge
from cli.demo.setting import JUDGE, PROFILES
from cli.demo.simulation import Answer, Failure, Profile, Repeats, draw_answer, prompt_tokens

_MAX_IN_FLIGHT = 1024
_MAX_BODY_BYTES = 8 * 2**20
_HEADERS = {"x-simulated": "true"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What matters of a request."""

    model: str
    stream: bool
    include_usage: bool
    prompt: str
    all_text: str
    max_tokens: int | None


def _asked(body: bytes) -> _Asked:
    """Reads a chat completion request.

    Raises:
        ValueError: not one; the message says why.
    """
    values = json.loads(body)
    if not isinstance(values, dict):
        raise ValueError("the body must be a JSON object")
    messages = values.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise ValueError("messages must be a list with at least one message")
    if not isinstance(values.get("model"), str):
        raise ValueError("model must be a string")
    options = values.get("stream_options")
    limit = values.get("max_completion_tokens", values.get("max_tokens"))
    texts = [str(m.get("content") or "") for m in messages]
    return _Asked(
        model=values["model"],
        stream=values.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        prompt=texts[-1],
        all_text=" ".join(texts),
        max_tokens=limit if isinstance(limit, int) and limit > 0 else None,
    )


def _error(status: int, message: str, kind: str) -> web.Response:
    return web.json_response(_error_body(message, kind), status=status, headers=_HEADERS)


def _error_body(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": f"simulated: {message}", "type": kind, "param": None, "code": None}}


class SimulatedProvider:
    """One provider; `port` is known once it is started."""

    def __init__(self, profile: Profile, *, seed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.profile = profile
        self.port = 0
        self._seed = seed
        self._clock = clock
        self._repeats = Repeats()
        self._first_at: float | None = None
        self._in_flight = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens on a free loopback port."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/{base:.*}chat/completions", self._chat)
        # The handler is ended when its client goes away; otherwise it would go on sleeping for nobody.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stops listening and drops what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            asked = _asked(body)
        except ValueError as error:
            return _error(400, str(error), "invalid_request_error")
        if self._in_flight >= _MAX_IN_FLIGHT:
            return _error(429, "too many requests under way", "rate_limit_error")
        self._in_flight += 1
        try:
            return await self._answer(request, asked, body)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: web.Request, asked: _Asked, body: bytes) -> web.StreamResponse:
        answer = draw_answer(
            self.profile,
            seed=self._seed,
            body=body,
            repeat=self._repeats.next(body),
            prompt=asked.prompt,
            max_tokens=asked.max_tokens,
        )
        slowness = self._slowness()
        if answer.failure is Failure.RATE_LIMITED:
            return _error(429, "rate limit reached", "rate_limit_error")
        whole = asked.stream or answer.failure is Failure.SERVER_ERROR
        await asyncio.sleep(slowness * (answer.first_token_s if whole else answer.total_s))
        if answer.failure is Failure.SERVER_ERROR or (answer.failure and not asked.stream):
            return _error(500, "the server had an error", "server_error")
        if not asked.stream:
            return web.json_response(_completion(asked, answer), headers=_HEADERS)
        return await _stream(request, asked, answer, slowness)

    def _slowness(self) -> float:
        now = self._clock()
        if self._first_at is None:
            self._first_at = now
        spell = self.profile.spell
        return spell.factor_at(now - self._first_at) if spell else 1.0


def _usage(asked: _Asked, answer: Answer) -> dict[str, Any]:
    prompt = prompt_tokens(asked.all_text)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer.output_tokens,
        "total_tokens": prompt + answer.output_tokens,
    }


def _frame(asked: _Asked, kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-simulated",
        "object": kind,
        "created": int(time.time()),
        "model": asked.model,
        "system_fingerprint": "simulated",
    }


def _completion(asked: _Asked, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    return {**_frame(asked, "chat.completion"), "choices": [choice], "usage": _usage(asked, answer)}


class _Events:
    """Server-sent events of one answer."""

    def __init__(self, response: web.StreamResponse, asked: _Asked) -> None:
        self._response = response
        self._frame = _frame(asked, "chat.completion.chunk")

    async def delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await self.data({**self._frame, "choices": [choice]})

    async def usage(self, usage: dict[str, Any]) -> None:
        await self.data({**self._frame, "choices": [], "usage": usage})

    async def data(self, value: dict[str, Any]) -> None:
        await self._response.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    async def done(self) -> None:
        await self._response.write(b"data: [DONE]\n\n")


async def _stream(request: web.Request, asked: _Asked, answer: Answer, slowness: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8", **_HEADERS})
    await response.prepare(request)
    events = _Events(response, asked)
    await events.delta({"role": "assistant", "content": ""})
    breaks_at = len(answer.events) // 2 if answer.failure else len(answer.events)
    for index, text in enumerate(answer.events[:breaks_at]):
        if index:
            await asyncio.sleep(slowness * answer.gaps_s[index - 1])
        await events.delta({"content": text})
    if answer.failure:
        await events.data(_error_body("the answer broke off", "server_error"))
        return response
    await events.delta({}, answer.finish_reason)
    if asked.include_usage:
        await events.usage(_usage(asked, answer))
    await events.done()
    return response


async def _serve(seed: int) -> None:
    providers: list[SimulatedProvider | SimulatedJudge] = [SimulatedProvider(p, seed=seed) for p in PROFILES]
    providers.append(SimulatedJudge(JUDGE, seed=seed))
    for provider in providers:
        await provider.start()
    print(json.dumps({p.profile.name: p.port for p in providers}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    for provider in providers:
        await provider.close()


def main(arguments: Sequence[str]) -> None:
    """Serves all simulated providers until standard input ends."""
    parser = argparse.ArgumentParser(description="Simulated providers of the demonstration.")
    parser.add_argument("--seed", type=int, required=True)
    uvloop.run(_serve(parser.parse_args(arguments).seed))


if __name__ == "__main__":
    main(sys.argv[1:])
