"""Clients of the replay: the official `openai` library and plain httpx, streamed and not."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from openai import AsyncOpenAI

CLIENT_KEY = "client-key-of-the-replay"
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of the replay."""

    at_s: float
    model: str
    instruction: str
    library: str
    """`openai` or `httpx`."""
    stream: bool
    include_usage: bool

    @property
    def body(self) -> dict[str, Any]:
        """The request body."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": self.instruction}],
        }
        if self.stream:
            body["stream"] = True
        if self.include_usage:
            body["stream_options"] = {"include_usage": True}
        return body


@dataclass(frozen=True, slots=True)
class Got:
    """What the client got for an instruction."""

    instruction: str
    text: str
    model: str
    output_tokens: int | None


def plan(model: str, instructions: Sequence[str], arrivals_s: Sequence[float], seconds: float) -> list[Ask]:
    """One request per instruction, at the trace's times squeezed into `seconds`; libraries and forms take turns."""
    squeeze = seconds / max(arrivals_s[-1], 1e-9)
    asks = []
    for index, (instruction, at_s) in enumerate(zip(instructions, arrivals_s, strict=True)):
        stream = index % 2 == 0
        library = "openai" if index // 2 % 2 == 0 else "httpx"
        asks.append(Ask(at_s * squeeze, model, instruction, library, stream, stream and index // 4 % 2 == 0))
    return asks


class Clients:
    """The two client libraries, pointed at the proxy."""

    def __init__(self, base_url: str) -> None:
        self._openai = AsyncOpenAI(base_url=f"{base_url}/v1", api_key=CLIENT_KEY, max_retries=0, timeout=_TIMEOUT_S)
        headers = {"authorization": f"Bearer {CLIENT_KEY}"}
        self._httpx = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=_TIMEOUT_S)

    async def close(self) -> None:
        """Closes both."""
        await self._openai.close()
        await self._httpx.aclose()

    async def ask(self, ask: Ask) -> Got:
        """Sends one request and reads the whole answer."""
        if ask.library == "openai":
            return await (self._openai_stream(ask) if ask.stream else self._openai_whole(ask))
        return await (self._httpx_stream(ask) if ask.stream else self._httpx_whole(ask))

    async def _openai_whole(self, ask: Ask) -> Got:
        answer = await self._openai.chat.completions.create(**ask.body)
        return Got(ask.instruction, answer.choices[0].message.content, answer.model, answer.usage.completion_tokens)

    async def _openai_stream(self, ask: Ask) -> Got:
        text, model, tokens = "", "", None
        async for chunk in await self._openai.chat.completions.create(**ask.body):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            model = chunk.model
            tokens = chunk.usage.completion_tokens if chunk.usage else tokens
        return Got(ask.instruction, text, model, tokens)

    async def _httpx_whole(self, ask: Ask) -> Got:
        response = await self._httpx.post("/v1/chat/completions", json=ask.body)
        answer = response.raise_for_status().json()
        text = answer["choices"][0]["message"]["content"]
        return Got(ask.instruction, text, answer["model"], answer["usage"]["completion_tokens"])

    async def _httpx_stream(self, ask: Ask) -> Got:
        async with self._httpx.stream("POST", "/v1/chat/completions", json=ask.body) as response:
            response.raise_for_status()
            raw = await response.aread()
        # Not aiter_lines: it also breaks lines at characters that may stand inside a JSON string.
        events = [line.removeprefix(b"data: ") for line in raw.split(b"\n") if line.startswith(b"data: ")]
        chunks = [json.loads(event) for event in events if event != b"[DONE]"]
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
        usage = next((c["usage"] for c in chunks if c.get("usage")), None)
        return Got(ask.instruction, text, chunks[-1]["model"], usage["completion_tokens"] if usage else None)


async def send_all(asks: Sequence[Ask], base_url: str) -> list[Got]:
    """Sends every request at its time, whatever became of the ones before."""
    clients = Clients(base_url)
    started = time.monotonic()

    async def one(ask: Ask) -> Got:
        await asyncio.sleep(max(0.0, started + ask.at_s - time.monotonic()))
        return await clients.ask(ask)

    try:
        return await asyncio.gather(*(one(ask) for ask in asks))
    finally:
        await clients.close()
