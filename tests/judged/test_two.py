"""Two judge processes share a store: one judges, the other takes over when it goes, and nothing is asked twice."""

import asyncio
import os
import signal
from pathlib import Path

from config.model import Config
from tests.fakes.judge import JudgeUpstream
from tests.fakes.judge_role import JudgeRole, configuration, until
from tests.fakes.judged_pairs import Asked, fill
from tests.judged.judging import Judged, opened
from tests.kills.judge_pairs import CONTROL, Answering, Fate, expected, fate, requests

SEED = 11
QUICK = "tests.fakes.quick_judge"
PAIRS = 60
MOST_IN_FLIGHT = 8


async def test_a_process_that_ends_in_peace_leaves_nothing_twice_and_nothing_undone(tmp_path: Path) -> None:
    """It is stopped in the middle of its work: calls under way are waited for and stored, the other one goes on."""
    answering, asked = Answering(SEED), requests(PAIRS, SEED)
    with opened(tmp_path) as judged:
        async with JudgeUpstream(answering) as upstream:
            await asyncio.to_thread(fill, judged.store, list(asked.values()))
            config = _configured(tmp_path, upstream, "same")
            with JudgeRole(config, name="judge-1", module=QUICK) as first:
                await until(lambda: len(upstream.calls) > PAIRS // 2, "the first at work", first)
                with JudgeRole(config, name="judge-2", module=QUICK) as second:
                    await asyncio.to_thread(second.until_ready)
                    await until(lambda: sum(answering.given.values()) > PAIRS, "work goes on", second)
                    assert await asyncio.to_thread(first.stop) == 0
                    await until(lambda: _is_all_there(judged, asked), "all judged", second)
                    assert await asyncio.to_thread(second.stop) == 0
        rows = judged.rows("SELECT request_id, candidate, judge, count() AS n FROM judgements GROUP BY ALL")
        assert {row["n"] for row in rows} == {1}
    assert answering.strange == []
    assert set(answering.given) == expected(list(asked))
    assert set(answering.given.values()) == {1}


def _configured(directory: Path, upstream: JudgeUpstream, key: str) -> Config:
    model = {
        "name": "strict",
        "url": upstream.url,
        "model": "judge-model",
        "api_key": key,
        "price": upstream.price.configured(),
        "max_in_flight": MOST_IN_FLIGHT,
    }
    return configuration(directory, [model])


def _is_all_there(judged: Judged, asked: dict[str, Asked]) -> bool:
    refused = {
        (question.name, question.candidate)
        for question in expected(list(asked))
        if fate(question, SEED) is Fate.REFUSAL
    }
    answers = sum(len(one.answers) - (CONTROL in one.answers) for one in asked.values())
    (row,) = judged.rows("SELECT uniqExact(request_id, candidate) AS n FROM judgements")
    return bool(row["n"] == answers - len(refused))


async def test_a_process_that_slept_through_its_replacement_asks_nothing_when_it_wakes(tmp_path: Path) -> None:
    """As on a machine that was suspended: the other one gives it up and takes over. Credentials tell who asks."""
    answering, asked = Answering(SEED), requests(PAIRS, SEED)
    with opened(tmp_path) as judged:
        async with JudgeUpstream(answering) as upstream:
            await asyncio.to_thread(fill, judged.store, list(asked.values()))
            with JudgeRole(_configured(tmp_path, upstream, "one"), name="judge-1", module=QUICK) as first:
                await until(lambda: len(upstream.calls) > PAIRS // 2, "the first at work", first)
                with JudgeRole(_configured(tmp_path, upstream, "two"), name="judge-2", module=QUICK) as second:
                    await asyncio.to_thread(second.until_ready)
                    os.kill(first.pid, signal.SIGSTOP)
                    asleep = _of(upstream, "one")
                    await until(lambda: _of(upstream, "two") > 0, "the second takes over", second)
                    os.kill(first.pid, signal.SIGCONT)
                    await until(lambda: _is_all_there(judged, asked), "all judged", second)
                    assert await asyncio.to_thread(first.stop) == 0
                    assert await asyncio.to_thread(second.stop) == 0
    assert _of(upstream, "one") == asleep
    assert answering.strange == []
    assert set(answering.given) == expected(list(asked))
    # What was sent, or answered and not stored yet, when it fell asleep.
    assert sum(answering.given.values()) - len(answering.given) <= 2 * MOST_IN_FLIGHT


def _of(upstream: JudgeUpstream, key: str) -> int:
    return sum(call.key == key for call in upstream.calls)
