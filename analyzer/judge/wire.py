"""A prompt as bytes for a judge's API, and its answer as text, tokens and the reason where there is none. Pure."""

import email.utils
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from analyzer.judge.prompt import Prompt
from analyzer.judge.question import Failure, FailureReason
from config.judge import Embeddings, JudgeModel
from record.model_names import bare_name
from record.usage import Usage

Api = Literal["openai", "anthropic"]

TOP_LOGPROBS: Final = 20
"""The most that the API gives."""
ANTHROPIC_VERSION: Final = "2023-06-01"
MAX_MODEL_CHARS: Final = 200
"""Of a model's name in an answer."""
MAX_DETAIL_CHARS: Final = 300
_REASONING: Final = re.compile(r"(?:o[1-9]|gpt-[5-9])(?:[-.]|\Z)")
"""OpenAI's models that think first: they take no temperature, and count thinking as output."""
_OPT_OUT: Final = ("x-shadowbench-sample", "never")
"""A judge may be reached through the proxy that it judges for: its calls are no traffic to copy."""
_ENDS: Final = {"openai": ("/chat/completions", "/v1"), "anthropic": ("/messages", "/v1")}
_TOO_LONG: Final = re.compile(
    r"context_length_exceeded|maximum context length|prompt is too long|context window|too many tokens", re.IGNORECASE
)
_REFUSED: Final = re.compile(r"content_filter|content_policy_violation|content management policy", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OVERLOADED: Final = frozenset({429, 503, 529})
"""There is too much to do, which says nothing about the question."""
_ABOUT_THE_JUDGE: Final = frozenset({401, 402, 403, 404, 429})
_CHARGED_PERHAPS: Final = frozenset({408, 499, 502, 504})
"""A gateway gave up; behind it the answer may have been made, and charged."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A call as it goes out: a POST."""

    url: str
    headers: Mapping[str, str]
    """Credentials among them."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer of the API."""

    text: str
    """What should hold the verdict; empty where `failure` says why there is none."""
    model: str
    """As the answer names it; empty: it does not."""
    usage: Usage
    failure: Failure | None = None
    """Refused, or cut short; charged all the same."""
    logprobs: tuple[Any, ...] | None = None
    """OpenAI's list of tokens with their alternatives; None: none were given."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings of texts, in their order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Rejection:
    """There is no answer of the API."""

    failure: Failure
    is_about_judge: bool
    """Nobody's question would be answered now: the judge is away. Else it is about this question."""
    is_overload: bool = False
    """It has too much to do; other questions may be answered at the same time."""
    is_free: bool = False
    """It cannot have cost anything."""
    retry_after_s: float | None = None
    """As told."""


def request(model: JudgeModel, prompt: Prompt) -> Sent:
    """The call that asks a judge; its answer has to follow the prompt's schema."""
    body = _openai_body(model, prompt) if model.api == "openai" else _anthropic_body(model, prompt)
    return Sent(_url(model.url, *_ENDS[model.api]), _headers(model, model.api), _json(body))


def temperature(model: JudgeModel) -> float | None:
    """As sent; None: none is."""
    return None if _is_reasoning(model) else model.temperature


def embeddings_request(settings: Embeddings, texts: Sequence[str]) -> Sent:
    """The call that asks for the embeddings of some texts."""
    # An empty text is refused by some; what is asked of it is the same for all.
    body = {"model": settings.model, "input": [text or " " for text in texts], "encoding_format": "float"}
    return Sent(_url(settings.url, "/embeddings", "/v1"), _headers(settings, "openai"), _json(body))


def _is_reasoning(model: JudgeModel) -> bool:
    return model.api == "openai" and _REASONING.match(bare_name(model.model)) is not None


def _url(base: str, path: str, version: str) -> str:
    """Behind a base address: what it lacks of `/v1` and the path."""
    if urlsplit(base).path.endswith(path):
        return base
    return base + path if re.search(r"/v\d+\Z", urlsplit(base).path) else base + version + path


def _headers(settings: JudgeModel | Embeddings, api: Api) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": "application/json", _OPT_OUT[0]: _OPT_OUT[1]}
    key = settings.api_key.get_secret_value() if settings.api_key is not None else None
    if api == "anthropic":
        headers["anthropic-version"] = ANTHROPIC_VERSION
        if key is not None:
            headers["x-api-key"] = key
    elif key is not None:
        headers["authorization"] = f"Bearer {key}"
    return headers | {name: value.get_secret_value() for name, value in settings.headers.items()}


def _openai_body(model: JudgeModel, prompt: Prompt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model.model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
        },
    }
    if model.seed is not None:
        body["seed"] = model.seed
    if _is_reasoning(model):
        return body | {"max_completion_tokens": model.max_tokens}
    body["max_tokens"] = model.max_tokens
    if model.temperature is not None:
        body["temperature"] = model.temperature
    if model.logprobs:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return body


def _anthropic_body(model: JudgeModel, prompt: Prompt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model.model,
        "max_tokens": model.max_tokens,
        "system": prompt.system,
        "messages": [{"role": "user", "content": prompt.user}],
        "tools": [{"name": prompt.name, "description": "Takes the verdict.", "input_schema": prompt.schema}],
        "tool_choice": {"type": "tool", "name": prompt.name},
    }
    return body if model.temperature is None else body | {"temperature": model.temperature}


def _json(value: Any) -> bytes:
    """UTF-8; a lone surrogate, which it has no form for, becomes a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict).encode("utf-8", "replace")


def reading(
    api: Api, status: int, headers: Mapping[str, str], body: bytes, now: datetime | None = None
) -> Reading | Rejection:
    """What came back.

    Args:
        api: whose form it has.
        status: of the response.
        headers: names in lower case.
        body: at most a megabyte; nothing about it is trusted.
        now: for a `Retry-After` that is a date; None: such a one is not read.
    """
    value = _object(body)
    if status != 200 or value is None or _error_of(value):
        return _rejection(status, headers, value, body, now)
    found = _openai_reading(value) if api == "openai" else _anthropic_reading(value)
    return found or _stranger(status, "its answer is none of the API")


def embeddings_reading(
    status: int, headers: Mapping[str, str], body: bytes, count: int, now: datetime | None = None
) -> Vectors | Rejection:
    """Embeddings that came back; `count` were asked for."""
    value = _object(body)
    if status != 200 or value is None or _error_of(value):
        return _rejection(status, headers, value, body, now)
    entries = [entry for entry in _list(value.get("data")) if isinstance(entry, dict)]
    if sorted(places := [_count(entry.get("index")) or 0 for entry in entries]) == list(range(count)):
        entries = [entry for _, entry in sorted(zip(places, entries, strict=True), key=itemgetter(0))]
    vectors = [_vector(entry) for entry in entries]
    if len(vectors) != count or not all(vectors):
        return _stranger(status, "its answer holds no embeddings")
    usage = _object_in(value, "usage")
    tokens = _count(usage.get("prompt_tokens"))
    return Vectors(tuple(vectors), _model(value), Usage(tokens, None if tokens is None else 0))


def _openai_reading(value: Mapping[str, Any]) -> Reading | None:
    choices = _list(value.get("choices"))
    choice = choices[0] if choices and isinstance(choices[0], dict) else None
    message = choice.get("message") if choice is not None else None
    if choice is None or not isinstance(message, dict):
        return None
    told = _object_in(value, "usage")
    usage = Usage(
        _count(told.get("prompt_tokens")),
        _count(told.get("completion_tokens")),
        cached_tokens=_count(_object_in(told, "prompt_tokens_details").get("cached_tokens")),
        reasoning_tokens=_count(_object_in(told, "completion_tokens_details").get("reasoning_tokens")),
    )
    text, finish = _content(message.get("content")), choice.get("finish_reason")
    failure = None
    if message.get("refusal") or finish == "content_filter":
        failure = Failure("refusal", "it refused to answer")
    elif finish == "length":
        failure = Failure("truncated", "its answer was cut at max_tokens")
    logprobs = _object_in(choice, "logprobs").get("content")
    tokens = tuple(logprobs) if isinstance(logprobs, list) else None
    return Reading("" if failure else text, _model(value), usage, failure, tokens)


def _anthropic_reading(value: Mapping[str, Any]) -> Reading | None:
    blocks = [block for block in _list(value.get("content")) if isinstance(block, dict)]
    stop = value.get("stop_reason")
    if value.get("type") != "message" and not blocks:
        return None
    told = _object_in(value, "usage")
    fresh, output = _count(told.get("input_tokens")), _count(told.get("output_tokens"))
    read, written = _count(told.get("cache_read_input_tokens")), _count(told.get("cache_creation_input_tokens"))
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    usage = Usage(whole, output, cached_tokens=read, cache_write_tokens=written)
    failure = None
    if stop == "refusal":
        failure = Failure("refusal", "it refused to answer")
    elif stop in {"max_tokens", "model_context_window_exceeded"}:
        failure = Failure("truncated", "its answer was cut at max_tokens")
    return Reading("" if failure else _said(blocks), _model(value), usage, failure)


def _said(blocks: Sequence[Mapping[str, Any]]) -> str:
    """What the tool was called with, as JSON; else the text."""
    for block in blocks:
        if block.get("type") == "tool_use":
            return _json(block.get("input")).decode()
    return "".join(text for block in blocks if isinstance(text := block.get("text"), str))


def _rejection(
    status: int, headers: Mapping[str, str], value: Mapping[str, Any] | None, body: bytes, now: datetime | None
) -> Rejection:
    """Everything that is no answer: errors by status, errors inside a 200, what is not the API at all."""
    said = _error_of(value) if value is not None else ""
    detail = f"status {status}" + (f": {said}" if said else "")
    if 400 <= status < 500 and (about := _about_the_pair(status, value, body)):
        return Rejection(Failure(about, _coded(status, value)), is_about_judge=False, is_free=True)
    if status in {429, 529}:
        after_s = retry_after_s(headers, now)
        failure = Failure("rate_limited", detail)
        return Rejection(failure, is_about_judge=True, is_overload=True, is_free=True, retry_after_s=after_s)
    if status >= 500 or status in _ABOUT_THE_JUDGE:
        return Rejection(
            # A server that fails may say what it failed at: a piece of the prompt.
            Failure("http_error", _coded(status, value) if status >= 500 else detail),
            is_about_judge=True,
            is_overload=status in _OVERLOADED,
            is_free=status < 520 and status not in _CHARGED_PERHAPS,
            retry_after_s=retry_after_s(headers, now),
        )
    if status >= 400:
        is_free = status not in _CHARGED_PERHAPS
        reason: FailureReason = "timeout" if status in {408, 499} else "http_error"
        return Rejection(Failure(reason, _coded(status, value)), is_about_judge=False, is_free=is_free)
    return _stranger(status, said or "its answer is not JSON")


def _stranger(status: int, said: str) -> Rejection:
    """Something answers there, but not the API: a wrong address, a page of a gateway."""
    return Rejection(Failure("http_error", f"status {status}: {said}"), is_about_judge=True)


def _about_the_pair(status: int, value: Mapping[str, Any] | None, body: bytes) -> FailureReason | None:
    """Refusals of a prompt that come as errors."""
    if status == 413:
        return "input_too_long"
    if value is None:
        return None
    text = body.decode("utf-8", "replace")
    if status == 429:  # more tokens than a minute has, at OpenAI: it would be refused for ever
        return "input_too_long" if "equest too large" in text else None
    if _TOO_LONG.search(text):
        return "input_too_long"
    return "refusal" if _REFUSED.search(text) else None


def _error_of(value: Mapping[str, Any]) -> str:
    """What an error says, in one short line; empty: it is none."""
    error = value.get("error")
    if not error:
        return ""
    said = error.get("message") or error.get("type") or error.get("code") if isinstance(error, dict) else error
    return " ".join(str(said).split())[:MAX_DETAIL_CHARS] or "an error without a message"


def _coded(status: int, value: Mapping[str, Any] | None) -> str:
    """Status and the error's code: what a message about one prompt says may be a piece of it."""
    error = _object_in(value or {}, "error")
    code = next((c for name in ("code", "type") if isinstance(c := error.get(name), str) and _CODE.fullmatch(c)), None)
    return f"status {status}" + (f": {code}" if code else "")


def retry_after_s(headers: Mapping[str, str], now: datetime | None) -> float | None:
    """Seconds, as told by `retry-after-ms` or `retry-after` (a number, or a date); None: not told.

    Args:
        headers: names in lower case, or of a kind that does not mind.
        now: for a date; None: such a one is not read.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            told_s = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return max(0.0, told_s) if math.isfinite(told_s) else None
    try:
        until = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return None if now is None or until.tzinfo is None else max(0.0, (until - now).total_seconds())


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _object_in(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _content(value: Any) -> str:
    """Text, or the texts of its parts."""
    if isinstance(value, str):
        return value
    parts = (part.get("text") for part in _list(value) if isinstance(part, dict))
    return "".join(part for part in parts if isinstance(part, str))


def _model(value: Mapping[str, Any]) -> str:
    model = value.get("model")
    return model[:MAX_MODEL_CHARS] if isinstance(model, str) else ""


def _count(value: Any) -> int | None:
    """A number of tokens that a column can hold."""
    return value if type(value) is int and 0 <= value < 2**32 else None


def _vector(entry: Mapping[str, Any]) -> tuple[float, ...]:
    """Empty: there is none."""
    numbers = _list(entry.get("embedding"))
    try:
        return tuple(float(n) for n in numbers) if all(type(n) in {float, int} for n in numbers) else ()
    except OverflowError:
        return ()
