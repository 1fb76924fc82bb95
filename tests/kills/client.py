"""Steady traffic, and the client's own list: what was asked, what came back, and when it was there."""

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from enum import Enum

from runtime.tasks import Tasks
from tests.fakes.loopback import inode_of, opened_by
from tests.kills.http import HttpError, read_message

CONNECTIONS = 16
_PAUSE_AT_MOST_S = 0.12
_RETRY_S = 0.05
_ANSWER_AT_MOST_S = 60.0
TENANTS = ("acme", "globex", "initech")


class Kind(Enum):
    """What a request is, and so what may become of it."""

    JSON = "json"
    STREAM = "stream"
    STATEFUL = "stateful"
    """Copied to nobody; the primary's side is recorded."""
    OPT_OUT = "opt_out"
    """A count and nothing else, like the next."""
    NO_MATCH = "no_match"

    @property
    def leaves_rows(self) -> bool:
        return self in {Kind.JSON, Kind.STREAM, Kind.STATEFUL}


_KINDS = (Kind.JSON,) * 11 + (Kind.STREAM,) * 7 + (Kind.STATEFUL,) * 2 + (Kind.OPT_OUT, Kind.NO_MATCH)


@dataclass(slots=True)
class Asked:
    """One request."""

    name: str
    kind: Kind
    tenant: str
    sent_s: float = 0.0
    """Monotonic time just before it was sent."""
    status: int | None = None
    text: str | None = None
    """Of the answer, once it was read to its end."""
    ended_s: float | None = None
    """Monotonic time at which its last byte had been read; None when it was cut."""
    worker: int | None = None
    """Process that answered; None when it was gone before we could look."""


@dataclass(slots=True)
class Client:
    """Asks through a few connections at a time; never asks the same twice."""

    port: int
    seed: int
    workers: list[int] = field(default_factory=list)
    """Processes that may answer; kept up to date by who starts them."""
    asked: list[Asked] = field(default_factory=list)
    finished: int = 0
    refused: int = 0
    """Attempts to connect while nobody listened; they count for nothing."""
    faults: list[str] = field(default_factory=list)
    _ending: bool = False

    def start(self, tasks: Tasks) -> None:
        for number in range(CONNECTIONS):
            tasks.start(f"client {number}", self._ask_on(number))

    def end(self) -> None:
        """What is under way is finished; nothing new begins."""
        self._ending = True

    async def _ask_on(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        while not self._ending:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                await self._ask_through(reader, writer, number, chance)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _ask_through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, chance: random.Random
    ) -> None:
        worker: int | None = None
        inode: str | None = None
        while not self._ending:
            one = Asked(f"q-{number}-{len(self.asked)}", chance.choice(_KINDS), chance.choice(TENANTS))
            self.asked.append(one)
            one.sent_s = time.monotonic()
            try:
                writer.write(_request(one))
                async with asyncio.timeout(_ANSWER_AT_MOST_S):
                    answer = await read_message(reader)
            except TimeoutError:
                self.faults.append(f"{one.name}: no answer within {_ANSWER_AT_MOST_S:g} s")
                return
            except (HttpError, OSError):
                return
            if answer is None:
                return
            one.ended_s = time.monotonic()
            one.status = int(answer.first_line.split()[1])
            one.text = _text(answer.body, one.kind)
            self.finished += 1
            if worker is None:
                inode = inode or inode_of(self.port, writer.get_extra_info("sockname")[1])
                worker = next((pid for pid in self.workers if opened_by(pid, inode)), None)
            one.worker = worker
            await asyncio.sleep(chance.uniform(0.0, _PAUSE_AT_MOST_S))


def _request(one: Asked) -> bytes:
    headers = [f"x-name: {one.name}", f"x-tenant: {one.tenant}", "host: gateway"]
    if one.kind is Kind.NO_MATCH:
        return ("GET /v1/models HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n").encode()
    body: dict[str, object] = {
        "model": "asked-model",
        "user": one.name,
        "messages": [{"role": "user", "content": f"I am {one.name}"}],
    }
    if one.kind is Kind.STREAM:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if one.kind is Kind.STATEFUL:
        body["previous_response_id"] = "resp_1"
    if one.kind is Kind.OPT_OUT:
        headers.append("x-shadowbench-sample: never")
    data = json.dumps(body).encode()
    headers += ["content-type: application/json", f"content-length: {len(data)}"]
    return ("POST /v1/chat/completions HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n").encode() + data


def _text(body: bytes, kind: Kind) -> str:
    """What the answer says."""
    if kind is not Kind.STREAM:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [json.loads(line[6:]) for line in body.split(b"\n\n") if line.startswith(b"data: {")]
    return "".join(e["choices"][0]["delta"].get("content", "") for e in events if e["choices"])
