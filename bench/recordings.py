"""Recorded answers of real models, and upstreams that serve them.

The recordings lie outside the repository, where SHADOWBENCH_SHARED points (default: `../shared` beside it), and are
read there. They hold texts; token counts are not recorded, so an upstream serves counts of its own (words and
characters) and remembers what it served.
"""

import asyncio
import csv
import gzip
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr
from zlib import crc32

from aiohttp import web

_ROOT = Path(__file__).resolve().parents[1]
_EVENT_PAUSE_S = 0.002


class RecordingsMissingError(Exception):
    """The recordings are not on this machine; the message says where they were looked for."""


def shared_directory() -> Path:
    """Where the recordings lie.

    Raises:
        RecordingsMissingError: not there.
    """
    shared = Path(os.environ.get("SHADOWBENCH_SHARED", _ROOT.parent / "shared"))
    if not (shared / "data" / "pairs" / "outputs").is_dir():
        raise RecordingsMissingError(
            f"no recordings in {shared}; point SHADOWBENCH_SHARED to the folder that holds data/pairs"
        )
    return shared


@dataclass(frozen=True, slots=True)
class Recording:
    """What one model answered to one instruction."""

    instruction: str
    model: str
    output: str


def read_outputs(shared: Path, model: str) -> dict[str, Recording]:
    """All recordings of a model, by instruction; no instruction occurs twice."""
    path = shared / "data" / "pairs" / "outputs" / f"{model}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(text) for text in lines]
    return {row["instruction"]: Recording(row["instruction"], row["model"], row["output"]) for row in rows}


def read_arrivals(shared: Path, count: int, trace: str = "azure_conv_2023") -> list[float]:
    """The first `count` arrival times of a trace, in seconds from its first request."""
    with (shared / "data" / "traces" / f"{trace}.csv").open(newline="") as rows:
        return [float(row["arrival_s"]) for row, _ in zip(csv.DictReader(rows), range(count), strict=False)]


@dataclass(frozen=True, slots=True)
class Served:
    """One answer that an upstream gave."""

    instruction: str
    stream: bool
    usage: Mapping[str, Any] | None
    """As served; None when the client had not asked for it in the stream."""


def usage_of(recording: Recording) -> dict[str, Any]:
    """Counts of our own, different for each model and text: words in, quarters of characters out."""
    prompt = 5 + len(recording.instruction.split())
    completion = 1 + len(recording.output) // 4
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": prompt // 3},
        "completion_tokens_details": {"reasoning_tokens": completion // 5},
    }


class RecordedUpstream:
    """Serves the recordings of one model as an OpenAI-compatible API.

    It refuses what should never reach it: another model's name, another key. Streams are cut into events at seeded
    places of the text, and their bytes into writes at seeded places that have nothing to do with the events.
    """

    def __init__(self, recordings: Mapping[str, Recording], *, model: str, key: str) -> None:
        self.port = 0
        self.served: list[Served] = []
        self.refused: list[str] = []
        self._recordings = recordings
        self._model = model
        self._key = key
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "RecordedUpstream":
        app = web.Application(client_max_size=8 * 2**20)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _refuse(self, status: int, message: str) -> web.Response:
        self.refused.append(message)
        return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if request.headers.get("authorization") != f"Bearer {self._key}":
            return self._refuse(401, f"{self._model}: another key")
        if asked["model"] != self._model:
            return self._refuse(404, f"{self._model}: asked for {asked['model']}")
        recording = self._recordings.get(asked["messages"][-1]["content"])
        if recording is None:
            return self._refuse(404, f"{self._model}: no recording for this instruction")
        stream = asked.get("stream") is True
        wants_usage = not stream or (asked.get("stream_options") or {}).get("include_usage") is True
        usage = usage_of(recording) if wants_usage else None
        self.served.append(Served(recording.instruction, stream, usage))
        if not stream:
            return web.json_response(_completion(recording, usage_of(recording)))
        return await _send_stream(request, _events(recording, usage), seed=crc32(recording.instruction.encode()))


def _frame(recording: Recording, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-recorded", "object": kind, "created": 1700000000, "model": recording.model}


def _completion(recording: Recording, usage: Mapping[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": recording.output}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**_frame(recording, "chat.completion"), "choices": [choice], "usage": dict(usage)}


def _events(recording: Recording, usage: Mapping[str, Any] | None) -> list[bytes]:
    frame = _frame(recording, "chat.completion.chunk")
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    pieces = cut(recording.output, seed=crc32(recording.output.encode()), longest=60)
    deltas += [({"content": piece}, None) for piece in pieces]
    deltas.append(({}, "stop"))
    chunks: list[dict[str, Any]] = [
        {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in deltas
    ]
    if usage is not None:
        chunks.append({**frame, "choices": [], "usage": dict(usage)})
    # Half of the streams carry raw UTF-8, the other half escapes: both are JSON.
    ascii_only = len(recording.instruction) % 2 == 0
    lines = [json.dumps(chunk, ensure_ascii=ascii_only).encode() for chunk in chunks]
    return [b"data: " + text + b"\n\n" for text in [*lines, b"[DONE]"]]


def cut(whole: AnyStr, *, seed: int, longest: int) -> Iterator[AnyStr]:
    """Pieces of 1 to `longest` characters or bytes that make up the whole."""
    rng = random.Random(seed)
    start = 0
    while start < len(whole):
        end = start + rng.randint(1, longest)
        yield whole[start:end]
        start = end


async def _send_stream(request: web.Request, events: Sequence[bytes], *, seed: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for piece in cut(b"".join(events), seed=seed, longest=2_000):
        await response.write(piece)
        await asyncio.sleep(_EVENT_PAUSE_S)
    return response
