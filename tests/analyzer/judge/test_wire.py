"""Calls as the two APIs take them, and answers as they and what stands before them give them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.prompt import Prompt, prompt
from analyzer.judge.question import Question, Shown, Turn
from analyzer.judge.rubric import load
from analyzer.judge.wire import (
    Reading,
    Rejection,
    Vectors,
    embeddings_reading,
    embeddings_request,
    reading,
    request,
    temperature,
)
from config.judge import Embeddings, JudgeModel
from tests.analyzer.judge.made import json_values
from tests.fakes.judge_wire import APIS

ASKED = prompt(
    Question("verdict", "pairwise_pc", "", (Turn("user", "Why?"),), (Shown("Because."), Shown("Therefore."))),
    load("helpfulness"),
)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def model(**settings: Any) -> JudgeModel:
    return JudgeModel.model_validate({"name": "j", "url": "http://judge:80", "model": "gpt-4o", **settings})


def body_of(settings: JudgeModel, asked: Prompt = ASKED) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request(settings, asked).body)
    return found


def test_openai_gets_a_strict_schema_and_what_is_configured() -> None:
    body = body_of(model(temperature=0.3, seed=7, max_tokens=300))
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert [message["content"] for message in body["messages"]] == [ASKED.system, ASKED.user]
    assert body["response_format"]["json_schema"] == {"name": ASKED.name, "strict": True, "schema": dict(ASKED.schema)}
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.3, 7, 300)
    assert "logprobs" not in body


def test_anthropic_is_made_to_call_a_tool_whose_input_is_the_verdict() -> None:
    settings = model(api="anthropic", model="claude-sonnet-4-5", temperature=None)
    body = body_of(settings)
    (tool,) = body["tools"]
    assert tool["input_schema"] == dict(ASKED.schema)
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    assert (body["system"], body["max_tokens"]) == (ASKED.system, 1024)
    assert "temperature" not in body


@pytest.mark.parametrize("settings", [model(), model(model="o3-mini"), model(model="gpt-5", seed=3),
                                      model(api="anthropic", model="claude-x", temperature=1)])  # fmt: skip
def test_the_played_apis_take_every_call(settings: JudgeModel) -> None:
    """They refuse what the real ones refuse."""
    sent = request(settings, ASKED)
    api = next(api for api in APIS if api.name == settings.api)
    assert sent.url.endswith(api.path)
    assert api.fault(dict(sent.headers), json.loads(sent.body)) is None


@pytest.mark.parametrize("name", ["o1", "o3-mini", "openai/o4-mini", "gpt-5", "gpt-5.1-mini", "gpt-5-2026-01-01"])
def test_models_that_think_first_get_no_temperature_and_their_own_limit(name: str) -> None:
    settings = model(model=name, logprobs=True)
    body = body_of(settings)
    assert body["max_completion_tokens"] == 1024
    assert not {"temperature", "max_tokens", "logprobs", "top_logprobs"} & set(body)
    assert temperature(settings) is None


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4.1", "omni-3", "o10x", "llama-3"])
def test_others_get_both(name: str) -> None:
    body = body_of(model(model=name, logprobs=True))
    assert (body["temperature"], body["max_tokens"], body["top_logprobs"]) == (0, 1024, 20)


@pytest.mark.parametrize(
    ("base", "api", "whole"),
    [
        ("http://host", "openai", "http://host/v1/chat/completions"),
        ("https://api.openai.com/v1", "openai", "https://api.openai.com/v1/chat/completions"),
        ("http://host/base/v4", "openai", "http://host/base/v4/chat/completions"),
        ("http://host/x/chat/completions", "openai", "http://host/x/chat/completions"),
        ("http://host/openai", "openai", "http://host/openai/v1/chat/completions"),
        ("https://api.anthropic.com", "anthropic", "https://api.anthropic.com/v1/messages"),
        ("http://host/v1", "anthropic", "http://host/v1/messages"),
        ("http://host/v1/messages", "anthropic", "http://host/v1/messages"),
    ],
)
def test_an_address_gets_what_it_lacks(base: str, api: str, whole: str) -> None:
    assert request(model(url=base, api=api), ASKED).url == whole


def test_credentials_go_where_each_api_has_them_and_own_headers_come_last() -> None:
    ours = request(model(api_key="k1"), ASKED).headers
    theirs = request(model(api="anthropic", api_key="k2", headers={"anthropic-version": "2027-01-01"}), ASKED).headers
    azure = request(model(headers={"api-key": "k3"}), ASKED).headers
    assert ours["authorization"] == "Bearer k1"
    assert (theirs["x-api-key"], theirs["anthropic-version"]) == ("k2", "2027-01-01")
    assert azure["api-key"] == "k3"
    assert "authorization" not in {**theirs, **azure}


def test_a_judge_behind_our_own_proxy_is_no_traffic_to_copy() -> None:
    assert request(model(), ASKED).headers["x-shadowbench-sample"] == "never"


def openai_answer(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": '{"winner": "A"}', **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more.pop("choice", {})}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    return {"model": "gpt-4o-2024-08-06", "choices": [choice], "usage": usage, **more}


def read(value: Any, api: Any = "openai", status: int = 200, **headers: str) -> Reading | Rejection:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return reading(api, status, named, body, NOW)


def test_an_answer_of_openai_is_read() -> None:
    found = read(openai_answer(choice={"logprobs": {"content": [{"token": "A"}]}}))
    assert isinstance(found, Reading)
    assert (found.text, found.model, found.failure) == ('{"winner": "A"}', "gpt-4o-2024-08-06", None)
    assert (found.usage.input_tokens, found.usage.output_tokens, found.usage.cached_tokens) == (10, 5, 4)
    assert found.logprobs == ({"token": "A"},)


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": '{"winner"'}, {"type": "text", "text": ': "B"}'}]
    found = read(openai_answer(message={"content": parts}))
    assert isinstance(found, Reading)
    assert found.text == '{"winner": "B"}'


def test_an_answer_of_anthropic_is_what_the_tool_was_called_with() -> None:
    found = read(
        {
            "type": "message",
            "model": "claude-x",
            "content": [{"type": "text", "text": "So"}, {"type": "tool_use", "name": "t", "input": {"winner": "tie"}}],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 2,
                      "output_tokens": 4},
        },
        "anthropic",
    )  # fmt: skip
    assert isinstance(found, Reading)
    assert json.loads(found.text) == {"winner": "tie"}
    # Its input leaves cached tokens out; ours has all of them.
    assert found.usage.input_tokens == 3 + 10 + 2
    assert (found.usage.cached_tokens, found.usage.cache_write_tokens, found.usage.output_tokens) == (10, 2, 4)


@pytest.mark.parametrize(
    ("answer", "api", "reason"),
    [
        (openai_answer(message={"refusal": "I cannot", "content": None}), "openai", "refusal"),
        (openai_answer(choice={"finish_reason": "content_filter"}), "openai", "refusal"),
        (openai_answer(choice={"finish_reason": "length"}), "openai", "truncated"),
        ({"type": "message", "content": [], "stop_reason": "refusal"}, "anthropic", "refusal"),
        ({"type": "message", "content": [{"type": "text", "text": "{"}], "stop_reason": "max_tokens"}, "anthropic",
         "truncated"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_says_why(answer: Any, api: str, reason: str) -> None:
    found = read(answer, api)
    assert isinstance(found, Reading)
    assert found.failure is not None
    assert (found.failure.reason, found.text) == (reason, "")


@pytest.mark.parametrize(
    ("status", "reason", "is_about_judge", "is_overload", "is_free"),
    [
        (429, "rate_limited", True, True, True),
        (529, "rate_limited", True, True, True),
        (503, "http_error", True, True, True),
        (500, "http_error", True, False, True),
        (502, "http_error", True, False, False),
        (504, "http_error", True, False, False),
        (524, "http_error", True, False, False),
        (401, "http_error", True, False, True),
        (402, "http_error", True, False, True),
        (403, "http_error", True, False, True),
        (404, "http_error", True, False, True),
        (400, "http_error", False, False, True),
        (422, "http_error", False, False, True),
        (408, "timeout", False, False, False),
        (413, "input_too_long", False, False, True),
        (302, "http_error", True, False, False),
    ],
)
def test_statuses_say_whose_fault_it_is_and_what_it_may_have_cost(
    status: int, reason: str, is_about_judge: bool, is_overload: bool, is_free: bool
) -> None:
    found = read({"error": {"message": "no", "type": "some_error"}}, status=status)
    assert isinstance(found, Rejection)
    said = (found.failure.reason, found.is_about_judge, found.is_overload, found.is_free)
    assert said == (reason, is_about_judge, is_overload, is_free)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "context_length_exceeded", "message": "This model's maximum context length is 8192"},
         "input_too_long"),
        ({"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
         "input_too_long"),
        ({"code": "content_filter", "message": "filtered due to content management policy"}, "refusal"),
        ({"code": "invalid_value", "message": "no such field"}, "http_error"),
    ],
)  # fmt: skip
def test_a_refused_prompt_says_why_without_repeating_it(error: Any, reason: str) -> None:
    found = read({"error": error}, status=400)
    assert isinstance(found, Rejection)
    assert found.failure.reason == reason
    assert not found.is_about_judge
    assert error["message"] not in found.failure.detail


def test_a_prompt_that_no_minute_has_room_for_is_too_long_and_not_too_early() -> None:
    message = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000."
    found = read({"error": {"message": message, "code": "rate_limit_exceeded"}}, status=429)
    assert isinstance(found, Rejection)
    assert (found.failure.reason, found.is_about_judge) == ("input_too_long", False)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"[]", b"null", b'{"choices": []}', b'{"x": 1}', b'{"error": "down"}',
             b'{"choices": [{"message": null}]}', b"\xff\xfe", b"[" * 100_000]
)  # fmt: skip
@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_what_is_no_answer_of_the_api_is_about_the_judge(body: bytes, api: str) -> None:
    """A wrong address, a page of a gateway: no pair is to blame."""
    found = read(body, api)
    assert isinstance(found, Rejection)
    assert found.is_about_judge
    assert not found.is_free


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after": "Fri, 01 May 2026 12:00:30 GMT"}, 30.0),
        ({"retry_after": "Fri, 01 May 2026 11:00:00 GMT"}, 0.0),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    found = read({"error": {"message": "slow down"}}, status=429, **headers)
    assert isinstance(found, Rejection)
    assert found.retry_after_s == seconds


def test_counts_that_no_column_holds_are_unknown() -> None:
    for count in (-1, 2**32, 1.5, "7", True, None):
        found = read(openai_answer(usage={"prompt_tokens": count, "completion_tokens": 1}))
        assert isinstance(found, Reading)
        assert found.usage.input_tokens is None


@settings(deadline=None)
@given(json_values, st.sampled_from(["openai", "anthropic"]), st.sampled_from([200, 400, 429, 500]))
def test_whatever_comes_back_nothing_is_raised(value: Any, api: Any, status: int) -> None:
    reading(api, status, {}, json.dumps(value).encode("utf-8", "replace"), NOW)
    embeddings_reading(status, {}, json.dumps(value).encode("utf-8", "replace"), 2, NOW)


@settings(deadline=None)
@given(st.text())
def test_whatever_stands_in_a_text_it_can_be_sent(text: str) -> None:
    asked = prompt(Question("verdict", "pairwise_pc", "", (Turn("user", text),), (Shown(text), Shown("b"))),
                   load("helpfulness"))  # fmt: skip
    assert json.loads(request(model(), asked).body)["messages"][1]["content"] == asked.user


def embeddings(**settings: Any) -> Embeddings:
    return Embeddings.model_validate({"url": "http://judge", "model": "text-embedding-3-small", **settings})


def test_embeddings_of_both_texts_are_one_call() -> None:
    sent = embeddings_request(embeddings(api_key="k"), ["one", ""])
    assert sent.url == "http://judge/v1/embeddings"
    assert json.loads(sent.body) == {
        "model": "text-embedding-3-small", "input": ["one", " "], "encoding_format": "float"
    }  # fmt: skip


def test_embeddings_are_read_in_their_order() -> None:
    data = [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [1, 0.5]}]
    body = json.dumps({"data": data, "model": "m", "usage": {"prompt_tokens": 9}}).encode()
    found = embeddings_reading(200, {}, body, 2)
    assert isinstance(found, Vectors)
    assert found.vectors == ((1.0, 0.5), (0.0, 2.0))
    assert (found.usage.input_tokens, found.usage.output_tokens) == (9, 0)
    assert isinstance(embeddings_reading(200, {}, body, 3), Rejection)
