"""Recorded latencies of LLM providers as a plan for an upstream, and the requests and answers that go with it.

The latencies are the LLMPerf leaderboard's raw requests (13 providers and models, 550 tokens in, 150 out), read from
where SHADOWBENCH_SHARED points. Request number i gets row i of a seeded shuffle, in every run: runs can be compared
request by request.
"""

import csv
import gzip
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.event_stream import event

LONGEST_S = 20.0
"""Slower requests (cold starts of one provider, up to 100 s) are left out: a run would have to wait for them."""
EVENTS = 12
"""Per stream; providers send several tokens at a time."""
_SEED = 20231215
_NUMBER = re.compile(rb'"content": ?"request (\d+) ')


@dataclass(frozen=True, slots=True)
class Plan:
    """How long one answer takes, in seconds from the request's last byte."""

    first_s: float
    total_s: float


def read_plans(shared: Path, *, time_scale: float) -> list[Plan]:
    """The recorded latencies, shuffled and scaled."""
    path = shared / "data" / "latency" / "llmperf_requests.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as rows:
        recorded = [
            Plan(float(row["ttft_s"]) * time_scale, float(row["total_s"]) * time_scale)
            for row in csv.DictReader(rows)
            if not row["error_code"] and 0 < float(row["ttft_s"]) <= float(row["total_s"]) <= LONGEST_S
        ]
    random.Random(_SEED).shuffle(recorded)
    return recorded


def plan_of(plans: Sequence[Plan], index: int) -> Plan:
    """The plan of one request; they come round again."""
    return plans[index % len(plans)]


def is_stream(index: int) -> bool:
    """Half of the requests ask for a stream."""
    return index % 2 == 0


def request_body(index: int) -> bytes:
    """A request of about 1.2 kB that carries its number."""
    words = "what was asked " * 75
    messages = [{"role": "user", "content": f"request {index} {words}"}]
    return json.dumps({"model": "client-model", "messages": messages, "stream": is_stream(index)}).encode()


def number_of(body: bytes) -> int | None:
    """Which request this is, by its body as a proxy may have rewritten it."""
    found = _NUMBER.search(body)
    return int(found[1]) if found else None


def answer_parts(index: int) -> list[bytes]:
    """The answer's body: events for a stream, else one JSON document; its number is part of it."""
    if not is_stream(index):
        return [_completion(index)]
    choice = {"index": 0, "delta": {"content": f" word-{index}"}, "logprobs": None, "finish_reason": None}
    usage = {"prompt_tokens": 230, "completion_tokens": EVENTS, "total_tokens": 230 + EVENTS}
    stop = event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    last = stop + event([], usage=usage) + b"data: [DONE]\n\n"
    return [event([choice])] * (EVENTS - 1) + [last]


def answer_body(index: int) -> bytes:
    """The whole body."""
    return b"".join(answer_parts(index))


def _completion(index: int) -> bytes:
    message = {"role": "assistant", "content": f"the answer to {index} " + "word " * 150}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 230, "completion_tokens": 150, "total_tokens": 380}
    frame = {"id": "chatcmpl-benchmark", "object": "chat.completion", "created": 1700000000, "model": "benchmark-model"}
    return json.dumps({**frame, "choices": [choice], "usage": usage}).encode()
