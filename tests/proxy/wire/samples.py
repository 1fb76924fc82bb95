"""Answers of every dialect, written by hand, each with what it says: text, reasoning, and (input, output) tokens.

The texts hold characters of two to four bytes, brackets and quotes, so that a cut or a scan has something to trip over.
"""

import json
from dataclasses import dataclass
from typing import Any

SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]
JSON = [(b"content-type", b"application/json")]
NDJSON = [(b"content-type", b"application/x-ndjson")]

TEXT = 'né "😀" {[}]\\ end'
PIECES = ["né ", '"😀"', " {[}]", "\\ end"]


@dataclass(frozen=True)
class Sample:
    """One answer."""

    name: str
    endpoint: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    text: str | None = TEXT
    reasoning: str = "hm ☕"
    tokens: tuple[int | None, int | None] = (9, 14)
    finish_reason: str | None = "stop"


def dump(value: Any) -> bytes:
    """As most servers do: UTF-8, not escaped."""
    return json.dumps(value, ensure_ascii=False).encode()


def events(*values: Any, done: bool = False, end: bytes = b"\n", typed: bool = False) -> bytes:
    """Server-sent events; typed ones carry their type as their name too."""
    parts = []
    for value in values:
        name = b"event: " + value["type"].encode() + end if typed else b""
        parts.append(name + b"data: " + dump(value) + end + end)
    return b"".join(parts) + (b"data: [DONE]" + end + end if done else b"")


def lines(*values: Any) -> bytes:
    """One JSON value per line."""
    return b"".join(dump(value) + b"\n" for value in values)


def array(*values: Any) -> bytes:
    """As Google sends a stream without `alt=sse`: laid out for people, CRLF between the items."""
    return b"[" + b"\n,\r\n".join(json.dumps(value, ensure_ascii=False, indent=2).encode() for value in values) + b"\n]"


def chat_chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields}


CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 14, "completion_tokens_details": {"reasoning_tokens": 4}}
COMPLETION_USAGE = {"prompt_tokens": 9, "completion_tokens": 14}
RESPONSE_USAGE = {"input_tokens": 9, "output_tokens": 14, "output_tokens_details": {"reasoning_tokens": 4}}
GEMINI_USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 10, "thoughtsTokenCount": 4, "totalTokenCount": 23}


def response(status: str, output: list[Any], **fields: Any) -> dict[str, Any]:
    return {"object": "response", "status": status, "model": "m", "output": output, **fields}


RESPONSE_OUTPUT = [
    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm ☕"}], "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]},
]


def response_events(*, output: list[Any]) -> list[dict[str, Any]]:
    """A stream of a response whose last event holds `output`."""
    return [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.reasoning_text.delta", "output_index": 0, "delta": "hm ☕"},
        *[{"type": "response.output_text.delta", "output_index": 1, "delta": piece} for piece in PIECES],
        {"type": "response.completed", "response": response("completed", output, usage=RESPONSE_USAGE)},
    ]


def block_delta(index: int, kind: str, **fields: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


MESSAGE_EVENTS = [
    {
        "type": "message_start",
        "message": {
            "model": "m",
            "content": [],
            "usage": {"input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "ping"},
    block_delta(0, "thinking_delta", thinking="hm ☕"),
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    *[block_delta(1, "text_delta", text=piece) for piece in PIECES],
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 14}},
    {"type": "message_stop"},
]
MESSAGE = {
    "type": "message",
    "model": "m",
    "content": [{"type": "thinking", "thinking": "hm ☕"}, {"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 14},
}


def gemini(*parts: dict[str, Any], finish: str | None = None, usage: Any = None) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m", **({"usageMetadata": usage} if usage else {})}


GEMINI_CHUNKS = [
    gemini({"text": "hm ☕", "thought": True}, usage={"promptTokenCount": 9, "totalTokenCount": 9}),
    *[gemini({"text": piece}) for piece in PIECES],
    gemini({"text": ""}, finish="STOP", usage=GEMINI_USAGE),
]

OLLAMA_LAST = {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 14}
OLLAMA_CHAT_LINES = [
    {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "hm ☕"}, "done": False},
    *[{"model": "m", "message": {"role": "assistant", "content": piece}, "done": False} for piece in PIECES],
    {**OLLAMA_LAST, "message": {"role": "assistant", "content": ""}},
]
OLLAMA_GENERATE_LINES = [
    {"model": "m", "response": "", "thinking": "hm ☕", "done": False},
    *[{"model": "m", "response": piece, "done": False} for piece in PIECES],
    {**OLLAMA_LAST, "response": ""},
]

STREAMS = [
    Sample(
        "chat",
        "chat/completions",
        SSE,
        events(
            chat_chunk({"role": "assistant", "content": ""}),
            chat_chunk({"reasoning_content": "hm ☕"}),
            *[chat_chunk({"content": piece}) for piece in PIECES],
            chat_chunk({}, finish="stop"),
            {"model": "m", "choices": [], "usage": CHAT_USAGE},
            done=True,
        ),
    ),
    Sample(
        "completions",
        "completions",
        SSE,
        events(
            *[{"model": "m", "choices": [{"index": 0, "text": piece}]} for piece in PIECES],
            {"model": "m", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}], "usage": COMPLETION_USAGE},
            done=True,
        ),
        reasoning="",
    ),
    Sample(
        "responses",
        "responses",
        SSE,
        events(*response_events(output=RESPONSE_OUTPUT), typed=True),
        finish_reason="completed",
    ),
    Sample(
        "responses without output in the last event",
        "responses",
        SSE,
        events(*response_events(output=[]), done=True),
        finish_reason="completed",
    ),
    Sample("messages", "messages", SSE, events(*MESSAGE_EVENTS, typed=True), finish_reason="end_turn"),
    Sample(
        "gemini events",
        "streamGenerateContent",
        SSE,
        events(*GEMINI_CHUNKS, end=b"\r\n"),
        finish_reason="STOP",
    ),
    Sample("gemini array", "streamGenerateContent", JSON, array(*GEMINI_CHUNKS), finish_reason="STOP"),
    Sample("ollama chat", "api/chat", NDJSON, lines(*OLLAMA_CHAT_LINES)),
    Sample("ollama generate", "api/generate", NDJSON, lines(*OLLAMA_GENERATE_LINES)),
]

WHOLE = [
    Sample(
        "chat",
        "chat/completions",
        JSON,
        dump(
            {
                "model": "m",
                "choices": [{"index": 0, "message": {"content": TEXT, "reasoning": "hm ☕"}, "finish_reason": "stop"}],
                "usage": CHAT_USAGE,
            }
        ),
    ),
    Sample(
        "completions",
        "completions",
        JSON,
        dump(
            {
                "model": "m",
                "choices": [{"index": 0, "text": TEXT, "finish_reason": "stop"}],
                "usage": COMPLETION_USAGE,
            }
        ),
        reasoning="",
    ),
    Sample(
        "embeddings",
        "embeddings",
        JSON,
        dump(
            {
                "object": "list",
                "data": [{"index": 0, "embedding": [0.1, -2e-5, 3]}],
                "model": "m",
                "usage": {"prompt_tokens": 9, "total_tokens": 9},
            }
        ),
        text=None,
        reasoning="",
        tokens=(9, 0),
        finish_reason=None,
    ),
    Sample(
        "responses",
        "responses",
        JSON,
        dump(response("completed", RESPONSE_OUTPUT, usage=RESPONSE_USAGE)),
        finish_reason="completed",
    ),
    Sample("messages", "messages", JSON, dump(MESSAGE), finish_reason="end_turn"),
    Sample(
        "gemini",
        "generateContent",
        JSON,
        dump(gemini({"text": "hm ☕", "thought": True}, {"text": TEXT}, finish="STOP", usage=GEMINI_USAGE)),
        finish_reason="STOP",
    ),
    Sample(
        "ollama chat",
        "api/chat",
        JSON,
        dump({"message": {"role": "assistant", "content": TEXT, "thinking": "hm ☕"}, **OLLAMA_LAST}),
    ),
    Sample("ollama generate", "api/generate", JSON, dump({"response": TEXT, "thinking": "hm ☕", **OLLAMA_LAST})),
]
