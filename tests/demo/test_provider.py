"""The simulated provider speaks the API well enough for the official client."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import httpx
import openai
import pytest

from cli.demo.provider import SimulatedProvider
from cli.demo.setting import PRIMARY
from cli.demo.simulation import Failure, Lognormal, Profile, draw_answer

FAST = dataclasses.replace(
    PRIMARY,
    first_token_s=Lognormal(0.001, 0.1),
    event_gap_s=Lognormal(0.0005, 0.1),
    error_share=0.0,
    failures=tuple(Failure),
    spell=None,
)
MESSAGES: list[Any] = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "how are you?"}]

Start = Callable[[Profile], Coroutine[None, None, openai.AsyncOpenAI]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def begin(profile: Profile) -> openai.AsyncOpenAI:
            provider = SimulatedProvider(profile, seed=11)
            await provider.start()
            stack.push_async_callback(provider.close)
            client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", max_retries=0)
            return await stack.enter_async_context(client)

        yield begin


async def test_a_whole_answer_names_the_model_asked_for_and_counts_its_words(start: Start) -> None:
    client = await start(FAST)
    answer = await client.chat.completions.create(model="any-model", messages=MESSAGES)
    assert answer.model == "any-model"
    assert answer.system_fingerprint == "simulated"
    assert answer.usage is not None
    text = answer.choices[0].message.content
    assert text is not None
    assert answer.usage.completion_tokens == len(text.split())
    assert answer.usage.prompt_tokens == 5 + 7, "five words, and seven more"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("include_usage", [True, False])
async def test_a_stream_reports_usage_only_when_asked_to(start: Start, include_usage: bool) -> None:
    client = await start(FAST)
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True, **options)
    chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.completion_tokens for usage in usages] == ([len(text.split())] if include_usage else [])
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


async def test_a_limit_on_tokens_is_kept_and_named(start: Start) -> None:
    client = await start(FAST)
    answer = await client.chat.completions.create(model="m", messages=MESSAGES, max_completion_tokens=3)
    assert answer.usage is not None
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (3, "length")


def body_that_fails(profile: Profile, wanted: Failure, *, stream: bool) -> bytes:
    """A request whose draw is this failure: found by trying, since a draw depends on nothing but the request."""
    for number in range(1_000):
        body = b'{"model":"m","stream":%s,"messages":[{"role":"user","content":"hi"}],"user":"%d"}' % (
            b"true" if stream else b"false",
            number,
        )
        drawn = draw_answer(profile, seed=11, body=body, repeat=0, prompt="hi", max_tokens=None)
        if drawn.failure is wanted and len(drawn.events) > 3:
            return body
    raise AssertionError("no such draw")


@pytest.mark.parametrize(("failure", "status"), [(Failure.RATE_LIMITED, 429), (Failure.SERVER_ERROR, 500)])
async def test_failures_have_the_providers_shape(start: Start, failure: Failure, status: int) -> None:
    profile = dataclasses.replace(FAST, error_share=0.5)
    client = await start(profile)
    body = body_that_fails(profile, failure, stream=True)
    async with httpx.AsyncClient() as plain:
        response = await plain.post(f"{client.base_url}chat/completions", content=body)
    assert response.status_code == status
    assert response.json()["error"]["message"].startswith("simulated: ")


async def test_a_stream_that_breaks_off_says_so_inside_a_200(start: Start) -> None:
    profile = dataclasses.replace(FAST, error_share=0.5)
    client = await start(profile)
    body = body_that_fails(profile, Failure.BROKEN_ANSWER, stream=True)
    async with httpx.AsyncClient() as plain:
        response = await plain.post(f"{client.base_url}chat/completions", content=body)
    events = [line for line in response.text.split("\n") if line]
    assert response.status_code == 200
    assert '"error"' in events[-1]
    assert "[DONE]" not in response.text


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"messages": []}', b'{"messages": [1]}', b'{"messages": [{"content": "x"}]}']
)
async def test_a_request_that_makes_no_sense_gets_400(start: Start, body: bytes) -> None:
    client = await start(FAST)
    async with httpx.AsyncClient() as plain:
        response = await plain.post(f"{client.base_url}chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
