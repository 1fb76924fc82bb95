"""The simulated judge answers what the judge role asks, in the form that it reads."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from analyzer.judge.prompt import prompt
from analyzer.judge.question import Form, Question, Shown, Turn, Verdict
from analyzer.judge.rubric import load
from analyzer.judge.verdict import verdict_of
from cli.demo.judge import SimulatedJudge
from cli.demo.setting import JUDGE
from cli.demo.simulation import Lognormal
from cli.demo.verdicts import choose, score

CLEAR = "The answer follows from two parts and each can be checked."
VAGUE = "Somehow whatever stuff basically sort of things maybe anyway."
QUICK = replace(JUDGE, answer_s=Lognormal(0.001, 0.1))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    judge = SimulatedJudge(QUICK, seed=3)
    await judge.start()
    yield f"http://127.0.0.1:{judge.port}/v1/chat/completions"
    await judge.close()


async def asked(url: str, form: Form, *answers: str) -> tuple[object, dict[str, int]]:
    """(verdict as the role reads it, usage)"""
    question = Question("verdict", form, "", (Turn("user", "Why?"),), tuple(Shown(text) for text in answers))
    said = prompt(question, load("helpfulness"))
    messages = [{"role": "system", "content": said.system}, {"role": "user", "content": said.user}]
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(url, json={"model": "m", "messages": messages})
    answer = response.json()
    assert response.headers["x-simulated"] == "true"
    return verdict_of(form, answer["choices"][0]["message"]["content"]), answer["usage"]


@pytest.mark.parametrize("answers", [(CLEAR, VAGUE), (VAGUE, CLEAR)])
async def test_two_answers_are_compared(url: str, answers: tuple[str, str]) -> None:
    verdict, usage = await asked(url, "pairwise_pc", *answers)
    assert isinstance(verdict, Verdict)
    assert verdict.value == {"A": 1, "B": -1}[choose(QUICK, *answers, seed=3, repeat=0)]
    assert usage["completion_tokens"] == QUICK.output_tokens
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_one_answer_is_scored(url: str) -> None:
    verdict, _ = await asked(url, "pointwise_primary", CLEAR)
    assert isinstance(verdict, Verdict)
    assert verdict.value == score(QUICK, CLEAR, seed=3)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", json.dumps({"model": "m", "messages": [1]}).encode()])
async def test_what_is_no_chat_is_refused(url: str, body: bytes) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url, content=body)).status_code == 400
