"""Requests as real clients sent them to real providers: nothing of what they say is lost in words."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from analyzer.judge.conversation import conversation, shown
from analyzer.judge.ladder import TIE_EQUAL, settle
from analyzer.judge.prompt import prompt
from analyzer.judge.question import Question
from analyzer.judge.rubric import load
from analyzer.judge.tool_schemas import offered
from proxy.recorder.comparison import tool_calls_json
from proxy.wire.body import Reply
from proxy.wire.dialects.table import DIALECTS
from store.judging.pair import Answer
from tests.analyzer.judge.made import pair

WIRE: Final = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data/wire"
SAID: Final = frozenset({"text", "content", "prompt", "input", "instructions", "system", "output"})
UNSAID: Final = frozenset({"thinking", "redacted_thinking", "reasoning"})


def recordings() -> list[dict[str, Any]]:
    if not (WIRE / "index.json").is_file():
        pytest.skip(f"no recorded requests: {WIRE} is not there (SHADOWBENCH_SHARED names the folder)")
    listed = json.loads((WIRE / "index.json").read_text())
    return [recording for recording in listed if recording.get("request_file") and endpoint_of(recording)]


def endpoint_of(recording: dict[str, Any]) -> str:
    """The dialect's key of a recording; empty for APIs that we do not speak, and for embeddings."""
    api = recording["api"]
    if api == "gemini":
        return "streamGenerateContent" if recording["stream"] else "generateContent"
    if api == "ollama":
        return "api/generate" if "generate" in recording["file"] else "api/chat"
    known = {"openai.chat": "chat/completions", "openai.completions": "completions", "openai.responses": "responses"}
    return {**known, "anthropic.messages": "messages"}.get(api, "")


def said_in(value: Any, key: str = "") -> Iterator[str]:
    """Texts of a request that a model reads, found without knowing its API."""
    if isinstance(value, str):
        if key in SAID:
            yield value
    elif isinstance(value, list):
        for inner in value:
            yield from said_in(inner, key)
    elif isinstance(value, dict) and value.get("type") not in UNSAID:
        for name, inner in value.items():
            if name not in {"tools", "functions", "response_format", "format", "text"} or isinstance(inner, str):
                yield from said_in(inner, name)


def test_every_text_of_a_request_stands_in_a_turn() -> None:
    seen = 0
    for recording in recordings():
        request = (WIRE / recording["request_file"]).read_text()
        found = conversation(request, endpoint_of(recording))
        words = "\n".join(turn.text for turn in found.turns)
        for text in said_in(json.loads(request)):
            assert text in words, recording["file"]
            seen += 1
        assert request not in words, recording["file"]
        names = [tool.name for tool in offered(json.loads(request))]
        assert all(f"- {name}(" in found.tools for name in names)
    assert seen > 60


def test_every_answer_is_its_own_equal_and_can_be_asked_about() -> None:
    """Read by the recorder, as it would be stored; a question about it is a prompt of its size and little more."""
    rubric, seen = load("helpfulness"), 0
    for recording in recordings():
        data = (WIRE / recording["file"]).read_bytes()
        heads = [(name.encode(), value.encode()) for name, value in recording["headers"].items()]
        endpoint = endpoint_of(recording)
        read = DIALECTS[endpoint].read_answer(Reply(recording["status"], heads, data))
        answer = Answer(read.text or "", tool_calls_json(read.tool_calls), read.model, None)
        if not (answer.text or answer.tool_calls):
            continue
        request = (WIRE / recording["request_file"]).read_text()
        assert settle(pair(answer, answer, request=request, endpoint=endpoint)) == TIE_EQUAL
        asked = conversation(request, endpoint)
        two = (shown(answer), shown(answer))
        made = prompt(Question("verdict", "pairwise_pc", asked.tools, asked.turns, two), rubric)
        size = len(request.encode()) + 2 * len((answer.text + answer.tool_calls).encode())
        assert made.bytes < 8_000 + 150 * len(asked.turns) + size
        seen += 1
    assert seen >= 40
