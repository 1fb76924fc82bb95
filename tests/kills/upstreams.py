"""A primary and its candidates in one server: every answer bears the request's id, and its end is written down."""

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from typing import Self

from proxy.wire.heads import REQUEST_ID
from tests.kills.http import HttpError, Message, read_message

PRIMARY = "primary"
CONTROL = "control"
CANDIDATES = ("llama", "qwen")
ARMS = (*CANDIDATES, CONTROL)
"""Whoever gets copies."""
_PRIMARY_AT_MOST_S = 0.15
_CANDIDATE_AT_MOST_S = 0.3
_LATE_AT_MOST_S = 2.0
FAULTY = 500


def text_of(arm: str, name: str) -> str:
    """What an arm says to a request: a few words, or many."""
    words = 4 + random.Random(f"length {arm} {name}").choice((0, 10, 400))
    return f"{arm} answers {name}:" + " word" * words


@dataclass(slots=True)
class Served:
    """One request as an arm saw it."""

    asked: int = 0
    """How often; a second time would be a retry."""
    ended_s: float | None = None
    """Monotonic time at which the last byte was sent, or the connection closed."""


@dataclass(slots=True)
class Upstreams:
    """`async with Upstreams(seed) as upstreams:`; arms differ by the first folder of the path."""

    seed: int
    served: dict[tuple[str, str], Served] = field(default_factory=dict)
    """(arm, name of the request) -> what became of it."""
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()

    def url(self, arm: str) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{arm}"

    def under_way(self) -> int:
        """Answers that are not sent to their end."""
        return sum(one.ended_s is None for one in self.served.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (message := await read_message(reader)) is not None:
                if not await self._answer(message, writer):
                    break
        except (HttpError, ConnectionError):
            pass  # a worker died
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, message: Message, writer: asyncio.StreamWriter) -> bool:
        """False when the connection is of no more use."""
        folder = message.first_line.split()[1].split("/")[1]
        is_copy = REQUEST_ID.decode() in message.headers
        arm = CONTROL if folder == PRIMARY and is_copy else folder
        body = json.loads(message.body) if message.body else {}
        name = str(body.get("user", "")) or message.headers.get("x-name", "")
        one = self.served.setdefault((arm, name), Served())
        one.asked += 1
        chance = random.Random(f"{self.seed} {arm} {name}")
        try:
            return await _send(arm, name, writer, chance, is_stream=bool(body.get("stream")))
        finally:
            one.ended_s = time.monotonic()


async def _send(arm: str, name: str, writer: asyncio.StreamWriter, chance: random.Random, *, is_stream: bool) -> bool:
    lasts_s = _lasts_s(arm, chance)
    fate = chance.random() if arm in CANDIDATES else 1.0
    if fate < 0.03:
        await asyncio.sleep(lasts_s)
        await _write(
            writer, _head(FAULTY, "application/json") + _chunk(b'{"error":{"message":"broken"}}') + _chunk(b"")
        )
        return True
    parts = _events(arm, name) if is_stream else [_json(arm, name)]
    await _write(writer, _head(200, "text/event-stream" if is_stream else "application/json"))
    for number, part in enumerate(parts):
        await asyncio.sleep(lasts_s / len(parts))
        if fate < 0.05 and number == len(parts) // 2:
            await _write(writer, _chunk(part)[:-5])
            return False
        await _write(writer, _chunk(part))
    await _write(writer, _chunk(b""))
    return True


def _lasts_s(arm: str, chance: random.Random) -> float:
    if arm == PRIMARY:
        return chance.uniform(0.002, _PRIMARY_AT_MOST_S)
    is_late = chance.random() < 0.05
    return chance.uniform(0.002, _LATE_AT_MOST_S if is_late else _CANDIDATE_AT_MOST_S)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Nothing is said to a worker that is dead."""
    if not writer.is_closing():
        writer.write(data)
    with contextlib.suppress(ConnectionError):
        await writer.drain()


def _head(status: int, content_type: str) -> bytes:
    return (
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _usage(text: str) -> dict[str, int]:
    return {"prompt_tokens": 11, "completion_tokens": len(text.split()), "total_tokens": 11 + len(text.split())}


def _json(arm: str, name: str) -> bytes:
    text = text_of(arm, name)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": name, "model": f"{arm}-1", "choices": [choice], "usage": _usage(text)}).encode()


def _events(arm: str, name: str) -> list[bytes]:
    text = text_of(arm, name)
    cut = max(1, len(text) // 6)
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    events: list[dict[str, object]] = [
        {"id": name, "model": f"{arm}-1", "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces
    ]
    events.append({"id": name, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append({"id": name, "choices": [], "usage": _usage(text)})
    return [*(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events), b"data: [DONE]\n\n"]
