"""What the two APIs of a judge take and give, as their documentation has it; kept apart from the product's own view."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DIMENSIONS = 509
_BEARER = "Bearer "
_REASONING = re.compile(r"(?:o[1-9]|gpt-5)(?:-|\Z)")
_MOST_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer with its alternatives: token -> natural logarithm of its probability."""

    text: str
    top: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge answers."""

    text: str = ""
    """Of a verdict: its JSON. Of an error: its message."""
    after_s: float = 0.0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: Literal["stop", "length", "refusal", "content_filter"] = "stop"
    logprobs: Sequence[Token] | None = None
    """Tokens that make up `text`."""
    model: str | None = None
    """Another name than the one asked for."""
    has_usage: bool = True
    is_cut: bool = False
    """The connection breaks in the middle of the answer."""
    raw: Any = None
    """Body of an error in place of the API's own; a string is sent as HTML."""

    @classmethod
    def winner(cls, winner: str, rationale: str = "It is the better one.", **more: Any) -> "Reply":
        """A verdict over two answers: A, B or tie."""
        return cls(json.dumps({"rationale": rationale, "winner": winner}), **more)

    @classmethod
    def score(cls, score: int, rationale: str = "As good as that.", **more: Any) -> "Reply":
        """A verdict over one answer."""
        return cls(json.dumps({"rationale": rationale, "score": score}), **more)

    @classmethod
    def weighed(cls, a: float, b: float, rationale: str = "It depends.", **more: Any) -> "Reply":
        """A verdict over two answers whose token has these log-probabilities."""
        winner = "A" if a >= b else "B"
        before = '{"rationale": ' + json.dumps(rationale) + ', "winner": "'
        tokens = [
            *(Token(piece, {piece: -0.01}) for piece in re.findall(r"\s*\S+", before)),
            Token(winner, {"A": a, "B": b}),
            Token('"}', {'"}': -0.001}),
        ]
        return cls(before + winner + '"}', logprobs=tokens, **more)


def count_tokens(text: str) -> int:
    """Never more than the text has bytes, as with every tokenizer."""
    return (len(text.encode()) + 3) // 4


class OpenAi:
    """Chat completions with a strict schema."""

    name = "openai"
    path = "/v1/chat/completions"

    def key(self, headers: Mapping[str, str]) -> str | None:
        sent = headers.get("authorization")
        return sent.removeprefix(_BEARER) if sent is not None and sent.startswith(_BEARER) else sent

    def fault(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str | None:
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            return f"content type {headers.get('content-type')!r}"
        is_reasoning = _REASONING.match(str(body.get("model"))) is not None
        limit, other = ("max_completion_tokens", "max_tokens") if is_reasoning else ("max_tokens", "max_tokens ")
        if not isinstance(body.get(limit), int) or other in body:
            return f"{body.get('model')} wants {limit}"
        if is_reasoning and "temperature" in body:
            return f"{body['model']} takes no temperature"
        if (top := body.get("top_logprobs")) is not None and not (body.get("logprobs") and 0 <= top <= 20):
            return "top_logprobs without logprobs, or more than 20"
        form = body.get("response_format") or {}
        if form.get("type") != "json_schema" or form["json_schema"].get("strict") is not True:
            return "no strict schema"
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form["json_schema"].get("name", "")):
            return "a schema needs a name"
        return schema_fault(form["json_schema"]["schema"])

    def texts(self, body: Mapping[str, Any]) -> tuple[str, str]:
        said = {"system": "", "user": ""}
        for message in body["messages"]:
            said[message["role"].replace("developer", "system")] += message["content"]
        return said["system"], said["user"]

    def answer(self, model: str, reply: Reply, input_tokens: int, output_tokens: int) -> Mapping[str, Any]:
        is_refusal = reply.finish == "refusal"
        message = {"role": "assistant", "content": None if is_refusal else reply.text}
        message["refusal"] = reply.text if is_refusal else None
        choice = {
            "index": 0,
            "message": message,
            "logprobs": _logprobs(reply.logprobs),
            "finish_reason": "stop" if is_refusal else reply.finish,
        }
        usage = {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        }
        whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": reply.model or model}
        return {**whole, "choices": [choice], **({"usage": usage} if reply.has_usage else {})}

    def error(self, status: int, message: str) -> Mapping[str, Any]:
        kind = "rate_limit_error" if status == 429 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}


class Anthropic:
    """Messages with a tool that has to be called."""

    name = "anthropic"
    path = "/v1/messages"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key")

    def fault(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str | None:
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            return f"content type {headers.get('content-type')!r}"
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", headers.get("anthropic-version", "")):
            return "anthropic-version: header is required"
        if not isinstance(body.get("max_tokens"), int):
            return "max_tokens: Field required"
        if "seed" in body or "logprobs" in body:
            return "seed, logprobs: Extra inputs are not permitted"
        if any(message["role"] not in {"user", "assistant"} for message in body["messages"]):
            return "messages: Unexpected role"
        tools = {tool["name"]: tool for tool in body.get("tools", ())}
        choice = body.get("tool_choice") or {}
        if choice.get("type") != "tool" or choice.get("name") not in tools:
            return "tool_choice names no tool"
        return schema_fault(tools[choice["name"]]["input_schema"])

    def texts(self, body: Mapping[str, Any]) -> tuple[str, str]:
        system = body.get("system", "")
        parts = [message["content"] for message in body["messages"]]
        return _text(system), "".join(map(_text, parts))

    def answer(self, model: str, reply: Reply, input_tokens: int, output_tokens: int) -> Mapping[str, Any]:
        try:
            made = json.loads(reply.text)
        except ValueError:
            made = None
        if isinstance(made, dict) and reply.finish == "stop":
            content, stop = {"type": "tool_use", "id": "toolu_1", "name": "verdict", "input": made}, "tool_use"
        else:
            content = {"type": "text", "text": reply.text}
            stop = {"length": "max_tokens", "stop": "end_turn"}.get(reply.finish, "refusal")
        usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
        whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": reply.model or model}
        return {
            **whole,
            "content": [content],
            "stop_reason": stop,
            "stop_sequence": None,
            **({"usage": usage} if reply.has_usage else {}),
        }

    def error(self, status: int, message: str) -> Mapping[str, Any]:
        kind = {429: "rate_limit_error", 529: "overloaded_error", 401: "authentication_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}


Api = OpenAi | Anthropic
APIS: tuple[Api, ...] = (OpenAi(), Anthropic())


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """What strict mode refuses: an object that leaves properties open, or does not require all."""
    if schema.get("type") != "object" or not schema.get("properties"):
        return "a schema has to be of an object"
    if schema.get("additionalProperties") is not False:
        return "additionalProperties has to be false"
    if sorted(schema.get("required", ())) != sorted(schema["properties"]):
        return "required has to name all properties"
    return None


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _logprobs(tokens: Sequence[Token] | None) -> Mapping[str, Any] | None:
    if tokens is None:
        return None

    def one(text: str, value: float) -> dict[str, Any]:
        return {"token": text, "logprob": value, "bytes": list(text.encode())}

    content = []
    for token in tokens:
        top = sorted(token.top.items(), key=lambda item: -item[1])[:_MOST_TOP_LOGPROBS]
        content.append(
            {**one(token.text, token.top.get(token.text, -20.0)), "top_logprobs": [one(*entry) for entry in top]}
        )
    return {"content": content, "refusal": None}


@dataclass(frozen=True, slots=True)
class Embedding:
    """Answers of `/v1/embeddings`."""

    model: str
    tokens: int

    def answer(self, vectors: Sequence[Sequence[float]]) -> Mapping[str, Any]:
        data = [{"object": "embedding", "index": i, "embedding": list(vector)} for i, vector in enumerate(vectors)]
        usage = {"prompt_tokens": self.tokens, "total_tokens": self.tokens}
        return {"object": "list", "data": data, "model": self.model, "usage": usage}


def vector_of(text: str) -> list[float]:
    """Counts of the words, each at a place that its checksum gives; not normalised."""
    vector = [0.0] * DIMENSIONS
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % DIMENSIONS] += 1.0
    return vector
